"""NIfTI files from strangers: the header is judged before any voxel is read.

The format is that of the NIfTI-1.1 and NIfTI-2 definitions (nifti.nimh.nih.gov); nibabel does
the decoding, this module does the doubting.
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import numpy as np
from nibabel.nifti1 import Nifti1Header, Nifti1Image, xform_codes
from nibabel.nifti2 import Nifti2Header, Nifti2Image
from nibabel.orientations import io_orientation
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from ml.errors import InvalidVolumeError
from ml.geometry import Geometry, ImageKind, affine_rows, spacing_of
from ml.intensity import finite_values

GZIP_MAGIC = b"\x1f\x8b"
HEADER_BYTES = {348: 348, 540: 540}
MAX_VOXELS = 80_000_000
MIN_SIDE = 16
MAX_SIDE = 1024
SPACING_MM = (0.05, 30.0)
LENGTH_UNITS = {1: "meter", 2: "mm", 3: "micron"}
CHUNK = 1 << 20
READ_ERRORS = (EOFError, OSError, zlib.error)

Header: TypeAlias = Nifti1Header


def open_bytes(path: Path) -> BinaryIO:
    """The file's content as a stream, decompressed where it is gzip, whatever its name."""
    with path.open("rb") as stream:
        compressed = stream.read(2) == GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if compressed else path.open("rb")


def is_nifti(head: bytes) -> bool:
    """Whether ``head``, the first decompressed bytes, begin a NIfTI-1 or NIfTI-2 header."""
    return _header_length(head) is not None


def _header_length(head: bytes) -> int | None:
    for order in ("little", "big"):
        length = int.from_bytes(head[:4], order)  # type: ignore[arg-type]
        if length in HEADER_BYTES:
            return length
    return None


def read_header(path: Path) -> Header:
    """The header, decoded and nothing else read.

    Raises InvalidVolumeError where there is none or it belongs to a file pair.
    """
    try:
        with open_bytes(path) as stream:
            head = stream.read(540)
    except READ_ERRORS as error:
        raise InvalidVolumeError(
            "The file is damaged and cannot be decompressed. Please export it again."
        ) from error
    length = _header_length(head)
    if length is None or len(head) < length:
        raise InvalidVolumeError("The file is not a NIfTI volume. Please export it as .nii.gz.")
    header_class = Nifti1Header if length == 348 else Nifti2Header
    header = header_class(head[:length], check=False)
    if bytes(header["magic"].item())[:2] != b"n+":
        raise InvalidVolumeError(
            "The file is one half of a header and image pair. Please export a single .nii.gz file."
        )
    _mend_transforms(header)
    return header


def _mend_transforms(header: Header) -> None:
    """Takes slips in the transforms as nibabel takes them when it reads the voxels.

    A qfac other than -1 is 1, as the format says; a size is positive; an unknown code is none.
    """
    header["pixdim"][1:4] = np.abs(header["pixdim"][1:4])
    if header["pixdim"][0] != -1:
        header["pixdim"][0] = 1
    for name in ("qform_code", "sform_code"):
        if int(header[name]) not in xform_codes.value_set():
            header[name] = 0


def _image_class(header: Header) -> type[Nifti1Image]:
    chosen: type[Nifti1Image] = Nifti2Image if isinstance(header, Nifti2Header) else Nifti1Image
    return chosen


def read_geometry(path: Path) -> Geometry:
    """The grid of a NIfTI file, from its header; raises InvalidVolumeError in plain words."""
    header = read_header(path)
    shape = _check_shape(header)
    data_type = _check_data_type(header)
    affine = _stated_affine(header)
    in_millimetres = _length_unit(header) in ("mm", "unknown")
    spacing = _checked_spacing(header, affine) if in_millimetres else None
    return Geometry(
        kind=ImageKind.VOLUME,
        file_format="NIfTI",
        shape=shape,
        stored_shape=tuple(int(n) for n in header.get_data_shape()),
        channels=1,
        data_type=data_type.name,
        spacing_mm=spacing,
        affine=None if affine is None else affine_rows(affine),
    )


def _length_unit(header: Header) -> str:
    """The unit of the header's lengths; nibabel raises KeyError for codes that it does not know."""
    return LENGTH_UNITS.get(int(header["xyzt_units"]) % 8, "unknown")


def _check_shape(header: Header) -> tuple[int, ...]:
    count = int(header["dim"][0])
    if not 1 <= count <= 7:
        raise InvalidVolumeError("The file's header is damaged. Please export it again.")
    stored = [int(n) for n in header["dim"][1 : count + 1]]
    if min(stored) < 1:
        raise InvalidVolumeError("The volume is empty. Please export the series again.")
    if any(n > 1 for n in stored[3:]):
        raise InvalidVolumeError(
            f"The file holds {int(np.prod(stored[3:]))} volumes (4D). "
            "Please upload one 3D volume for each file."
        )
    shape = tuple([*stored, 1, 1][:3])
    if sorted(shape)[1] < MIN_SIDE:
        raise InvalidVolumeError(
            f"The volume measures only {_times(shape)} voxels, too few for a brain scan."
        )
    if max(shape) > MAX_SIDE or int(np.prod(shape, dtype=np.int64)) > MAX_VOXELS:
        raise InvalidVolumeError(
            f"The volume measures {_times(shape)} voxels, more than the {MAX_VOXELS // 10**6} "
            f"million (at most {MAX_SIDE} a side) that are read. Please resample it."
        )
    return shape


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _check_data_type(header: Header) -> np.dtype[np.generic]:
    try:
        data_type: np.dtype[np.generic] = np.dtype(header.get_data_dtype())
    except (KeyError, HeaderDataError) as error:
        raise InvalidVolumeError(
            "The header names an unknown data type. Please export it again."
        ) from error
    if data_type.kind not in "iuf":
        raise InvalidVolumeError(
            "The volume holds colours or complex numbers, not grey values. "
            "Please export the original magnitude images."
        )
    return data_type


