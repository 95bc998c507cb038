"""The map of a result's lesions: each voxel carries the number of the lesion it belongs to.

It lies beside the mask, on exactly the scan's grid, so that a viewer can show every lesion in its
own colour. Numbers above 255 are 255, as a voxel is one byte.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml import nifti
from ml.geometry import Geometry, ImageKind
from ml.measures import number_lesions
from ml.picture_volumes import picture_labels
from ml.pictures import read_pixels
from ml.place import Convention
from ml.stacks import slices_to_volume, volume_to_slices
from ml.volumes import read_geometry
from segmentation.models import Segmentation

NAME = "lesions.nii.gz"


def lesion_map_path(segmentation: Segmentation) -> Path:
    return Path(segmentation.mask.path).parent / NAME


def write_lesion_map(
    folder: Path,
    labels: NDArray[np.integer],
    *,
    source: Path,
    geometry: Geometry,
    affine: NDArray[np.float64],
    convention: Convention,
) -> Path:
    """Writes the map of ``labels`` (Z, H, W), the lesions' numbers, into ``folder``.

    ``source`` is the scan's file, whose header the map takes over; ``affine`` is what turned its
    voxels into slices. ``convention`` is what is known of a picture's sides.
    """
    numbers = np.minimum(labels, 255).astype(np.uint8)
    return write_map(
        folder / NAME,
        numbers,
        source=source,
        geometry=geometry,
        affine=affine,
        convention=convention,
    )


def write_map(
    path: Path,
    values: NDArray[np.uint8],
    *,
    source: Path,
    geometry: Geometry,
    affine: NDArray[np.float64],
    convention: Convention,
) -> Path:
    """Writes ``values`` (Z, H, W) as .nii.gz on the scan's own grid, as in a lesion map."""
    if geometry.kind is ImageKind.PICTURE:
        path.write_bytes(picture_labels(values[0], convention=convention))
    else:
        nifti.write_mask(path, slices_to_volume(values, affine), like=source)
    return path


def lesion_map(segmentation: Segmentation) -> Path:
    """The map of a result that has a mask; made now and kept where it was saved without one."""
    path = lesion_map_path(segmentation)
    if not path.exists():
        _make_from_mask(segmentation, path)
    return path


def _make_from_mask(segmentation: Segmentation, path: Path) -> None:
    """Numbers the components of the mask as they were numbered when they were measured."""
    scan = segmentation.scan
    source, mask = Path(scan.file.path), Path(segmentation.mask.path)
    geometry = read_geometry(source)
    if geometry.kind is ImageKind.PICTURE:
        found, affine = read_pixels(mask)[:1] > 0, np.eye(4)
    else:
        values, affine = nifti.read_voxels(mask)
        found = volume_to_slices(values > 0, affine).astype(np.bool_)
    # Written aside and moved, so that two who ask at once never see half a file.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="making-") as aside:
        made = write_lesion_map(
            Path(aside),
            number_lesions(found),
            source=source,
            geometry=geometry,
            affine=affine,
            convention=Convention(scan.convention),
        )
        made.replace(path)
