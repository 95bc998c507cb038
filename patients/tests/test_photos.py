"""Photos: decoded and encoded again, so that nothing else comes in with them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from clinic.models import Membership
from patients.errors import RecordError
from patients.models import Patient
from patients.services.patients import PHOTO_BYTES, PHOTO_SIDE, set_photo
from patients.tests.factories import PatientFactory

SignIn = Callable[[Membership], Client]
PAYLOAD = b"<?php evil ?>"
# Pillow warns of what the service then refuses.
pytestmark = [
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
]


def picture(file_format: str = "JPEG", size: tuple[int, int] = (800, 600), **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (120, 90, 60)).save(stream, format=file_format, **options)
    return stream.getvalue()


@pytest.fixture
def patient(clinician: Membership) -> Patient:
    return PatientFactory(clinic=clinician.clinic)


def photos(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_encoded_again_without_what_came_with_it(
    file_format: str, clinician: Membership, patient: Patient
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    content = picture(file_format, exif=exif) + PAYLOAD
    set_photo(patient=patient, by=clinician, upload=io.BytesIO(content))
    patient.refresh_from_db()
    stored = Path(patient.photo.path).read_bytes()
    assert PAYLOAD not in stored
    assert b"secret place" not in stored
    with Image.open(io.BytesIO(stored)) as kept:
        assert kept.format == "JPEG"
        assert max(kept.size) == PHOTO_SIDE


def test_a_photo_is_turned_upright(clinician: Membership, patient: Patient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = picture(size=(400, 200), exif=exif)
    set_photo(patient=patient, by=clinician, upload=io.BytesIO(content))
    with Image.open(patient.photo.path) as kept:
        assert kept.size == (200, 400)


BAD = {
    "text": b"not a picture",
    "empty": b"",
    "script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "gif": picture("GIF"),
    "cut off": picture()[:300],
    "cut off png": picture("PNG")[:60],
    "zeros in the middle": picture()[:200] + bytes(400) + picture()[600:700],
    "too large": picture() + bytes(PHOTO_BYTES),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_photo_is_refused_in_words_and_nothing_is_kept(
    name: str, media: Path, clinician: Membership, patient: Patient
) -> None:
    with pytest.raises(RecordError, match="Please choose"):
        set_photo(patient=patient, by=clinician, upload=io.BytesIO(BAD[name]))
    patient.refresh_from_db()
    assert not patient.photo
    assert photos(media) == []


def test_a_pixel_bomb_is_refused_before_it_is_decoded(
    clinician: Membership, patient: Patient
) -> None:
    bomb = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(bomb, format="PNG")
    bomb.seek(0)
    with pytest.raises(RecordError, match="too many pixels"):
        set_photo(patient=patient, by=clinician, upload=bomb)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_damaged_photo_never_raises_anything_but_a_refusal(
    file_format: str, clinician: Membership, patient: Patient
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = picture(file_format, size=(64, 48), exif=exif)
    for position in range(0, min(len(whole), 400), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        try:
            set_photo(patient=patient, by=clinician, upload=io.BytesIO(bytes(damaged)))
        except RecordError as error:
            assert "Please choose" in str(error)


def test_a_new_photo_takes_the_place_of_the_old_file(
    media: Path,
    clinician: Membership,
    patient: Patient,
    django_capture_on_commit_callbacks: Any,
) -> None:
    for colour in ("JPEG", "PNG"):
        with django_capture_on_commit_callbacks(execute=True):
            set_photo(patient=patient, by=clinician, upload=io.BytesIO(picture(colour)))
    assert [str(path) for path in photos(media)] == [patient.photo.path]


def test_the_name_of_a_photo_never_becomes_a_path(
    sign_in: SignIn, media: Path, clinician: Membership, patient: Patient
) -> None:
    photo = SimpleUploadedFile("x.jpg", picture())
    photo.__dict__["_name"] = "../../../etc/passwd"
    values = {
        "record_number": patient.record_number,
        "full_name": patient.full_name,
        "birth_date": "1970-05-01",
        "sex": "F",
        "photo": photo,
    }
    browser = sign_in(clinician)
    assert browser.post(reverse("patients:edit", args=[patient.pk]), values).status_code == 302
    assert [path.parent for path in photos(media)] == [media / "photos" / str(patient.pk)]
    shown = browser.get(reverse("patients:photo", args=[patient.pk]))
    assert shown["Content-Type"] == "image/jpeg"
    assert b"".join(shown.streaming_content).startswith(b"\xff\xd8")


def test_a_bad_photo_on_the_form_is_said_and_the_record_is_kept(
    sign_in: SignIn, clinician: Membership
) -> None:
    values = {
        "record_number": "A-1",
        "full_name": "Ada Sample",
        "birth_date": "1970-05-01",
        "sex": "F",
        "photo": SimpleUploadedFile("photo.jpg", b"not a picture"),
    }
    page = sign_in(clinician).post(reverse("patients:new"), values, follow=True)
    assert "The photo could not be read" in page.content.decode()
    assert not Patient.objects.get().photo


def test_a_patient_without_a_photo_has_none_to_send(
    sign_in: SignIn, clinician: Membership, patient: Patient
) -> None:
    address = reverse("patients:photo", args=[patient.pk])
    assert sign_in(clinician).get(address).status_code == 404
