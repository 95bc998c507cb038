"""The page of the models, and the training set's download from it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import AccessEvent, Clinic, Membership
from ml.models import shipped_cards
from patients.tests.factories import PatientFactory
from segmentation.tests.factories import files_below
from segmentation.tests.learning_factories import rejected, signed, signed_picture, signed_volume
from segmentation.views import learning

SignIn = Callable[[Membership], Client]
PAGE = "/models/"


def text_of(browser: Client) -> str:
    return browser.get(PAGE).content.decode()


def export(browser: Client, **data: Any) -> Any:
    return browser.post(reverse("segmentation:export_training_set"), data)


def test_the_card_of_each_shipped_model_is_shown(sign_in: SignIn, admin: Membership) -> None:
    text = text_of(sign_in(admin))
    for card in shipped_cards():
        assert f"{card.name} {card.version}" in text
        assert card.sha256 in text
        assert card.about["limits"] in text
        for figures in card.metrics.values():
            assert f"{figures['dice_mean']:.3f}" in text


def test_a_clinic_in_which_nothing_was_signed_is_told_what_will_be_here(
    sign_in: SignIn, admin: Membership
) -> None:
    text = text_of(sign_in(admin))
    assert "No draft has been signed or rejected yet" in text
    assert "There is nothing to export yet" in text
    assert "Download the training set" not in text


def test_figures_worst_ones_and_reasons_are_on_the_page(sign_in: SignIn, admin: Membership) -> None:
    worst = signed(admin.clinic, 0.412)
    rejected(admin.clinic, "<b>It marked the skull</b>")
    text = text_of(sign_in(admin))
    assert "March 2026" in text
    assert "0.412" in text
    address = reverse("segmentation:read", args=[worst.scan_id])
    assert f"{address}?version={worst.pk}" in text
    assert "&lt;b&gt;It marked the skull&lt;/b&gt;" in text


@pytest.mark.parametrize("role", ["viewer", "clinician"])
def test_only_administrators_see_it(
    role: str, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    browser = sign_in(request.getfixturevalue(role))
    assert browser.get(PAGE).status_code == 403
    assert export(browser).status_code == 403
    assert PAGE not in browser.get("/patients/").content.decode()


def test_the_training_set_is_a_zip_that_is_streamed_and_gone(
    clinic: Clinic, sign_in: SignIn, admin: Membership, settings: Any
) -> None:
    patient = PatientFactory(clinic=clinic, research_consent="given")
    signed_volume(patient)
    browser = sign_in(admin)
    assert "Download the training set" in text_of(browser)
    answer = export(browser)
    assert answer.streaming
    assert answer["Content-Type"] == "application/zip"
    content = answer.getvalue()
    assert int(answer["Content-Length"]) == len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
    assert "training-set/train.toml" in names
    assert sum("/images/" in name for name in names) == 1
    assert files_below(Path(settings.INCOMING_ROOT)) == []
    event = AccessEvent.objects.get(action="training_set.export")
    assert (event.member, event.detail) == (admin, "1 masks of 1 patients, 0 left out")


def test_pictures_come_along_only_when_ticked(
    clinic: Clinic, sign_in: SignIn, admin: Membership
) -> None:
    signed_picture(PatientFactory(clinic=clinic, research_consent="given"))
    browser = sign_in(admin)
    refused = export(browser)
    assert refused["Location"] == PAGE
    assert "nobody has said that the pictures were looked at" in text_of(browser)
    assert export(browser, pictures_looked_at="on").status_code == 200


def test_too_many_for_a_page_are_sent_to_the_command(
    clinic: Clinic, sign_in: SignIn, admin: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "MOST_BY_PAGE", 0)
    signed_volume(PatientFactory(clinic=clinic, research_consent="given"))
    browser = sign_in(admin)
    assert export(browser)["Location"] == PAGE
    assert "use the command" in text_of(browser)
    assert not AccessEvent.objects.filter(action="training_set.export").exists()
