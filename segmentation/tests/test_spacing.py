"""Where the spacing cannot be relied on, no millimetre and no millilitre is spoken of anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import Membership
from ml.tests import factories as heads
from patients.models import Patient, PictureConvention, Scan, Sequence
from segmentation.models import Lesion, Segmentation, State
from segmentation.services.corrections import ScanFacts, correct_scan
from segmentation.services.uploads import Accepted, Declaration, accept_upload
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import head_bytes, picture_bytes, upload

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")
SIZED = re.compile(r"\d\s*(mm|mL|ml)\b")


def take(patient: Patient, by: Membership, content: bytes, name: str, **said: Any) -> Accepted:
    declaration = Declaration(
        **{"sequence": Sequence.FLAIR, "acquired_on": date(2024, 3, 1), **said}
    )
    return accept_upload(
        patient=patient, by=by, upload=upload(content, name), declaration=declaration
    )


def result_of(accepted: Accepted) -> Segmentation:
    assert accepted.segmentation is not None
    run_segmentation(str(accepted.segmentation.pk))
    row = Segmentation.objects.get(pk=accepted.segmentation.pk)
    assert row.state == State.SUCCEEDED
    assert row.voxels
    return row


def sizes_in(value: Any, path: str = "") -> list[str]:
    """Every number below a key that speaks of millimetres or millilitres."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in sizes_in(inner, str(key))]
    if isinstance(value, list):
        return [found for inner in value for found in sizes_in(inner, path)]
    is_size = path.endswith(("_mm", "_ml", "_mm2")) and path != "spacing_mm"
    return [f"{path}: {value}"] if is_size and value is not None else []


def assert_nothing_is_sized(browser: Client, row: Segmentation) -> None:
    row.refresh_from_db()
    assert row.volume_ml is None
    assert row.volume_interval is None
    sized = Lesion.objects.filter(segmentation=row).exclude(
        volume_ml=None,
        longest_diameter_mm=None,
        product_mm2=None,
        longest_3d_mm=None,
        surface_mm2=None,
        is_measurable=None,
    )
    assert not sized.exists()
    patient = row.study.patient_id
    for name, pk in (("segmentation:scan", row.scan_id), ("segmentation:patient", patient)):
        page = browser.get(reverse(name, args=[pk])).content.decode()
        results = re.sub(r"<(form|template|dialog)\b.*?</\1>", "", page, flags=re.S)
        assert not SIZED.search(results), SIZED.search(results)
    assert browser.get(reverse("segmentation:patient", args=[patient])).context["points"] == []
    for name, pk in (
        ("segmentation:result_json", row.pk),
        ("api:segmentation", row.pk),
        ("api:scan", row.scan_id),
    ):
        answer = json.loads(browser.get(reverse(name, args=[pk])).content)
        assert sizes_in(answer) == []
    listed = browser.get(reverse("patients:list"))
    assert "mL" not in "".join(listed.content.decode().split("<tbody")[1:])


@pytest.fixture
def browser(sign_in: SignIn, viewer: Membership) -> Client:
    return sign_in(viewer)


def test_a_volume_with_spacing_has_sizes(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    row = result_of(take(patient, clinician, head_bytes(), "head.nii.gz"))
    assert row.volume_ml
    assert row.lesions.get().longest_diameter_mm
    page = browser.get(reverse("segmentation:scan", args=[row.scan_id])).content.decode()
    assert "mL" in page
    assert len(browser.get(reverse("segmentation:patient", args=[patient.pk])).context["points"])


def test_a_spacing_marked_as_unreliable_gives_no_size_anywhere(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    accepted = take(patient, clinician, head_bytes(), "head.nii.gz", spacing_is_reliable=False)
    assert not accepted.scan.has_physical_size
    assert_nothing_is_sized(browser, result_of(accepted))


def test_a_picture_has_no_size_anywhere(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    pixels = heads.grey_slice().copy()
    pixels[40:52, 60:72] = 255
    accepted = take(patient, clinician, picture_bytes("PNG", colour=True), "s.png",
                    sequence=Sequence.COMPOSITE)  # fmt: skip
    assert accepted.segmentation is not None
    run_segmentation(str(accepted.segmentation.pk))
    assert_nothing_is_sized(browser, Segmentation.objects.get())


def test_a_volume_without_any_spacing_has_no_size_anywhere(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    volume = heads.head_with_blob()[0]
    content = heads.nifti_bytes(volume, qform_code=0, sform_code=0, pixdim=[1, 0, 0, 0, 0, 0, 0, 0])
    accepted = take(patient, clinician, content, "head.nii")
    assert accepted.scan.spacing_mm is None
    row = result_of(accepted)
    assert {lesion.side for lesion in row.lesions.all()} == {"unknown"}
    assert_nothing_is_sized(browser, row)


def test_marking_the_spacing_as_unreliable_takes_sizes_out_of_every_result(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    first = result_of(take(patient, clinician, head_bytes(), "head.nii.gz"))
    assert first.volume_ml
    scan = Scan.objects.get()
    facts = ScanFacts(
        patient=patient,
        performed_on=date(2024, 3, 1),
        sequence=Sequence.FLAIR,
        spacing_is_reliable=False,
        convention=PictureConvention.UNKNOWN,
    )
    correct_scan(scan=scan, by=clinician, facts=facts, reason="Exported with a wrong header")
    assert_nothing_is_sized(browser, first)
    second = Segmentation.objects.get(state=State.QUEUED)
    run_segmentation(str(second.pk))
    assert_nothing_is_sized(browser, second)
    assert_nothing_is_sized(browser, first)
    old = f"{reverse('segmentation:scan', args=[scan.pk])}?version={first.pk}"
    assert not SIZED.search(browser.get(old).content.decode())


# 20 slices of 1 mm under a head that is 176 mm wide: the slices are further apart than it says.
SHALLOW = (4.0, 4.0, 1.0)


def test_a_doubtful_spacing_is_pointed_out_and_holds_the_scan_back(
    patient: Patient, clinician: Membership
) -> None:
    accepted = take(patient, clinician, head_bytes(spacing_mm=SHALLOW), "head.nii.gz")
    assert accepted.segmentation is None
    assert "voxel size of 4 x 4 x 1 mm" in accepted.notices[0]


def test_a_doubtful_spacing_that_was_marked_as_unreliable_holds_nothing_back(
    browser: Client, patient: Patient, clinician: Membership
) -> None:
    accepted = take(
        patient,
        clinician,
        head_bytes(spacing_mm=SHALLOW),
        "head.nii.gz",
        spacing_is_reliable=False,
    )
    assert accepted.notices == []
    assert_nothing_is_sized(browser, result_of(accepted))
