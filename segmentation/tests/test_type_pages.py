"""The type of tumour in words: on the pages, in the report, the tables and the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from clinic.models import AccessEvent, Clinic, Membership
from ml.measures import HEAD
from patients.models import Scan
from segmentation import naming
from segmentation.files import preview_path
from segmentation.models import Segmentation, State
from segmentation.report.collect import collect_report
from segmentation.report.export import current_results, rows
from segmentation.report.pdf import render_pdf
from segmentation.selectors.tumour_type import NOT_ASKED, percent_words, show_type
from segmentation.tests.api_helpers import client_of
from segmentation.tests.factories import LesionFactory, write_result_files
from segmentation.tests.type_factories import (
    ABOUT,
    PICTURE,
    install,
    page,
    picture,
    type_facts,
    type_model,
    typed_result,
)
from segmentation.views import learning

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Client]
ONE_CLASS = {"precision": 0.98, "recall": 0.97, "f1": 0.975, "auc": 0.999, "pictures": 200}
METRICS = {
    "test_types": {
        "dataset": "types", "pictures": 679, "accuracy_three_class": 0.981,
        "accuracy_three_class_interval": [0.967, 0.99], "accuracy": 0.985,
        "accuracy_interval": [0.973, 0.993], "uncertain_share": 0.04, "expected_error": 0.012,
        "by_class": {"glioma": ONE_CLASS, "pituitary": ONE_CLASS}, "note": "Confounded.",
    }
}  # fmt: skip


def test_answers_are_ordered_by_probability_with_no_tumour_last() -> None:
    scan = Scan(**PICTURE)
    found = show_type(scan, Segmentation(tumour_type=type_facts((0.1, 0.05, 0.2, 0.65))))
    assert found is not None
    assert [row.label for row in found.rows] == [
        "Pituitary tumour", "Meningioma", "Glioma", "No tumour",
    ]  # fmt: skip
    assert [bool(row.caveat) for row in found.rows] == [False, False, False, True]
    assert found.in_short == "Uncertain; likeliest no tumour, 65.0 %"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.9434, "94.3 %"),
        (0.99996, "> 99.9 %"),
        (0.0001, "< 0.1 %"),
        (1.0, "100.0 %"),
        (0, "0.0 %"),
    ],
)
def test_no_probability_is_rounded_to_certainty(share: float, words: str) -> None:
    assert percent_words(share) == words


@pytest.mark.parametrize(
    ("probabilities", "voxels", "said"),
    [
        ((0.01, 0.97, 0.01, 0.01), 0, "The mask is empty, but the picture is named glioma"),
        ((0.01, 0.01, 0.01, 0.97), 90, "There is a mask, but the picture is named “no tumour”"),
        ((0.01, 0.97, 0.01, 0.01), 90, ""),
        ((0.01, 0.01, 0.01, 0.97), 0, ""),
        ((0.1, 0.7, 0.1, 0.1), 0, ""),
    ],
)
def test_a_mask_and_a_type_that_cannot_both_be_right_are_pointed_out(
    probabilities: tuple[float, ...], voxels: int, said: str
) -> None:
    row = Segmentation(state=State.SUCCEEDED, voxels=voxels, tumour_type=type_facts(probabilities))
    found = show_type(Scan(**PICTURE), row)
    assert found is not None
    assert found.contradiction.startswith(said) and bool(found.contradiction) == bool(said)


# On the pages and through the API


def test_the_page_shows_probabilities_evidence_and_what_the_model_knows(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic, convention="radiological"))
    text = page(sign_in(viewer), row)
    assert "<strong>Glioma</strong>" in text
    assert "94.0 %" in text and "commits itself from 80.0 %" in text
    for words in (*ABOUT["seen"], *ABOUT["not_seen"], ABOUT["confounded"]):
        assert words in text
    assert f"/segmentations/{row.pk}/preview/evidence/" in text
    assert "No grade is given." in text and "not for diagnosis" in text
    panel = text[text.index("tumour-type-title") :]
    assert panel.index('<span class="side at-left"') < panel.index("It has seen")
    assert "its card and figures" not in text


def test_who_signs_in_the_reading_room_sees_the_type_too(
    clinic: Clinic, viewer: Membership, sign_in: SignIn
) -> None:
    browser = sign_in(viewer)
    room = page(browser, typed_result(picture(clinic)), "read/")
    assert '<tr class="is-named"><td>Glioma</td><td class="number">94.0 %</td></tr>' in room
    assert "No grade is given." in room
    doubtful = typed_result(picture(clinic), tumour_type=type_facts((0.1, 0.05, 0.2, 0.65)))
    assert "Uncertain: no answer below" in page(browser, doubtful, "read/")
    without = typed_result(picture(clinic), tumour_type={"without": "No room.", "of_version": None})
    assert "No room." in page(browser, without, "read/")


def test_an_uncertain_type_is_said_to_be_one(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic), tumour_type=type_facts((0.1, 0.6, 0.2, 0.1)))
    text = page(sign_in(viewer), row)
    assert "<strong>Uncertain</strong>" in text
    assert "likeliest is glioma with 60.0 %, but the model commits itself only from 80.0 %" in text


def test_a_type_that_could_not_be_worked_out_is_said_in_words(
    clinic: Clinic, sign_in: SignIn, viewer: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**naming.NOTHING, "model": "types", "without": naming.BROKEN}
    row = typed_result(picture(clinic), tumour_type=broken)
    text = page(sign_in(viewer), row)
    assert naming.BROKEN in text and "preview/evidence" not in text
    install(monkeypatch, type_model())
    older = typed_result(picture(clinic), tumour_type=None)
    assert NOT_ASKED in page(sign_in(viewer), older)


def test_the_picture_of_the_evidence_is_there_only_with_a_type(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic))
    write_result_files(row)
    browser, api = sign_in(viewer), client_of(viewer)
    on_page = f"/segmentations/{row.pk}/preview/evidence/"
    in_api = f"/api/v1/segmentations/{row.pk}/evidence/"
    shown, sent = browser.get(on_page), api.get(in_api)
    assert [a.status_code for a in (shown, sent)] == [200, 200]
    assert {a["Content-Type"] for a in (shown, sent)} == {"image/png"}
    assert AccessEvent.objects.filter(action="evidence.download").count() == 1
    preview_path(row, "evidence").unlink()
    assert browser.get(on_page).status_code == api.get(in_api).status_code == 404


def test_the_api_and_the_download_carry_the_type(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic))
    body = client_of(viewer).get(f"/api/v1/segmentations/{row.pk}/").json()
    assert body["tumour_type"] == type_facts()
    file = sign_in(viewer).get(f"/segmentations/{row.pk}/result.json").json()
    assert file["tumour_type"] == type_facts()
    broken = {**naming.NOTHING, "model": "types", "without": naming.BROKEN}
    Segmentation.objects.filter(pk=row.pk).update(tumour_type=broken)
    body = client_of(viewer).get(f"/api/v1/segmentations/{row.pk}/").json()
    assert body["tumour_type"] == broken


def test_the_report_says_it_in_a_few_lines(
    clinic: Clinic, clinician: Membership, sign_in: SignIn
) -> None:
    row = typed_result(picture(clinic), voxels=0)
    write_result_files(row)
    report = collect_report(study=row.study, by=clinician)
    lines = dict(report.scans[0].naming)
    assert lines["Tumour type"] == "Glioma, 94.0 %"
    assert lines["Probabilities"].startswith("glioma 94.0 %; meningioma 3.0 %")
    assert lines["But"].startswith("The mask is empty")
    assert (
        ABOUT["confounded"] in lines["How far it goes"] and "no grade" in lines["How far it goes"]
    )
    assert render_pdf(report).startswith(b"%PDF")
    text = sign_in(clinician).get(f"/studies/{row.study_id}/report/").content.decode()
    assert lines["Tumour type"] in text


def test_the_table_of_measures_has_the_verdict(clinic: Clinic) -> None:
    typed_result(picture(clinic))
    (found,) = rows(current_results(clinic=clinic))
    assert (found["tumour_type"], found["tumour_type_probability"]) == ("glioma", 0.94)
    assert found["tumour_type_model"] == "types 3"


def test_the_models_page_lists_its_card_with_figures_and_limits(
    sign_in: SignIn, admin: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(type_model().card, about={**ABOUT, "limits": "Three tumours."}, metrics=METRICS)
    monkeypatch.setattr(learning, "shipped_type_card", lambda: card)
    text = sign_in(admin).get("/models/").content.decode()
    assert "types 3" in text and card.sha256 in text
    assert "Three tumours." in text and ABOUT["confounded"] in text
    assert "Accuracy among the three tumours: 0.981" in text
    assert "confounded: 0.985" in text
    assert "Pituitary tumour" in text


def test_a_damaged_card_leaves_the_page_of_the_models_standing(
    sign_in: SignIn, admin: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged() -> None:
        raise ValueError("no card")

    monkeypatch.setattr(learning, "shipped_type_card", damaged)
    answer = sign_in(admin).get("/models/")
    assert answer.status_code == 200
    assert "missing or damaged" in answer.content.decode()


def test_a_share_of_the_head_is_not_called_one_of_the_brain(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic), brain_source=HEAD, brain_percent=5.5)
    LesionFactory(segmentation=row, volume_ml=None)
    text = page(sign_in(viewer), row)
    assert "% of the head’s area*" in text and "the share is of the whole head" in text
    assert "of the brain’s area" not in text and "of the brain on" not in text
    report = collect_report(study=row.study, by=viewer)
    assert ("Share of the head", "5.5 %") in report.scans[0].totals
    (found,) = rows(current_results(clinic=clinic))
    assert found["brain_source"] == HEAD


def test_an_empty_mask_is_of_the_person_who_drew_none(
    clinic: Clinic, sign_in: SignIn, viewer: Membership
) -> None:
    row = typed_result(picture(clinic), voxels=0, author_name="Dr Sample", model_name="")
    text = page(sign_in(viewer), row)
    assert "No tumour marked by Dr Sample" in text and "by this model" not in text
    assert "The mask is empty, but the picture is named glioma" in text
