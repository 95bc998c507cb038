"""Names from outside: shown, escaped, and never part of a path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from clinic.models import Membership
from patients.models import Patient, Scan, Sequence
from segmentation.services.uploads import Declaration, accept_upload, display_name
from segmentation.tests.factories import ScanFactory, files_below, head_bytes, upload

SignIn = Callable[[Membership], Client]
pytestmark = pytest.mark.usefixtures("model")

HOSTILE = {
    "../../etc/passwd": "passwd",
    "/etc/passwd": "passwd",
    "a\\b": "b",
    "..\\..\\windows\\system.ini": "system.ini",
    "x" * 500: "x" * 200,
    "line\nbreak\r\x00\x1b[31m.nii": "linebreak[31m.nii",
    "\u202egnp.exe": "gnp.exe",
    "": "unnamed",
    "/": "unnamed",
    "....//": "....",
    "<img src=x onerror=alert(1)>.nii": "<img src=x onerror=alert(1)>.nii",
    "\ud800.nii": ".nii",
    "Ünïcødé 🧠.nii.gz": "Ünïcødé 🧠.nii.gz",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_made_fit_to_be_shown(name: str) -> None:
    assert display_name(name) == HOSTILE[name]


def take(patient: Patient, by: Membership, name: str, seed: int = 0) -> Scan:
    file = upload(head_bytes(seed))
    # What a handler of uploads other than Django's own might let through.
    file.__dict__["_name"] = name
    declaration = Declaration(sequence=Sequence.FLAIR, acquired_on=date(2024, 3, 1))
    return accept_upload(patient=patient, by=by, upload=file, declaration=declaration).scan


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_never_becomes_a_path(
    name: str, patient: Patient, clinician: Membership, media: Path, tmp_path: Path
) -> None:
    scan = take(patient, clinician, name)
    kept = ("image.nii.gz", "thumbnail.jpg")
    assert files_below(media) == [f"scans/{scan.pk}/{name}" for name in kept]
    assert {path.split("/")[0] for path in files_below(tmp_path)} == {"media"}
    scan.refresh_from_db()
    assert scan.original_name == HOSTILE[name]


def test_uploads_of_the_same_name_do_not_overwrite_each_other(
    patient: Patient, clinician: Membership
) -> None:
    first = take(patient, clinician, "image.nii.gz", seed=1)
    second = take(patient, clinician, "image.nii.gz", seed=2)
    assert first.file.path != second.file.path
    assert Path(first.file.path).read_bytes() == head_bytes(1)
    assert Path(second.file.path).read_bytes() == head_bytes(2)


@pytest.mark.parametrize("name", ["x\r\nSet-Cookie: a=b", '"; filename="evil.exe', "..", "ü.nii"])
def test_a_download_carries_its_name_safely(
    name: str, sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    scan = ScanFactory(study__patient=patient, original_name=display_name(name))
    response = sign_in(viewer).get(reverse("segmentation:scan_file", args=[scan.pk]))
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    assert "\n" not in response["Content-Disposition"]
    assert response["Content-Type"] == "application/octet-stream"
    assert "Set-Cookie" not in response.headers
    assert b"".join(response.streaming_content) == head_bytes()


def test_a_name_is_escaped_on_the_pages(
    sign_in: SignIn, viewer: Membership, patient: Patient
) -> None:
    scan = ScanFactory(study__patient=patient, original_name="<script>alert(1)</script>.nii")
    browser = sign_in(viewer)
    for address in (
        reverse("segmentation:scan", args=[scan.pk]),
        reverse("segmentation:patient", args=[patient.pk]),
    ):
        assert "<script>alert(1)" not in browser.get(address).content.decode()
