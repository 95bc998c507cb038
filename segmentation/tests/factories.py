"""Scans with real files, segmentations in every state, and a model that marks what is bright."""

from __future__ import annotations

import gzip
import hashlib
import io
import uuid
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import factory
import numpy as np
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from factory.django import DjangoModelFactory
from PIL import Image

from ml.models import Model
from ml.tests import factories as heads
from patients.models import Scan, Sequence
from patients.tests.factories import StudyFactory
from segmentation.files import PREVIEWS, unsure_path
from segmentation.lesion_maps import lesion_map_path
from segmentation.models import Lesion, Segmentation, State

SHAPE = (44, 52, 20)
UNSURE_FACTS = {"readings": 6, "from_bits": 0.5, "voxels": 30, "share": 0.3}
SPACING_MM = (2.0, 2.0, 5.0)
AFFINE = heads.ras_affine(SPACING_MM, SHAPE)


@lru_cache(maxsize=32)
def head_bytes(
    seed: int = 0,
    *,
    blob: bool = True,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    packed: bool = True,
) -> bytes:
    """A textured head as NIfTI, with one bright blob on the patient's left unless it is healthy."""
    volume = heads.head_with_blob(seed=seed)[0] if blob else heads.head(seed=seed)
    raw = heads.nifti_bytes(volume, heads.ras_affine(spacing_mm, volume.shape))
    return gzip.compress(raw, compresslevel=1, mtime=0) if packed else raw


def upload(content: bytes | None = None, name: str = "head.nii.gz") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, head_bytes() if content is None else content)


def picture_bytes(file_format: str, *, colour: bool = False, side: int = 96) -> bytes:
    """One slice of a head as a picture; in colour its channels differ, as in a composite."""
    pixels = heads.grey_slice(side)
    if colour:
        pixels = np.stack([pixels // 2, pixels, pixels // 3], axis=-1)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=file_format)
    return stream.getvalue()


class ScanFactory(DjangoModelFactory[Scan]):
    """A FLAIR volume with its file on disk; ``content`` takes the place of the usual head."""

    class Meta:
        model = Scan

    class Params:
        content = factory.LazyFunction(head_bytes)

    study = factory.SubFactory(StudyFactory)
    sequence = Sequence.FLAIR
    file = factory.LazyAttribute(lambda scan: ContentFile(scan.content, name=".nii.gz"))
    original_name = "head.nii.gz"
    size_bytes = factory.LazyAttribute(lambda scan: len(scan.content))
    sha256 = factory.LazyAttribute(lambda scan: hashlib.sha256(scan.content).hexdigest())
    kind = "volume"
    file_format = "NIfTI"
    shape = list(SHAPE)
    data_type = "float32"
    spacing_mm = list(SPACING_MM)
    affine = AFFINE.tolist()
    orientation = "RAS"
    slice_count = SHAPE[2]


class SegmentationFactory(DjangoModelFactory[Segmentation]):
    """Queued; or ``running``, ``succeeded`` or ``failed``."""

    class Meta:
        model = Segmentation
        skip_postgeneration_save = True

    class Params:
        running = factory.Trait(
            state=State.RUNNING,
            token=factory.LazyFunction(uuid.uuid4),
            heard_at=factory.LazyFunction(timezone.now),
            started_at=factory.LazyFunction(timezone.now),
            attempts=1,
        )
        succeeded = factory.Trait(
            state=State.SUCCEEDED,
            mask=factory.LazyAttribute(lambda row: f"segmentations/{row.id}/x/mask.nii.gz"),
            version=factory.LazyAttribute(lambda row: row.scan.segmentations.count() + 1),
            is_current=True,
            attempts=1,
            voxels=100,
            volume_ml=2.0,
            tumour_slices=3,
            key_slice=8,
            key_area_pixels=40,
            key_area_percent=5.5,
            mean_probability=0.9,
            finished_at=factory.LazyFunction(timezone.now),
            preview={"count": 20, "columns": 5, "tile_width": 44, "tile_height": 52},
        )
        failed = factory.Trait(
            state=State.FAILED,
            reason="The file is cut off or damaged. Please upload it again from its source.",
            attempts=1,
            finished_at=factory.LazyFunction(timezone.now),
        )

    id = factory.LazyFunction(uuid.uuid4)
    scan = factory.SubFactory(ScanFactory)
    study = factory.SelfAttribute("scan.study")
    sent_at = factory.LazyFunction(timezone.now)
    model_name = "stub"
    model_version = "0"
    labels = {"1": "FLAIR abnormality"}

    @factory.post_generation
    def inputs(row: Segmentation, create: bool, _extracted: Any, **_: Any) -> None:  # noqa: N805
        if create:
            row.inputs.add(row.scan)


class LesionFactory(DjangoModelFactory[Lesion]):
    class Meta:
        model = Lesion

    segmentation = factory.SubFactory(SegmentationFactory, succeeded=True)
    number = 1
    voxels = 100
    volume_ml = 2.0
    longest_diameter_mm = 14.5
    slices = 3
    first_slice = 7
    last_slice = 9
    key_slice = 8
    key_area_pixels = 40
    key_area_percent = 5.5
    centroid = [7.0, 20.0, 30.0]
    side = "left"
    place = "left, anterior, inferior"


def write_result_files(segmentation: Segmentation) -> None:
    """Something to be sent where a succeeded segmentation says that its files are."""
    mask = Path(segmentation.mask.path)
    (mask.parent / "previews").mkdir(parents=True, exist_ok=True)
    mask.write_bytes(b"mask")
    lesion_map_path(segmentation).write_bytes(b"lesions")
    if segmentation.unsure is not None:
        unsure_path(segmentation).write_bytes(b"unsure")
    for name, _ in PREVIEWS.values():
        write_picture(mask.parent / "previews" / name, segmentation)


def write_picture(path: Path, segmentation: Segmentation) -> None:
    """A black picture of the size that the result's atlas is said to have."""
    layout = segmentation.preview or {"count": 1, "columns": 1, "tile_width": 8, "tile_height": 8}
    rows = -(-layout["count"] // layout["columns"])
    size = (layout["columns"] * layout["tile_width"], rows * layout["tile_height"])
    Image.new("L", size).save(path)


def make_stale(segmentation: Segmentation) -> Segmentation:
    """As if its worker had not been heard of for ten minutes."""
    long_ago = timezone.now() - timedelta(minutes=10)
    Segmentation.objects.filter(pk=segmentation.pk).update(heard_at=long_ago, sent_at=long_ago)
    segmentation.refresh_from_db()
    return segmentation


def stub_model() -> Model:
    """Marks as tumour what is far brighter than the rest of the FLAIR."""
    return heads.threshold_model(level=4.0)


def files_below(folder: Path) -> list[str]:
    """Every file below ``folder``, by its path from there."""
    found = [path for path in folder.rglob("*") if not path.is_dir()] if folder.exists() else []
    return sorted(str(path.relative_to(folder)) for path in found)