def _stated_affine(header: Header) -> NDArray[np.float64] | None:
    """The sform, else the qform, else None: nibabel's fallback would guess the sides."""
    try:
        affine = header.get_sform(coded=True)[0]
        if affine is None:
            affine = header.get_qform(coded=True)[0]
    except (HeaderDataError, ValueError):
        affine = None
    if affine is None:
        return None
    if (
        not np.isfinite(affine).all()
        or abs(np.linalg.det(affine[:3, :3])) < 1e-6
        or np.isnan(io_orientation(affine)).any()
    ):
        raise InvalidVolumeError(
            "The header's orientation matrix is not usable. Please export the series again."
        )
    return np.asarray(affine, dtype=np.float64)


def _checked_spacing(
    header: Header, affine: NDArray[np.float64] | None
) -> tuple[float, ...] | None:
    """The voxel's size, from the affine where there is one; None where the header leaves it out."""
    if affine is not None:
        spacing = spacing_of(affine)
    else:
        zooms = [abs(float(z)) for z in header["pixdim"][1:4]]
        if not any(zooms):
            return None
        spacing = tuple(round(z, 6) for z in zooms)
    low, high = SPACING_MM
    if not all(np.isfinite(s) and low <= s <= high for s in spacing):
        sizes = " x ".join(f"{s:g}" for s in spacing)
        raise InvalidVolumeError(
            f"The header gives a voxel size of {sizes} mm, which no brain scan has. "
            "Please export the series again."
        )
    return spacing


def read_voxels(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The grey values (X, Y, Z), scaled as the header says, and nibabel's affine (4 x 4).

    Values that are not finite become zero. The file is gone through once. Raises
    InvalidVolumeError where data is missing (a broken transfer), where a gzip checksum fails, or
    where far more comes out than the header promises (a bomb).
    """
    header = read_header(path)
    content = _read_promised(path, _promised_bytes(header))
    try:
        image = _image_class(header).from_stream(io.BytesIO(content))
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (*READ_ERRORS, ValueError, HeaderDataError) as error:
        raise InvalidVolumeError(
            "The file is cut off or damaged. Please upload it again from its source."
        ) from error
    values = finite_values(values)
    return values.reshape(_check_shape(header)), np.asarray(image.affine, dtype=np.float64)


def _read_promised(path: Path, promised: int) -> bytearray:
    """The file's content, no more of it in memory than ``promised`` bytes and two chunks."""
    content = bytearray()
    try:
        with open_bytes(path) as stream:
            # Piece by piece, as a header may promise anything; and to the end of the stream, past
            # the promised bytes, as gzip's checksum comes last.
            while chunk := stream.read(CHUNK):
                content += chunk
                if len(content) > promised + CHUNK:
                    raise InvalidVolumeError(
                        "The file unpacks to far more data than its header says. "
                        "Please export it again."
                    )
    except READ_ERRORS as error:
        raise InvalidVolumeError(
            "The file is cut off or damaged. Please upload it again from its source."
        ) from error
    if len(content) < promised:
        raise InvalidVolumeError(
            "The file ends before its last slice. Please upload it again from its source."
        )
    return content


def _promised_bytes(header: Header) -> int:
    offset = float(header["vox_offset"])
    if not np.isfinite(offset):
        raise InvalidVolumeError("The file's header is damaged. Please export it again.")
    itemsize = int(np.dtype(header.get_data_dtype()).itemsize)
    return int(offset) + itemsize * int(np.prod(header.get_data_shape(), dtype=np.int64))


def pack(image: Nifti1Image) -> bytes:
    """``image`` as .nii.gz; equal images give equal bytes.

    Masks are long runs of one value. For these zlib's run-length matching is three times as quick
    as its usual level and about as small; its gzip header names no file and no time.
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS + 16, strategy=zlib.Z_RLE)
    return packer.compress(image.to_bytes()) + packer.flush()


def write_mask(path: Path, mask: NDArray[np.generic], *, like: Path) -> None:
    """Stores ``mask`` (X, Y, Z) as .nii.gz with exactly the header geometry of ``like``.

    Shape, affine, both transforms and their codes are those of ``like``; labels are uint8.
    """
    _write_like(path, np.asarray(mask, dtype=np.uint8), like, b"Sulcus mask. Research use only.")


def write_values(path: Path, values: NDArray[np.float32], *, like: Path) -> None:
    """Stores grey values (X, Y, Z) as whole numbers, with the header geometry of ``like``."""
    whole = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    _write_like(path, whole, like, b"Sulcus, resampled. Research use only.")


def _write_like(path: Path, values: NDArray[np.generic], like: Path, words: bytes) -> None:
    source = read_header(like)
    header = type(source)()
    header.set_data_dtype(values.dtype)
    stored = tuple(int(n) for n in source.get_data_shape())
    # NIfTI stores the first axis fastest: in that order nothing has to be turned round.
    image = _image_class(source)(np.asfortranarray(values).reshape(stored, order="F"), None, header)
    image.header["pixdim"] = source["pixdim"]
    _copy_transforms(source, image)
    image.header.set_xyzt_units(_length_unit(source))
    image.header["descrip"] = words
    path.write_bytes(pack(image))


def _copy_transforms(source: Header, image: Nifti1Image) -> None:
    """Field by field: setting a matrix would decompose it again and change its last digits."""
    transforms = ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d")
    for name in (*transforms, "qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):
        image.header[name] = source[name]
