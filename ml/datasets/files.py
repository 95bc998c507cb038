"""Pictures and volumes of a data set, read so that a bad file is named in plain words."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray
from PIL import Image

from ml.datasets.cases import DatasetError, times
from ml.pictures import DAMAGE
from ml.stacks import STACK_AXES, volume_to_slices

PICTURE_SUFFIXES = {".tif", ".tiff", ".png", ".jpg", ".jpeg"}
LOSSY_FORMATS = {"JPEG", "MPO"}
GREY_MODES = {"L", "I", "F", "I;16", "I;16L", "I;16B"}
VOLUME_DAMAGE = (ImageFileError, HeaderDataError, zlib.error, EOFError, OSError, ValueError)
# How many folders deep a data set may be wrapped by its archive.
LEVELS = 3
SAME_PLACE_MM = 0.5
LEAST_VOXEL_MM3 = 1e-6

Found = TypeVar("Found")


def is_visible(path: Path) -> bool:
    """Whether a file or folder is content: not hidden, no trace of a Mac's archiver."""
    return not path.name.startswith(".") and path.name != "__MACOSX"


def visible_files(folder: Path) -> list[Path]:
    """The files of ``folder`` by name, without hidden ones."""
    return sorted(path for path in folder.iterdir() if is_visible(path) and path.is_file())


def visible_folders(folder: Path) -> list[Path]:
    """The folders of ``folder`` by name, without hidden ones. DatasetError where it is none."""
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder")
    return sorted(path for path in folder.iterdir() if is_visible(path) and path.is_dir())


def find_cases(root: Path, look: Callable[[Path], Found | None]) -> list[tuple[Path, Found]]:
    """What ``look`` finds in the folders of the shallowest level below ``root`` that has any.

    Archives wrap their cases in further folders, and the Kaggle one holds its cases a second
    time one level deeper: the shallowest counts. Raises DatasetError where two folders of that
    level have the same name.
    """
    level = visible_folders(root)
    for _ in range(LEVELS):
        looked = [(folder, look(folder)) for folder in level]
        found = [(folder, content) for folder, content in looked if content]
        if found:
            _refuse_twins([folder for folder, _ in found])
            return sorted(found, key=lambda pair: pair[0].name)
        level = [below for folder in level for below in visible_folders(folder)]
    return []


def _refuse_twins(folders: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for folder in folders:
        if folder.name in seen:
            raise DatasetError(f"{folder} and {seen[folder.name]} are the same case twice")
        seen[folder.name] = folder


def read_picture(path: Path) -> NDArray[np.generic]:
    """A picture as (H, W) if it is grey, else (H, W, 3). DatasetError names a damaged file."""
    return _decode(path)[0]


def read_mask(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask of (H, W) = ``shape``: true where the picture is not black.

    0/1, 0/255, 1-bit, grey, colour and palette pictures are all masks. A JPEG smears its edges
    and its black, so there only the upper half of 0 to 255 counts. Raises DatasetError for a
    damaged file and for one of another size.
    """
    values, file_format = _decode(path)
    flat = values.astype(np.float32)
    if flat.ndim == 3:
        flat = flat.max(axis=-1)
    if flat.shape != shape:
        raise DatasetError(f"{path} measures {times(flat.shape)} and its slice {times(shape)}")
    level = 127 if file_format in LOSSY_FORMATS else 0
    return np.asarray(flat > level)


def _decode(path: Path) -> tuple[NDArray[np.generic], str]:
    try:
        with Image.open(path) as picture:
            frames = int(getattr(picture, "n_frames", 1))
            values = np.asarray(_in_plain_mode(picture))
            file_format = str(picture.format)
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path} is damaged or no picture at all") from error
    if frames > 1 and file_format not in LOSSY_FORMATS:
        raise DatasetError(f"{path} holds {frames} pictures where one slice is expected")
    return np.nan_to_num(values) if values.dtype.kind == "f" else values, file_format


def _in_plain_mode(picture: Image.Image) -> Image.Image:
    if picture.mode in GREY_MODES or picture.mode == "RGB":
        return picture
    return picture.convert("L" if picture.mode in ("1", "LA") else "RGB")


@dataclass(frozen=True)
class Volume:
    """Slices (Z, H, W) in the reader's view; ``affine`` (4, 4) takes (z, row, column) to mm."""

    slices: NDArray[np.generic]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """The voxel's size along (Z, H, W)."""
        slice_mm, row_mm, column_mm = (float(size) for size in voxel_sizes(self.affine))
        return slice_mm, row_mm, column_mm


def read_volume(path: Path) -> Volume:
    """A NIfTI volume of any orientation.

    Raises DatasetError for a damaged file, one that is not 3D, and an affine that is none.
    """
    try:
        image = nib.load(path)
        volume = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, dtype=np.float64)
    except VOLUME_DAMAGE as error:
        raise DatasetError(f"{path} is damaged or no NIfTI volume") from error
    if volume.ndim == 4 and volume.shape[3] == 1:
        volume = volume[..., 0]
    if volume.ndim != 3 or volume.size == 0 or volume.dtype.kind not in "biuf":
        raise DatasetError(f"{path} is no single 3D volume ({times(volume.shape)})")
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < LEAST_VOXEL_MM3:
        raise DatasetError(f"{path} does not say where its voxels lie (its affine is no affine)")
    if volume.dtype.kind == "f":
        volume = np.nan_to_num(volume)
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(STACK_AXES))
    slices = volume_to_slices(volume, affine)
    # Now of the slices, so that files stored in different orientations can be compared.
    return Volume(slices, affine @ inv_ornt_aff(turn, volume.shape))


def check_same_place(path: Path, volume: Volume, other_path: Path, other: Volume) -> None:
    """DatasetError unless two volumes have the same voxels in the same places."""
    shape = volume.slices.shape
    if shape != other.slices.shape:
        raise DatasetError(
            f"{path} has {times(shape)} voxels and {other_path.name} {times(other.slices.shape)}"
        )
    corners = list(product(*((0, side - 1) for side in shape)))
    places = apply_affine(volume.affine, corners) - apply_affine(other.affine, corners)
    if np.abs(places).max() > SAME_PLACE_MM:
        raise DatasetError(
            f"{path} and {other_path.name} lie up to {np.abs(places).max():.1f} mm apart, "
            "so they do not show the same place"
        )
