"""A model that is quick, and a record to upload into."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.models import Clinic
from ml import models
from ml.atlas import TemplateFit
from ml.models import Model
from patients.models import Patient, Study
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation import pipeline
from segmentation.tests.factories import stub_model
from segmentation.tests.visit_factories import together_model

# Looking for the template in the tests' small heads would take seconds and find nothing.
NOT_A_HEAD = "a test's head is not fitted"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """The stub in place of what ships: for the queue by its card, for the worker by its network."""
    stub = stub_model()
    monkeypatch.setattr(models, "shipped_cards", lambda: (stub.card,))
    monkeypatch.setattr(pipeline, "cached_model", lambda _name: stub)
    monkeypatch.setattr(pipeline, "fit_scan", lambda *_, **__: TemplateFit.refused(NOT_A_HEAD))
    return stub


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> dict[str, Model]:
    """The model of one scan and the one of several, in place of what ships."""
    known = {model.card.name: model for model in (stub_model(), together_model())}
    monkeypatch.setattr(models, "shipped_cards", lambda: tuple(m.card for m in known.values()))
    monkeypatch.setattr(pipeline, "cached_model", known.__getitem__)
    monkeypatch.setattr(pipeline, "fit_scan", lambda *_, **__: TemplateFit.refused(NOT_A_HEAD))
    return known


@pytest.fixture
def study(clinic: Clinic) -> Study:
    return StudyFactory(patient=PatientFactory(clinic=clinic))


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return PatientFactory(
        clinic=clinic, record_number="A-1", full_name="Ada Sample", birth_date=date(1970, 5, 1)
    )
