"""Taking in a scan: what is accepted, what is refused in a sentence, what is held back."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from clinic.models import AccessEvent, Membership
from ml.models import Model
from ml.tests import factories as heads
from patients.models import Patient, PictureConvention, Scan, Sequence, Study
from patients.services.studies import archive_scan
from patients.tests.factories import PatientFactory
from segmentation.errors import DuplicateScanError, UploadError
from segmentation.models import Segmentation, State
from segmentation.services.uploads import Accepted, Declaration, accept_upload, confirm_doubts
from segmentation.tests.factories import files_below, head_bytes, picture_bytes, upload
from segmentation.thumbnails import thumbnail_path

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")
DAY = date(2024, 3, 1)


@pytest.fixture
def take(patient: Patient, clinician: Membership) -> Callable[..., Accepted]:
    """Uploads content under a name, declared to be a FLAIR unless said otherwise."""

    def taken(content: bytes | None = None, name: str = "head.nii.gz", **said: Any) -> Accepted:
        to = said.pop("patient", patient)
        declaration = Declaration(**{"sequence": Sequence.FLAIR, "acquired_on": DAY, **said})
        file = upload(content, name)
        return accept_upload(patient=to, by=clinician, upload=file, declaration=declaration)

    return taken


ACCEPTED = {
    "scan.nii.gz": (head_bytes(), Sequence.FLAIR, "NIfTI", ".nii.gz"),
    "scan.nii": (head_bytes(packed=False), Sequence.FLAIR, "NIfTI", ".nii"),
    "scan.gz": (head_bytes(), Sequence.FLAIR, "NIfTI", ".nii.gz"),
    "scan": (head_bytes(), Sequence.FLAIR, "NIfTI", ".nii.gz"),
    "slice.png": (picture_bytes("PNG"), Sequence.FLAIR, "PNG", ".png"),
    "slice.jpg": (picture_bytes("JPEG"), Sequence.FLAIR, "JPEG", ".jpg"),
    "slice.tif": (picture_bytes("TIFF", colour=True), Sequence.COMPOSITE, "TIFF", ".tif"),
    "wrongly-named.exe": (picture_bytes("PNG"), Sequence.FLAIR, "PNG", ".png"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_file_is_judged_by_its_content_and_segmented(
    name: str, take: Callable[..., Accepted], media: Path
) -> None:
    content, sequence, file_format, suffix = ACCEPTED[name]
    accepted = take(content, name, sequence=sequence)
    assert accepted.notices == []
    assert accepted.segmentation is not None
    assert accepted.segmentation.state == State.QUEUED
    scan = Scan.objects.get()
    assert (scan.file_format, scan.original_name) == (file_format, name)
    folder = f"scans/{scan.pk}"
    assert files_below(media) == [f"{folder}/image{suffix}", f"{folder}/thumbnail.jpg"]
    with Image.open(thumbnail_path(scan)) as picture:
        assert max(picture.size) <= 176
    assert Path(scan.file.path).read_bytes() == content
    assert scan.size_bytes == len(content)


def test_what_the_header_says_is_stored(take: Callable[..., Accepted]) -> None:
    scan = take().scan
    scan.refresh_from_db()
    assert scan.shape == [44, 52, 20]
    assert scan.spacing_mm == [2.0, 2.0, 5.0]
    assert (scan.orientation, scan.slice_count, scan.kind) == ("RAS", 20, "volume")
    assert np.array(scan.affine).shape == (4, 4)
    assert scan.study.performed_on == DAY


def test_a_picture_has_neither_spacing_nor_affine(take: Callable[..., Accepted]) -> None:
    scan = take(picture_bytes("PNG"), "slice.png").scan
    scan.refresh_from_db()
    assert scan.spacing_mm is None
    assert scan.affine is None
    assert not scan.has_physical_size


def test_the_bell_is_rung_once_the_scan_is_stored_for_good(
    take: Callable[..., Accepted], rung: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        accepted = take()
        assert rung == []
    assert accepted.segmentation is not None
    assert rung == [accepted.segmentation.pk]


def test_an_upload_is_logged(take: Callable[..., Accepted], clinician: Membership) -> None:
    scan = take().scan
    event = AccessEvent.objects.get(action="scan.upload")
    assert (event.member, event.subject_id) == (clinician, scan.pk)
    assert event.patient_id == scan.study.patient_id


def test_scans_of_one_day_belong_to_one_study(take: Callable[..., Accepted]) -> None:
    take(head_bytes(1))
    take(head_bytes(2), sequence=Sequence.T1)
    take(head_bytes(3), acquired_on=date(2024, 4, 1))
    assert sorted(Study.objects.values_list("performed_on", flat=True)) == [DAY, date(2024, 4, 1)]


def bad_files() -> dict[str, bytes]:
    stream = io.BytesIO()
    Image.fromarray(heads.grey_slice()).save(stream, format="GIF")
    return {
        "empty": b"",
        "text": b"This is not a scan." * 40,
        "gif": stream.getvalue(),
        "cut off gzip": head_bytes()[:-500],
        "cut off volume": head_bytes(packed=False)[:-5000],
        "gzip of text": gzip.compress(b"hello " * 400),
        "gzip bomb": gzip.compress(head_bytes(packed=False) + bytes(40_000_000)),
        "pixel bomb": heads.png_claiming(60_000, 60_000),
        "dicom": bytes(128) + b"DICM" + bytes(200),
        "blank": heads.nifti_bytes(np.zeros((44, 52, 20), np.float32)),
        "four dimensions": heads.nifti_bytes(np.ones((20, 20, 20, 3), np.float32)),
        "tiny": heads.nifti_bytes(np.ones((4, 4, 4), np.float32)),
        "cut off png": picture_bytes("PNG")[:200],
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cposix\nsystem\n.",
    }


BAD = bad_files()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_one_plain_sentence_and_leaves_nothing(
    name: str, take: Callable[..., Accepted], media: Path
) -> None:
    with pytest.raises(UploadError) as caught:
        take(BAD[name], "scan.nii.gz")
    heads.assert_plain(str(caught.value))
    assert not Scan.objects.exists()
    assert not Study.objects.exists()
    assert files_below(media) == []
    assert files_below(Path(settings.INCOMING_ROOT)) == []


def test_a_file_over_the_limit_is_refused_unread(
    take: Callable[..., Accepted], settings: Any, media: Path
) -> None:
    settings.MAX_FILE_BYTES = 1000
    with pytest.raises(UploadError, match="larger than"):
        take()
    assert files_below(media) == []


def test_nothing_on_its_way_is_left_behind_by_a_good_file(take: Callable[..., Accepted]) -> None:
    take()
    assert files_below(Path(settings.INCOMING_ROOT)) == []


def test_the_same_file_twice_is_refused_with_the_date_of_the_first(
    take: Callable[..., Accepted], media: Path
) -> None:
    take()
    with pytest.raises(DuplicateScanError, match=r"FLAIR of 1 Mar 2024\. It was not stored again"):
        take(name="renamed.nii.gz", acquired_on=date(2024, 5, 5))
    assert Scan.objects.count() == Study.objects.count() == 1
    assert len(files_below(media)) == 2


def test_an_archived_scan_still_counts_as_the_same_file(
    take: Callable[..., Accepted], clinician: Membership
) -> None:
    archive_scan(scan=take().scan, by=clinician)
    with pytest.raises(DuplicateScanError, match="archived"):
        take()


def test_the_same_file_in_another_patients_record_is_a_doubt(
    take: Callable[..., Accepted], patient: Patient
) -> None:
    take()
    other = PatientFactory(clinic=patient.clinic)
    accepted = take(patient=other)
    assert accepted.segmentation is None
    assert accepted.notices == accepted.scan.doubts
    assert "another patient's record" in accepted.notices[0]


def test_the_same_file_in_another_clinic_says_nothing(
    take: Callable[..., Accepted], stranger: Membership
) -> None:
    take()
    elsewhere = PatientFactory(clinic=stranger.clinic)
    declaration = Declaration(sequence=Sequence.FLAIR, acquired_on=DAY)
    accepted = accept_upload(
        patient=elsewhere, by=stranger, upload=upload(), declaration=declaration
    )
    assert accepted.notices == []


def test_a_date_in_the_future_or_before_birth_is_refused(
    take: Callable[..., Accepted], patient: Patient, media: Path
) -> None:
    with pytest.raises(UploadError, match="future"):
        take(acquired_on=timezone.localdate() + timedelta(days=1))
    with pytest.raises(UploadError, match="before the patient's birth"):
        take(acquired_on=patient.birth_date - timedelta(days=1))
    assert files_below(media) == []
    assert not Study.objects.exists()


def implausible() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def test_an_implausible_image_is_held_back_until_a_person_confirms_it(
    take: Callable[..., Accepted], clinician: Membership
) -> None:
    accepted = take(implausible(), "slice.png")
    assert accepted.segmentation is None
    assert accepted.scan.is_held_back
    assert "does not look like a brain MRI" in accepted.notices[0]
    confirmed = confirm_doubts(scan=accepted.scan, by=clinician)
    assert confirmed.segmentation is not None
    scan = Scan.objects.get()
    assert not scan.is_held_back
    assert scan.doubts_confirmed_by == clinician
    assert scan.doubts


def test_a_name_that_contradicts_the_declaration_is_a_doubt(
    take: Callable[..., Accepted],
) -> None:
    accepted = take(name="patient_t2w.nii.gz")
    assert accepted.notices == ["The file's name speaks of T2, but FLAIR was declared."]


def test_a_sequence_that_no_model_reads_is_stored_and_says_so(
    take: Callable[..., Accepted],
) -> None:
    accepted = take(sequence=Sequence.T2)
    assert accepted.segmentation is None
    assert "No model reads a volume of T2 alone" in accepted.notices[0]
    assert Scan.objects.get().sequence == "T2"
    assert not Segmentation.objects.exists()


def test_a_failure_while_storing_leaves_neither_row_nor_file(
    take: Callable[..., Accepted], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("segmentation.services.uploads.record_access", broken)
    with pytest.raises(OSError, match="disk is full"):
        take()
    assert not Scan.objects.exists()
    assert not Study.objects.exists()
    assert files_below(media) == []
    assert not (media / "scans").exists() or not any((media / "scans").iterdir())


# The page


def post(browser: Client, patient: Patient, *files: Any, **changes: Any) -> Any:
    values = {"sequence": "FLAIR", "acquired_on": "2024-03-01", "files": list(files), **changes}
    script = values.pop("script", False)
    headers = {"X-Requested-With": "fetch"} if script else {}
    address = reverse("segmentation:upload", args=[patient.pk])
    return browser.post(address, values, headers=headers, follow=not script)


def said(page: Any) -> list[str]:
    return [str(message) for message in page.context["messages"]]


def test_one_bad_file_does_not_stop_the_others(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    files = (
        upload(head_bytes(1), "one.nii.gz"),
        upload(b"nonsense", "two.nii.gz"),
        upload(head_bytes(3), "three.nii.gz"),
    )
    page = post(sign_in(clinician), patient, *files)
    names = Scan.objects.order_by("uploaded_at").values_list("original_name", flat=True)
    assert list(names) == ["one.nii.gz", "three.nii.gz"]
    one, two, three = said(page)
    assert one == "one.nii.gz was stored and will be segmented."
    assert two.startswith("two.nii.gz: The file is neither")
    assert three == "three.nii.gz was stored and will be segmented."


def test_a_script_gets_one_line_for_its_file(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    good = post(browser, patient, upload(), script=True)
    assert good.status_code == 201
    assert "will be segmented" in good.content.decode()
    bad = post(browser, patient, upload(b"nonsense", "<b>bad</b>.nii"), script=True)
    assert bad.status_code == 422
    assert "<b>bad" not in bad.content.decode()


def test_a_future_date_and_a_missing_file_are_said_on_the_page(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    tomorrow = f"{timezone.localdate() + timedelta(days=1):%Y-%m-%d}"
    assert "future" in said(post(browser, patient, upload(), acquired_on=tomorrow))[0]
    assert "choose at least one file" in said(post(browser, patient))[0]
    assert not Scan.objects.exists()


def test_too_many_files_at_once_are_refused_in_words(
    sign_in: SignIn, clinician: Membership, patient: Patient, settings: Any
) -> None:
    files = [upload(b"x", f"{n}.nii") for n in range(settings.MAX_FILES_PER_UPLOAD + 1)]
    page = post(sign_in(clinician), patient, *files)
    assert page.status_code == 200
    assert f"at most {settings.MAX_FILES_PER_UPLOAD} files" in said(page)[0]


def test_a_held_back_scan_is_confirmed_on_its_page(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    page = post(browser, patient, upload(implausible(), "slice.png"))
    assert "does not look like a brain MRI" in said(page)[0]
    scan = Scan.objects.get()
    shown = browser.get(reverse("segmentation:scan", args=[scan.pk])).content.decode()
    assert "does not look like a brain MRI" in shown
    browser.post(reverse("segmentation:segment", args=[scan.pk]))
    assert not Segmentation.objects.exists()
    browser.post(reverse("segmentation:confirm", args=[scan.pk]))
    assert Segmentation.objects.get().requested_by == clinician


def test_a_scan_without_a_model_says_so_on_its_page(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    assert (
        "No model reads a volume of T2 alone"
        in said(post(browser, patient, upload(), sequence="T2"))[0]
    )
    page = browser.get(reverse("segmentation:scan", args=[Scan.objects.get().pk]))
    assert "No model reads a volume of T2 alone" in page.content.decode()


def test_the_sides_of_a_picture_are_what_was_declared(
    sign_in: SignIn, clinician: Membership, patient: Patient, model: Model
) -> None:
    file = upload(picture_bytes("PNG"), "slice.png")
    post(sign_in(clinician), patient, file, convention="radiological")
    assert Scan.objects.get().convention == PictureConvention.RADIOLOGICAL


def test_a_scan_without_a_result_has_a_picture_in_the_list(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    browser = sign_in(clinician)
    post(browser, patient, upload(), sequence="T2")
    scan = Scan.objects.get()
    address = reverse("segmentation:scan_thumbnail", args=[scan.pk])
    record = reverse("segmentation:patient", args=[patient.pk])
    assert address in browser.get(record).content.decode()
    assert browser.get(address)["Content-Type"] == "image/jpeg"
    thumbnail_path(scan).unlink()
    assert browser.get(address).status_code == 404
    assert "no picture yet" in browser.get(record).content.decode()
