"""The course on the patient's page: chart, tables, forms, and who sees which of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from clinic.models import Membership
from patients.models import Patient
from segmentation.files import preview_path
from segmentation.models import Comparison, CriterionName, ResponseDecision, Segmentation
from segmentation.palette import LESION_COLOURS, rgb
from segmentation.previews import write_mask_atlas
from segmentation.tests.course_factories import course_of, examine, link
from segmentation.tests.factories import write_result_files
from segmentation.tests.reading_factories import SIGNED, ComparisonFactory

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.django_db


def page(client: Client, patient: Patient) -> str:
    answer = client.get(reverse("segmentation:patient", args=[patient.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def form(result: Segmentation, **values: Any) -> dict[str, Any]:
    entry = course_of(result.study.patient).of(result.scan_id)
    assert entry is not None
    found = entry.assessed[CriterionName.VOLUME]
    usual = {
        "criterion": "volume",
        "category": str(found.response.category),
        "is_preliminary": "on" if found.response.is_preliminary else "",
        "seen": found.seen,
        "reason": "",
    }
    return {**usual, **values}


def test_the_page_shows_the_course_with_its_grounds(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0, **SIGNED), examine(patient, 3, 6.0, 5.0)
    link(first, second, (1, 2))
    shown = page(sign_in(viewer), patient)
    assert "There is a new lesion that no earlier scan shows." in shown
    assert "rests on drafts" in shown
    assert "J Clin Oncol" in shown
    assert 'class="swatch lesion-2"' in shown
    assert "Save decision" not in shown, "a viewer decides nothing"
    assert "Why<span" in shown


def test_nothing_of_the_course_is_shown_before_there_is_a_scan(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    assert 'id="course"' not in page(sign_in(viewer), patient)


def test_a_decision_is_sent_from_the_page_and_shown_there(
    clinician: Membership, patient: Patient, sign_in: SignIn
) -> None:
    examine(patient, 0, 10.0)
    second = examine(patient, 3, 2.0)
    client = sign_in(clinician)
    address = reverse("segmentation:decide", args=[second.scan_id])
    answer = client.post(address, form(second, category="stable disease"), follow=True)
    assert "Please say why the category differs" in answer.content.decode()
    assert "Please choose a category." in client.post(address, {}, follow=True).content.decode()
    client.post(address, form(second, category="stable disease", reason="Less swelling."))
    assert ResponseDecision.objects.get().by_name == clinician.display_name
    shown = page(client, patient)
    assert "The rule said partial response (preliminary). Less swelling." in shown
    assert "made on other figures" not in shown
    Segmentation.objects.filter(pk=second.pk).update(volume_ml=9.0)
    assert "made on other figures" in page(client, patient)


def test_how_the_patient_was_is_recorded_from_the_page(
    clinician: Membership, patient: Patient, sign_in: SignIn
) -> None:
    study = examine(patient, 0, 10.0).study
    client = sign_in(clinician)
    address = reverse("patients:condition", args=[study.pk])
    values = {"steroid_mg": "1.5", "karnofsky": "80", "clinical_change": "better"}
    client.post(address, values)
    study.refresh_from_db()
    assert (study.steroid_mg, study.karnofsky, study.is_baseline) == (1.5, 80, False)
    refused = client.post(address, {**values, "karnofsky": "84"}, follow=True)
    assert "The Karnofsky status is from 0 to 100, in tens." in refused.content.decode()


def test_what_is_not_matched_is_said_and_can_be_asked_for(
    clinician: Membership, viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 9.0)
    client = sign_in(clinician)
    assert "Match lesions" in page(client, patient)
    assert "Match lesions" not in page(sign_in(viewer), patient)
    client.post(reverse("segmentation:match_lesions", args=[patient.pk]))
    row = Comparison.objects.get()
    assert (row.earlier, row.later, row.requested_by) == (first, second, clinician)
    shown = page(client, patient)
    assert "Lesions are being matched" in shown
    assert 'hx-trigger="every 2s"' in shown


def test_the_course_keeps_itself_up_to_date_only_while_something_is_under_way(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 9.0)
    address = reverse("segmentation:course", args=[patient.pk])
    client = sign_in(viewer)
    waiting = ComparisonFactory(earlier=first, later=second)
    assert "every 2s" in client.get(address).content.decode()
    waiting.delete()
    link(first, second, (1, 1))
    assert "every 2s" not in client.get(address).content.decode()


def test_a_lesion_has_its_name_and_colour_in_table_picture_and_manifest(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 6.0, 5.0)
    link(first, second, (1, 2))
    client = sign_in(viewer)
    shown = client.get(reverse("segmentation:scan", args=[second.scan_id])).content.decode()
    assert "mask/?colours=2-1-3-4-5-6-7" in shown
    assert shown.index("swatch lesion-2") < shown.index("swatch lesion-1")
    manifest = client.get(reverse("api:reading", args=[second.scan_id])).json()
    assert [
        (lesion["number"], lesion["name"], lesion["colour"], lesion["is_new"])
        for lesion in manifest["result"]["lesions"]
    ] == [(1, "2", LESION_COLOURS[1], True), (2, "1", LESION_COLOURS[0], False)]
    names = {"earlier": first.pk, "later": second.pk}
    compared = client.get(reverse("segmentation:compare", args=[patient.pk]), names)
    assert [
        (one.name, one.volume.earlier, one.volume.later, one.is_new)
        for one in compared.context["values"]["lesions"]
    ] == [(1, 10.0, 5.0, False), (2, None, 6.0, True)]


def test_a_version_that_does_not_count_keeps_its_own_numbers(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 6.0, 5.0)
    link(first, second, (1, 2))
    Segmentation.objects.filter(pk=second.pk).update(is_current=False)
    address = reverse("segmentation:scan", args=[second.scan_id])
    shown = sign_in(viewer).get(address, {"version": second.pk}).content.decode()
    assert "numbered by size and not matched" in shown
    assert shown.index("swatch lesion-1") < shown.index("swatch lesion-2")


def test_the_mask_is_served_in_the_colours_of_the_names(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    result = examine(patient, 0, 10.0)
    write_result_files(result)
    path = preview_path(result, "mask")
    labels = np.array([[0, 1], [2, 1]], dtype=np.uint8)
    write_mask_atlas(path, labels)
    client = sign_in(viewer)
    address = reverse("segmentation:preview", args=[result.pk, "mask"])

    def pixels(colours: str) -> Any:
        content = client.get(address, {"colours": colours})
        data = b"".join(content) if content.streaming else content.content
        return Image.open(io.BytesIO(data)).convert("RGB").getdata()

    assert list(pixels("2-1-3"))[1:3] == [rgb(2), rgb(1)]
    assert list(pixels("1-2; drop"))[1:3] == [rgb(1), rgb(2)]


def test_a_scans_page_says_while_its_lesions_are_being_matched(
    viewer: Membership, patient: Patient, sign_in: SignIn
) -> None:
    first, second = examine(patient, 0, 10.0), examine(patient, 3, 9.0)
    waiting = ComparisonFactory(earlier=first, later=second)
    client = sign_in(viewer)
    address = reverse("segmentation:scan", args=[second.scan_id])
    assert "names and colours may still change" in client.get(address).content.decode()
    waiting.delete()
    link(first, second, (1, 1))
    assert "names and colours may still change" not in client.get(address).content.decode()
