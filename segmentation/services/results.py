"""Saving what was found: files first, then everything else in one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ml.atlas import TemplateFit
from ml.measures import LesionMeasure, Measurement
from ml.place import AtlasPlace, Convention, Place
from ml.volumes import MedicalImage, mask_suffix, write_mask
from patients.models import Scan
from segmentation.errors import ClaimLostError, ScanErasedError
from segmentation.files import (
    attempt_folder,
    kept_only_if_saved,
    media_root,
    remove_other_attempts,
)
from segmentation.found import Finding, Found
from segmentation.lesion_maps import write_lesion_map
from segmentation.models import Lesion, ReviewState, Segmentation, State, Step
from segmentation.previews import AtlasLayout, pixel_sizes, write_previews
from segmentation.services.lesion_links import match_on_commit
from segmentation.services.locks import lock_scan
from segmentation.services.queue import Claim


@dataclass(frozen=True)
class Written:
    """A finding on disk: the mask's file and how its previews are laid out."""

    mask: Path
    layout: AtlasLayout


def save_result(
    *,
    claim: Claim,
    segmentation: Segmentation,
    image: MedicalImage,
    found: Found,
    fit: TemplateFit,
) -> Segmentation:
    """The mask, its previews, measures and lesions, all or nothing, in exchange for the claim.

    ``fit`` is kept with the scan, for every later version of its mask.

    Raises ClaimLostError, and leaves no file behind, where the claim is no longer valid.
    """
    folder = attempt_folder(claim.job_id, claim.token)
    with kept_only_if_saved(folder):
        written = write_finding(folder, scan=segmentation.scan, image=image, finding=found.finding)
        for addition in found.additions:
            addition.write(folder)
        saved = _save_for_claim(claim, segmentation.scan_id, found, fit, written)
    remove_other_attempts(folder)
    return saved


def write_finding(folder: Path, *, scan: Scan, image: MedicalImage, finding: Finding) -> Written:
    """Writes mask and previews; the mask has exactly the geometry of the scan's file."""
    mask = folder / f"mask{mask_suffix(image.geometry)}"
    source = Path(scan.file.path)
    write_mask(mask, finding.mask, like=source, geometry=image.geometry)
    write_lesion_map(
        folder,
        finding.measurement.labels,
        source=source,
        geometry=image.geometry,
        affine=image.affine,
        convention=Convention(scan.convention),
    )
    previews = folder / "previews"
    previews.mkdir(exist_ok=True)
    layout = write_previews(
        previews,
        image=finding.slices,
        labels=finding.measurement.labels,
        pixel_mm=pixel_sizes(image),
        key_slice=finding.measurement.key_slice,
    )
    return Written(mask, layout)


@transaction.atomic
def _save_for_claim(
    claim: Claim,
    scan_id: uuid.UUID,
    found: Found,
    fit: TemplateFit,
    written: Written,
) -> Segmentation:
    try:
        lock_scan(scan_id)
    except ScanErasedError as error:
        raise ClaimLostError(f"the scan of segmentation {claim.job_id} was erased") from error
    segmentation = (
        Segmentation.objects.select_for_update()
        .filter(pk=claim.job_id, token=claim.token, state=State.RUNNING)
        .first()
    )
    if segmentation is None:
        raise ClaimLostError(f"segmentation {claim.job_id} has another worker")
    Scan.objects.filter(pk=scan_id).update(template_fit=fit.as_dict())
    card, measurement = found.model.card, found.finding.measurement
    segmentation.model_name = card.name
    segmentation.model_version = card.version
    segmentation.model_sha256 = card.sha256
    segmentation.labels = {
        str(value): name for value, name in (found.labels or card.labels).items()
    }
    segmentation.volume_interval = _volume_interval(found)
    for addition in found.additions:
        setattr(segmentation, addition.field, addition.facts)
    return store_result(segmentation, written, measurement)


def _volume_interval(found: Found) -> dict[str, float] | None:
    """As the card knows it for just these sequences; none for any other set of them."""
    volume_ml = found.finding.measurement.volume_ml
    known = found.model.card.volume_intervals.get("+".join(found.sequences))
    if known is None or not volume_ml:
        return None
    low, high = known.around(volume_ml)
    ends = {"low_ml": round(low, 3), "high_ml": round(high, 3)}
    return {"level": known.level, **ends, "patients": known.patients}


def store_result(
    segmentation: Segmentation, written: Written, measurement: Measurement
) -> Segmentation:
    """Makes ``segmentation`` the scan's next version, for who holds the lock of the scan.

    It becomes the current one unless that one is signed. A model and a person share this, so
    their results differ in nothing but who is named.
    """
    segmentation.state = State.SUCCEEDED
    segmentation.token = None
    segmentation.step = Step.NONE
    segmentation.version = next_version(segmentation.scan_id)
    segmentation.is_current = take_the_lead(segmentation.scan_id)
    segmentation.finished_at = timezone.now()
    segmentation.mask.name = str(written.mask.relative_to(media_root()))
    segmentation.preview = written.layout.as_dict()
    _copy_totals(segmentation, measurement)
    segmentation.save()
    segmentation.lesions.all().delete()
    Lesion.objects.bulk_create(_lesion(segmentation, found) for found in measurement.lesions)
    if segmentation.is_current:
        match_on_commit(segmentation.study.patient_id)
    return segmentation


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
    segmentation.brain_percent = measurement.brain_percent
    segmentation.brain_volume_ml = measurement.brain_volume_ml
    segmentation.brain_source = measurement.brain_source
    segmentation.surface_mm2 = measurement.surface_mm2
    segmentation.sum_of_products_mm2 = measurement.sum_of_products_mm2
    spread = measurement.spread.as_dict()
    segmentation.is_multifocal = spread["multifocal"]
    segmentation.satellites = spread["satellites"]
    segmentation.distances_mm = spread["distances_mm"]


def _lesion(segmentation: Segmentation, found: LesionMeasure) -> Lesion:
    values = found.as_dict()
    del values["place"]
    return Lesion(segmentation=segmentation, **values, **place_fields(found.place))


def place_fields(place: Place) -> dict[str, Any]:
    """The fields of a lesion's row that say where it lies; none on the template are null."""
    on_template = {field.name: None for field in fields(AtlasPlace)}
    values = place.as_dict()
    return {
        **on_template,
        **(values["atlas"] or {}),
        "side": str(place.side),
        "left_share": place.left_share,
        "place": place.words,
        "without_atlas": place.without_atlas,
    }
