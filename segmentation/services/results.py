"""Saving what was found: files first, then everything else in one transaction."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ml.measures import LesionMeasure, Measurement
from ml.models import Model
from ml.prediction import Prediction
from ml.stacks import slice_pixel_mm
from ml.volumes import MedicalImage, mask_suffix, write_mask
from patients.models import Scan
from segmentation.errors import ClaimLostError
from segmentation.files import (
    attempt_folder,
    media_root,
    remove_folder,
    remove_if_empty,
    remove_other_attempts,
)
from segmentation.models import Lesion, ReviewState, Segmentation, State, Step
from segmentation.previews import AtlasLayout, write_previews
from segmentation.services.queue import Claim


def save_result(
    *,
    claim: Claim,
    segmentation: Segmentation,
    model: Model,
    image: MedicalImage,
    prediction: Prediction,
) -> Segmentation:
    """The mask, its previews, measures and lesions, all or nothing, in exchange for the claim.

    Raises ClaimLostError, and leaves no file behind, where the claim is no longer valid.
    """
    folder = attempt_folder(claim.segmentation_id, claim.token)
    try:
        mask, layout = _write_files(folder, segmentation, image, prediction)
        saved = _save_rows(claim, segmentation.scan_id, model, mask, layout, prediction.measurement)
    except BaseException:
        remove_folder(folder)
        remove_if_empty(folder.parent)
        raise
    remove_other_attempts(claim.segmentation_id, folder)
    return saved


def _write_files(
    folder: Path, segmentation: Segmentation, image: MedicalImage, prediction: Prediction
) -> tuple[Path, AtlasLayout]:
    mask = folder / f"mask{mask_suffix(image.geometry)}"
    source = Path(segmentation.scan.file.path)
    write_mask(mask, prediction.mask, like=source, geometry=image.geometry)
    previews = folder / "previews"
    previews.mkdir(exist_ok=True)
    pixel_mm = None
    if image.geometry.spacing_mm is not None:
        _, row_mm, column_mm = slice_pixel_mm(image.affine)
        pixel_mm = (row_mm, column_mm)
    layout = write_previews(
        previews,
        image=prediction.image,
        labels=prediction.measurement.labels,
        pixel_mm=pixel_mm,
        key_slice=prediction.measurement.key_slice,
    )
    return mask, layout


@transaction.atomic
def _save_rows(
    claim: Claim,
    scan_id: uuid.UUID,
    model: Model,
    mask: Path,
    layout: AtlasLayout,
    measurement: Measurement,
) -> Segmentation:
    lock_scan(scan_id)
    segmentation = (
        Segmentation.objects.select_for_update()
        .filter(pk=claim.segmentation_id, token=claim.token, state=State.RUNNING)
        .first()
    )
    if segmentation is None:
        raise ClaimLostError(f"segmentation {claim.segmentation_id} has another worker")
    segmentation.state = State.SUCCEEDED
    segmentation.token = None
    segmentation.step = Step.NONE
    segmentation.version = next_version(segmentation.scan_id)
    segmentation.is_current = take_the_lead(segmentation.scan_id)
    segmentation.finished_at = timezone.now()
    segmentation.mask.name = str(mask.relative_to(media_root()))
    segmentation.preview = layout.as_dict()
    segmentation.model_version = model.card.version
    segmentation.model_sha256 = model.card.sha256
    _copy_totals(segmentation, measurement)
    segmentation.save()
    segmentation.lesions.all().delete()
    Lesion.objects.bulk_create(_lesion(segmentation, found) for found in measurement.lesions)
    return segmentation


def lock_scan(scan_id: uuid.UUID) -> None:
    """Whoever gives a scan a result or changes which one counts does it one after the other.

    The scan's row is taken before any result's, everywhere, so that nobody waits in a circle.
    """
    Scan.objects.select_for_update().get(pk=scan_id)


def next_version(scan_id: uuid.UUID) -> int:
    """The number of the scan's next result, for who holds the lock of the scan."""
    results = Segmentation.objects.filter(scan_id=scan_id)
    return (results.aggregate(latest=Max("version"))["latest"] or 0) + 1


def take_the_lead(scan_id: uuid.UUID) -> bool:
    """Whether a new result becomes the current one, which it does unless that one is signed.

    A signed result counts until another one is signed.
    """
    current = Segmentation.objects.filter(scan_id=scan_id, is_current=True)
    if current.filter(review=ReviewState.SIGNED).exists():
        return False
    current.update(is_current=False)
    return True


def _copy_totals(segmentation: Segmentation, measurement: Measurement) -> None:
    segmentation.voxels = measurement.voxels
    segmentation.volume_ml = measurement.volume_ml
    segmentation.tumour_slices = measurement.slices
    segmentation.key_slice = measurement.key_slice
    segmentation.key_area_pixels = measurement.key_area_pixels
    segmentation.key_area_percent = measurement.key_area_percent
    segmentation.mean_probability = measurement.mean_probability


def _lesion(segmentation: Segmentation, found: LesionMeasure) -> Lesion:
    values = found.as_dict()
    place = values.pop("place")
    return Lesion(
        segmentation=segmentation,
        **values,
        side=str(found.place.side),
        left_share=found.place.left_share,
        place=place["words"],
    )
