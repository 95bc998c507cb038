"""What a person draws: labels on the grid of the file, as a browser sends them.

They come as one gzipped block of uint8, one voxel after the other with the file's first axis
fastest, without a header. A picture's first axis is its columns, from the left, and its second its
rows, from the top, as in :mod:`ml.picture_volumes`: its block is row after row.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.atlas import TemplateFit
from ml.errors import InvalidDrawingError
from ml.geometry import ImageKind
from ml.measures import Measurement, measure, number_lesions
from ml.place import Convention
from ml.prediction import COMPOSITE, make_grid, make_stack
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage

GZIP = zlib.MAX_WBITS + 16
# What gzip adds at most to bytes that it cannot make smaller: five for every 16 kB, and a frame.
FRAME = 1 << 16
# More pieces than any tumour has; a brush kept within bounds of intensity can leave specks by the
# hundred thousand, and each of them would be measured as a lesion.
MOST_PIECES = 5000


def largest_packed(shape: tuple[int, ...]) -> int:
    """How many bytes the labels of a grid of ``shape`` can come in at most."""
    voxels = math.prod(shape)
    return voxels + voxels // 1024 + FRAME


def unpack_labels(content: bytes, *, shape: tuple[int, ...], kind: ImageKind) -> NDArray[np.uint8]:
    """The labels in ``content``: (X, Y, Z) of a volume, (H, W) of a picture; ``shape`` is theirs.

    No more is ever unpacked than the grid holds and one byte. Raises InvalidDrawingError where
    the block is damaged, cut off, or of another length than the grid.
    """
    expected = math.prod(shape)
    unpacker = zlib.decompressobj(GZIP)
    try:
        raw = unpacker.decompress(content, expected + 1)
    except zlib.error as error:
        raise InvalidDrawingError(
            "The drawing arrived damaged and was not kept. Please send it again."
        ) from error
    if len(raw) > expected:
        raise InvalidDrawingError(
            f"The drawing has more than the scan's {expected} voxels, so it was not kept. "
            "Please reload the page: it may show another scan."
        )
    if not unpacker.eof:
        raise InvalidDrawingError(
            "The drawing arrived cut off and was not kept. Please send it again."
        )
    if len(raw) < expected or unpacker.unused_data:
        raise InvalidDrawingError(
            f"The drawing has {len(raw)} voxels and the scan {expected}, so it was not kept. "
            "Please reload the page: it may show another scan."
        )
    labels = np.frombuffer(raw, dtype=np.uint8)
    return labels.reshape(shape, order="C" if kind is ImageKind.PICTURE else "F")


def measure_labels(
    labels: NDArray[np.uint8],
    image: MedicalImage,
    *,
    sequence: str,
    spacing_is_reliable: bool = True,
    convention: Convention = Convention.UNKNOWN,
    fit: TemplateFit | None = None,
) -> tuple[NDArray[np.generic], Measurement]:
    """The scan in the reader's view (Z, H, W), and what ``labels`` on its grid measure there.

    Each 26-connected component of each value is a lesion, and none has a probability. ``sequence``
    may be one that no model reads; ``fit`` is how the scan lies on the template. Raises
    InvalidVolumeError for a composite without channels and InvalidDrawingError for more than
    ``MOST_PIECES`` lesions.
    """
    slices = _slices(image, sequence)
    is_picture = image.geometry.kind is ImageKind.PICTURE
    pieces = labels[None] if is_picture else volume_to_slices(labels, image.affine)
    pieces = np.asarray(pieces, dtype=np.uint8)
    count = int(number_lesions(pieces > 0, pieces).max())
    if count > MOST_PIECES:
        raise InvalidDrawingError(
            f"The drawing falls into {count} separate pieces, and a scan can have {MOST_PIECES}. "
            "Please erase the specks, or join them."
        )
    grid = make_grid(image, spacing_is_reliable=spacing_is_reliable, convention=convention)
    grid = replace(grid, fit=fit)
    return slices, measure(pieces > 0, image=slices, grid=grid, pieces=pieces)


def _slices(image: MedicalImage, sequence: str) -> NDArray[np.generic]:
    """The scan (Z, H, W), of a composite the channel that a model's measures are taken on too."""
    if image.geometry.kind is ImageKind.VOLUME:
        return volume_to_slices(image.values, image.affine)
    if sequence == COMPOSITE:
        return make_stack(image, sequence=sequence).reference
    brightest: NDArray[np.generic] = image.values.max(axis=0)[None]
    return brightest
