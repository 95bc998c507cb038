"""Masks that others made: labels on a grid, read with the same doubts as scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml import nifti, pictures
from ml.errors import InvalidVolumeError
from ml.geometry import Geometry, ImageKind
from ml.stacks import volume_to_slices
from ml.volumes import MedicalImage, read_geometry

# No scheme of brain tumour labels has more; a scan has more values.
MOST_LABELS = 32
# Headers round: corners that lie closer than this share of a voxel are the same.
SAME_PLACE = 0.05


@dataclass(frozen=True)
class MaskFile:
    """``labels`` is (X, Y, Z) of a volume and (H, W) of a picture; 0 is background."""

    geometry: Geometry
    labels: NDArray[np.uint16]
    affine: NDArray[np.float64]

    @property
    def values(self) -> list[int]:
        """The labels that occur, in order."""
        return [int(value) for value in np.flatnonzero(np.bincount(self.labels.ravel())) if value]

    @property
    def slices(self) -> NDArray[np.uint16]:
        """The labels in the reader's view (Z, H, W)."""
        if self.geometry.kind is ImageKind.PICTURE:
            return self.labels[None]
        return np.asarray(volume_to_slices(self.labels, self.affine), dtype=np.uint16)

    def as_image(self) -> MedicalImage:
        """The mask as if it were a scan, for its grid."""
        values = self.labels.astype(np.float32)
        is_picture = self.geometry.kind is ImageKind.PICTURE
        return MedicalImage(self.geometry, values[None] if is_picture else values, self.affine)


def read_mask(path: Path) -> MaskFile:
    """The mask at ``path``, an empty one too.

    Raises InvalidVolumeError where the file is no volume or picture, and where its values are no
    labels: whole numbers from 0, not too many of them.
    """
    geometry = read_geometry(path)
    if geometry.kind is ImageKind.PICTURE:
        channels = pictures.read_pixels(path)
        if (channels != channels[:1]).any():
            raise InvalidVolumeError(
                "The mask is a picture in colour. Please save its labels as grey values."
            )
        values, affine = channels[0], np.eye(4)
    else:
        values, affine = nifti.read_voxels(path)
    return MaskFile(geometry, _as_labels(values), affine)


def _as_labels(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    limit = np.iinfo(np.uint16).max
    if values.min() < 0 or values.max() > limit or (values != np.rint(values)).any():
        raise InvalidVolumeError(
            "The file is no mask: it has values that are not whole numbers from 0 to "
            f"{limit}. Please give the labels, not the probabilities or the scan."
        )
    labels: NDArray[np.uint16] = values.astype(np.uint16)
    count = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
    if count > MOST_LABELS:
        raise InvalidVolumeError(
            f"The file is no mask: it has {count} different values, as a scan has. "
            "Please give the labels."
        )
    return labels


def check_one_grid(mask: MaskFile, image: MedicalImage) -> None:
    """Raises InvalidVolumeError, in words, where ``mask`` does not lie on the grid of ``image``."""
    one, other = mask.geometry, image.geometry
    again = "Please give a mask that was made on this scan, or measure it without the scan."
    if one.kind is not other.kind:
        raise InvalidVolumeError(f"The mask is a {one.kind} and the scan a {other.kind}. {again}")
    if one.shape != other.shape:
        raise InvalidVolumeError(
            f"The mask has {_times(one.shape)} voxels and the scan {_times(other.shape)}. {again}"
        )
    if (one.affine is None) is not (other.affine is None):
        silent, stated = ("mask", "scan") if one.affine is None else ("scan", "mask")
        raise InvalidVolumeError(
            f"The {silent} does not say where its voxels lie and the {stated} does. {again}"
        )
    _check_sizes(one, other, again)
    if one.affine is not None:
        apart = _furthest_corner_mm(mask.affine, image.affine, one.shape)
        if apart > SAME_PLACE * min(one.spacing_mm or (1.0,)):
            raise InvalidVolumeError(
                f"The mask's voxels lie up to {apart:.3g} mm from the scan's. {again}"
            )


def _check_sizes(one: Geometry, other: Geometry, again: str) -> None:
    """Sizes that are stated without a place."""
    if one.affine is not None or one.spacing_mm == other.spacing_mm:
        return
    if one.spacing_mm is None or other.spacing_mm is None:
        raise InvalidVolumeError(f"Only one of mask and scan gives a voxel size. {again}")
    if not np.allclose(one.spacing_mm, other.spacing_mm, rtol=1e-3):
        raise InvalidVolumeError(
            f"The mask's voxels are {_times(one.spacing_mm)} mm and the scan's "
            f"{_times(other.spacing_mm)} mm. {again}"
        )


def _furthest_corner_mm(
    one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, ...]
) -> float:
    """How far the two affines (4 x 4) set a corner of the grid apart at most."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], [1])).reshape(4, -1)
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in values)


def name_labels(values: list[int], names: Mapping[int, str]) -> dict[int, str]:
    """A name for each of ``values`` and of ``names``: the one given, else the value itself.

    A mask of one value that nobody named has no labels beside itself.
    """
    if len(values) < 2 and not names:
        return {}
    return {value: names.get(value, str(value)) for value in sorted({*values, *names})}
