"""A visit with several sequences, and a model that reads them together."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from clinic.models import Membership
from ml.datasets.regions import REGIONS
from ml.engines.torch_engine import TorchEngine
from ml.models import Model
from ml.preparation import Preparation
from ml.study import SEQUENCES
from ml.tests import factories as heads
from patients.models import Scan, Study
from segmentation.models import Segmentation
from segmentation.services.corrections import correct_scan, facts_of
from segmentation.services.queue import request_segmentation
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import ScanFactory, SegmentationFactory, stub_model

SHAPE = (60, 72, 56)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
VOXEL_ML = 0.012
CENTRE = (20, 40, 30)
BRAIN = heads.ellipsoid(SHAPE, (30, 36, 28), (26, 32, 25))
PARTS = {
    "whole": heads.ellipsoid(SHAPE, CENTRE, (10, 10, 8)),
    "core": heads.ellipsoid(SHAPE, CENTRE, (7, 7, 6)),
    "enhancing": heads.ellipsoid(SHAPE, CENTRE, (4, 4, 3)),
}
LEVELS = {
    "FLAIR": {"whole": 250.0},
    "T1": {"core": 60.0},
    "T1ce": {"core": 180.0, "enhancing": 250.0},
    "T2": {"whole": 220.0},
}


class Bright(torch.nn.Module):
    """Whole tumour is bright on FLAIR, core and enhancing tumour brighter on T1ce."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        flair, t1ce = images[:, :1], images[:, 2:3]
        return 50 * torch.cat([flair - 0.7, t1ce - 0.6, t1ce - 0.85], dim=1)


def together_model() -> Model:
    """Reads a visit that has a FLAIR; of its own sequences it needs no more."""
    card = replace(
        stub_model().card,
        name="together",
        version="1",
        sha256="t" * 64,
        sequences=SEQUENCES,
        regions=REGIONS,
        labels={1: "necrosis and non-enhancing tumour", 2: "oedema", 4: "enhancing tumour"},
        kinds=("volume",),
        needs=(("FLAIR",),),
        mirror=False,
        least_voxels=1,
        threshold=0.5,
        preparation=Preparation(channels=SEQUENCES, frame="square", side=72, scale="range"),
    )
    return Model(card, TorchEngine(Bright(), precision="f32"))


@lru_cache(maxsize=8)
def sequence_bytes(sequence: str, *, seed: int = 0) -> bytes:
    """The brain without a skull as ``sequence`` shows it, as NIfTI."""
    noise = np.random.default_rng(seed).normal(0, 2, SHAPE)
    found = np.where(BRAIN, 100.0 + noise, 0.0)
    for part, level in LEVELS[sequence].items():
        found[PARTS[part]] = level
    return heads.nifti_bytes(found, AFFINE)


def add_scan(study: Study, sequence: str, *, seed: int = 0) -> Scan:
    return ScanFactory(
        study=study,
        sequence=sequence,
        content=sequence_bytes(sequence, seed=seed),
        shape=list(SHAPE),
        spacing_mm=[2.0, 2.0, 3.0],
        affine=AFFINE.tolist(),
        slice_count=SHAPE[2],
        original_name=f"{sequence}.nii",
    )


LABELS = {"1": "necrosis and non-enhancing tumour", "2": "oedema", "4": "enhancing tumour"}


def read_before(*scans: Scan, **fields: Any) -> Segmentation:
    """A result that was read from ``scans``, on the first of them; no file is made."""
    placed = {scan.sequence: "as its file places it" for scan in scans}
    gathered = {"placed": placed, "left_out": {}, "brain": "a test", "instead": ""}
    values = {"model_name": "together", "labels": LABELS, "gathered": gathered, **fields}
    row = SegmentationFactory(scan=scans[0], succeeded=True, **values)
    row.inputs.set(scans)
    return row


def drawn_on(base: Segmentation, **fields: Any) -> Segmentation:
    """A person's version of ``base`` that counts in its place, as one was stored once: with only
    its own scan as what it was read from."""
    Segmentation.objects.filter(scan=base.scan, is_current=True).update(is_current=False)
    values = {"author_name": "Dr Sample", "model_name": "", "labels": base.labels, **fields}
    return SegmentationFactory(scan=base.scan, succeeded=True, parent=base, **values)


def correct(scan: Scan, by: Membership, **facts: Any) -> None:
    """States ``facts`` of the scan as it is now, and leaves the rest."""
    stated = replace(facts_of(Scan.objects.get(pk=scan.pk)), **facts)
    correct_scan(scan=scan, by=by, facts=stated, reason="It was wrong")


def worked(row: Segmentation | None) -> Segmentation:
    """``row`` after a worker has had it."""
    assert row is not None
    run_segmentation(str(row.pk))
    row.refresh_from_db()
    return row


def read(scan: Scan) -> Segmentation:
    return worked(request_segmentation(scan=scan, by=None))


def current(scan: Scan) -> Segmentation:
    return Segmentation.objects.get(scan=scan, is_current=True)
