"""Fixtures of the API's tests; each of them names this module in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clinic.models import Clinic, Role
from clinic.services.members import add_member
from ml import models
from ml.tests import factories as heads
from segmentation.tests.api_helpers import PASSWORD, House, new_patient


@pytest.fixture
def house(db: None) -> House:
    clinic = Clinic.objects.create(name="North")
    people = {
        role.value: add_member(clinic=clinic, username=role.value, role=role, password=PASSWORD)
        for role in Role
    }
    other = Clinic.objects.create(name="South")
    stranger = add_member(clinic=other, username="stranger", role=Role.ADMIN, password=PASSWORD)
    patient = new_patient(people["clinician"])
    return House(clinic, stranger=stranger, patient=patient, **people)


@pytest.fixture
def own_files(settings: Any, tmp_path: Path) -> Path:
    """A media root of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    return tmp_path / "media"


@pytest.fixture
def quick_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The threshold network in place of the trained one."""
    heads.write_weights(tmp_path / "weights")
    monkeypatch.setattr(models, "WEIGHTS", tmp_path / "weights")
    models.shipped_cards.cache_clear()
    models.cached_model.cache_clear()
    yield
    models.shipped_cards.cache_clear()
    models.cached_model.cache_clear()
