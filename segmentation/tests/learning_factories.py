"""Signed results with real files, whose headers and names say whose they are."""

from __future__ import annotations

import gzip
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clinic.models import Clinic
from ml.geometry import ImageKind
from ml.tests import factories as heads
from ml.tests.export_factories import SHAPE, SPACING_MM, brain_and_lesion
from ml.volumes import read_geometry, write_mask
from patients.models import Patient, Scan
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.models import ReviewAction, Segmentation
from segmentation.tests.factories import ScanFactory, SegmentationFactory, picture_bytes
from segmentation.tests.reading_factories import SIGNED, ReviewFactory

NAMED = {"descrip": b"Quillfeather 1970-05-01", "aux_file": b"R-4711-XQ", "intent_name": b"Quill"}

MARCH, MAY = datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 5, 30, tzinfo=UTC)


def signed_volume(
    patient: Patient, *, seed: int = 0, scan: dict[str, Any] | None = None, **fields: Any
) -> Segmentation:
    """A signed mask on a stripped brain; the file's header and name hold the patient's."""
    volume, lesion = brain_and_lesion(seed)
    affine = heads.ras_affine(SPACING_MM, SHAPE)
    content = gzip.compress(heads.nifti_bytes(volume, affine, **NAMED), mtime=0)
    values: dict[str, Any] = {
        "content": content,
        "shape": list(SHAPE),
        "spacing_mm": list(SPACING_MM),
        "affine": affine.tolist(),
        "slice_count": SHAPE[2],
        "original_name": "quillfeather_4711.nii.gz",
    }
    study = patient.studies.first() or StudyFactory(patient=patient)
    stored = ScanFactory(study=study, **{**values, **(scan or {})})
    return _signed(stored, lesion, fields)


def signed_picture(patient: Patient, **fields: Any) -> Segmentation:
    study = patient.studies.first() or StudyFactory(patient=patient)
    content = picture_bytes("PNG")
    pixels = heads.grey_slice(96)
    stored = ScanFactory(
        study=study,
        content=content,
        file__name=".png",
        kind="picture",
        file_format="PNG",
        shape=list(pixels.shape),
        spacing_mm=None,
        affine=None,
    )
    mask = np.zeros(pixels.shape, dtype=np.uint8)
    mask[40:50, 40:50] = 1
    return _signed(stored, mask, fields, suffix=".png")


def _signed(
    scan: Any, mask: np.ndarray, fields: dict[str, Any], suffix: str = ".nii.gz"
) -> Segmentation:
    pk = uuid.uuid4()
    place = f"segmentations/{pk}/x/mask{suffix}"
    result = SegmentationFactory(
        id=pk, scan=scan, succeeded=True, **{**SIGNED, "mask": place, **fields}
    )
    path = Path(result.mask.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    geometry = read_geometry(Path(scan.file.path))
    if geometry.kind is ImageKind.PICTURE:
        Image.fromarray(mask * 255).save(path)
    else:
        write_mask(path, mask, like=Path(scan.file.path), geometry=geometry)
    return result


def new_scan(clinic: Clinic, **patient: Any) -> Scan:
    return ScanFactory(study=StudyFactory(patient=PatientFactory(clinic=clinic, **patient)))


def signed(
    clinic: Clinic, dice: float | None, at: datetime | None = MARCH, **fields: Any
) -> Segmentation:
    """A model's draft and the mask that a person signed in its place."""
    scan = new_scan(clinic)
    model = {"model_name": "flair2d", "model_version": "2"}
    model |= {key: fields.pop(key) for key in list(fields) if key in model}
    draft = SegmentationFactory(scan=scan, succeeded=True, is_current=False, **model)
    values = {**SIGNED, "reviewed_at": at, "author_name": "Dr Sample", "draft": draft, **fields}
    return SegmentationFactory(
        scan=scan, succeeded=True, model_name="", model_version="", draft_dice=dice, **values
    )


def rejected(clinic: Clinic, reason: str, at: datetime = MARCH) -> Segmentation:
    values = {**SIGNED, "review": "rejected", "reviewed_at": at, "is_current": False}
    model = {"model_name": "flair2d", "model_version": "2"}
    result = SegmentationFactory(scan=new_scan(clinic), succeeded=True, **values, **model)
    ReviewFactory(segmentation=result, action=ReviewAction.REJECTED, comment=reason)
    return result
