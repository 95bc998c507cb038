"""Results from before a figure was worked out get it from their stored mask; nothing else changes.

A signed result is left as it was signed: the database refuses to change it, and a figure that its
signer never saw does not belong under the signature.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import numpy as np
from django.db import transaction

from ml import nifti
from ml.drawings import measure_labels
from ml.errors import InvalidDrawingError, InvalidVolumeError
from ml.geometry import ImageKind
from ml.measures import Measurement
from ml.pictures import read_pixels
from ml.place import Convention
from ml.volumes import load_image
from segmentation.errors import ScanErasedError
from segmentation.lesion_maps import lesion_map
from segmentation.models import Lesion, ReviewState, Segmentation, State
from segmentation.services.locks import lock_scan

OF_A_LESION = (
    *("product_mm2", "longest_3d_mm", "surface_mm2", "sphericity", "brain_percent"),
    *("is_measurable", "is_tiny"),
)
OF_A_RESULT = (
    *("brain_percent", "brain_volume_ml", "brain_source", "surface_mm2", "sum_of_products_mm2"),
    *("is_multifocal", "satellites", "distances_mm"),
)


class Outcome(StrEnum):
    FILLED = "filled"
    SIGNED = "left as signed"
    UNREADABLE = "left, as a file could not be read"
    DIFFERENT = "left, as the mask does not measure what is stored"
    GONE = "erased meanwhile"


def unmeasured_results() -> list[Segmentation]:
    """Every clinic's results that have a mask and not the figures of the whole."""
    results = Segmentation.objects.filter(state=State.SUCCEEDED, brain_source="")
    return list(results.select_related("scan__study").order_by("created_at"))


def remeasure_result(*, segmentation: Segmentation) -> Outcome:
    """Fills the empty figures of one result, where its mask measures what is stored of it."""
    if segmentation.is_signed:
        return Outcome.SIGNED
    try:
        measurement = _measure(segmentation)
    except (OSError, InvalidVolumeError, InvalidDrawingError):
        return Outcome.UNREADABLE
    try:
        return _fill(segmentation, measurement)
    except ScanErasedError:
        return Outcome.GONE


def _measure(segmentation: Segmentation) -> Measurement:
    scan = segmentation.scan
    image = load_image(Path(scan.file.path))
    if scan.kind == ImageKind.PICTURE:
        labels = (read_pixels(Path(segmentation.mask.path))[0] > 0).astype(np.uint8)
    else:
        # The map tells touching lesions apart as they were when the result was made.
        labels = nifti.read_voxels(lesion_map(segmentation))[0].astype(np.uint8)
    _, measurement = measure_labels(
        labels,
        image,
        sequence=scan.sequence,
        spacing_is_reliable=scan.spacing_is_reliable,
        convention=Convention(scan.convention),
    )
    return measurement


@transaction.atomic
def _fill(segmentation: Segmentation, measurement: Measurement) -> Outcome:
    lock_scan(segmentation.scan_id)
    row = Segmentation.objects.select_for_update().filter(pk=segmentation.pk).first()
    if row is None:
        return Outcome.GONE
    if row.review == ReviewState.SIGNED:
        return Outcome.SIGNED
    stored = list(row.lesions.order_by("number"))
    found = measurement.lesions
    if [lesion.voxels for lesion in stored] != [lesion.voxels for lesion in found]:
        return Outcome.DIFFERENT
    if row.scan.spacing_is_reliable != segmentation.scan.spacing_is_reliable:
        return Outcome.DIFFERENT
    for lesion, figures in zip(stored, found, strict=True):
        for name in OF_A_LESION:
            setattr(lesion, name, getattr(figures, name))
    Lesion.objects.bulk_update(stored, OF_A_LESION)
    for name, value in measurement.as_dict().items():
        if name in OF_A_RESULT:
            setattr(row, name, value)
    spread = measurement.spread.as_dict()
    row.is_multifocal = spread["multifocal"]
    row.save(update_fields=OF_A_RESULT)
    return Outcome.FILLED
