"""Results from before a figure was worked out get it, and their place, from their stored mask.

A signed result is left as it was signed: the database refuses to change it, and a figure that its
signer never saw does not belong under the signature.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from ml import nifti
from ml.atlas import TemplateFit, fit_scan
from ml.drawings import measure_labels
from ml.errors import InvalidDrawingError, InvalidVolumeError
from ml.geometry import ImageKind
from ml.measures import Measurement
from ml.pictures import read_pixels
from ml.place import Convention
from ml.volumes import MedicalImage, load_image
from patients.models import Scan
from segmentation.errors import ScanErasedError
from segmentation.lesion_maps import lesion_map
from segmentation.models import Lesion, ReviewState, Segmentation, State
from segmentation.services.locks import lock_scan
from segmentation.services.results import place_fields
from segmentation.services.saving import NOT_FITTED_YET

OF_A_LESION = (
    *("product_mm2", "longest_3d_mm", "surface_mm2", "sphericity", "brain_percent"),
    *("is_measurable", "is_tiny"),
)
OF_A_PLACE = (
    *("side", "left_share", "place", "without_atlas", "regions", "unnamed_share"),
    *("crosses_midline", "depth_mm", "ventricle_mm", "cortex_share", "eloquent"),
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
    """Every clinic's results that have a mask and not all figures, or were never placed."""
    never_placed = Lesion.objects.filter(
        segmentation=OuterRef("pk"),
        regions__isnull=True,
        without_atlas__in=("", NOT_FITTED_YET),
    )
    results = Segmentation.objects.filter(
        Q(brain_source="") | Exists(never_placed), state=State.SUCCEEDED
    )
    return list(results.select_related("scan__study").order_by("created_at"))


def remeasure_result(*, segmentation: Segmentation) -> Outcome:
    """Fills the empty figures of one result, where its mask measures what is stored of it.

    Its scan is laid on the template if it was not; that is kept for a signed result's scan too,
    for whoever amends it.
    """
    try:
        image = load_image(Path(segmentation.scan.file.path))
        fit = _keep_fit(segmentation.scan, image)
        if segmentation.is_signed:
            return Outcome.SIGNED
        return _fill(segmentation, _measure(segmentation, image, fit))
    except (OSError, InvalidVolumeError, InvalidDrawingError):
        return Outcome.SIGNED if segmentation.is_signed else Outcome.UNREADABLE
    except ScanErasedError:
        return Outcome.GONE


def _keep_fit(scan: Scan, image: MedicalImage) -> TemplateFit:
    """The scan's fit, found now if no worker has, and kept if the scan still reads the same."""
    stored = Scan.objects.filter(pk=scan.pk).values_list("template_fit", flat=True).first()
    if stored is not None:
        return TemplateFit.from_dict(stored)
    fit = fit_scan(image, spacing_is_reliable=scan.spacing_is_reliable)
    Scan.objects.filter(
        pk=scan.pk, template_fit__isnull=True, spacing_is_reliable=scan.spacing_is_reliable
    ).update(template_fit=fit.as_dict())
    return fit


def _measure(segmentation: Segmentation, image: MedicalImage, fit: TemplateFit) -> Measurement:
    scan = segmentation.scan
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
        fit=fit,
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
        for name, value in place_fields(figures.place).items():
            setattr(lesion, name, value)
        # One by one: bulk_update would write JSON's null where there is nothing.
        lesion.save(update_fields=OF_A_LESION + OF_A_PLACE)
    for name, value in measurement.as_dict().items():
        if name in OF_A_RESULT:
            setattr(row, name, value)
    spread = measurement.spread.as_dict()
    row.is_multifocal = spread["multifocal"]
    row.save(update_fields=OF_A_RESULT)
    return Outcome.FILLED
