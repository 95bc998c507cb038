"""Signed results with real files, whose headers and names say whose they are."""

from __future__ import annotations

import gzip
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.geometry import ImageKind
from ml.tests import factories as heads
from ml.tests.export_factories import SHAPE, SPACING_MM, brain_and_lesion
from ml.volumes import read_geometry, write_mask
from patients.models import Patient
from patients.tests.factories import StudyFactory
from segmentation.models import Segmentation
from segmentation.tests.factories import ScanFactory, SegmentationFactory, picture_bytes
from segmentation.tests.reading_factories import SIGNED

NAMED = {"descrip": b"Quillfeather 1970-05-01", "aux_file": b"R-4711-XQ", "intent_name": b"Quill"}


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
