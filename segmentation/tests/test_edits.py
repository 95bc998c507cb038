"""Drawings that are not saved yet: kept, refused, discarded, and told of to others."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from clinic.models import AccessEvent, Clinic, Membership, Role
from clinic.tests.factories import MembershipFactory
from patients.models import Scan
from patients.services.studies import archive_scan
from patients.tests.factories import PatientFactory, StudyFactory
from segmentation.errors import SegmentationError
from segmentation.models import Edit, Segmentation
from segmentation.services.edits import keep_edit
from segmentation.services.erasure import erase_scan
from segmentation.tests.api_helpers import client_of
from segmentation.tests.factories import SHAPE, ScanFactory, SegmentationFactory, files_below
from segmentation.tests.reading_factories import packed

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan(clinic: Clinic) -> Scan:
    return ScanFactory(study=StudyFactory(patient=PatientFactory(clinic=clinic)))


@pytest.fixture
def base(scan: Scan) -> Segmentation:
    return SegmentationFactory(scan=scan, succeeded=True)


@pytest.fixture
def colleague(clinic: Clinic) -> Membership:
    return MembershipFactory(clinic=clinic, role=Role.CLINICIAN, user__username="colleague")


def drawing(*voxels: tuple[int, int, int], value: int = 1) -> bytes:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for voxel in voxels:
        labels[voxel] = value
    return packed(labels)


def keep(
    member: Membership,
    scan: Scan,
    content: bytes = b"",
    *,
    revision: int = 0,
    base: Segmentation | None = None,
) -> Any:
    query = f"?revision={revision}" + (f"&base={base.pk}" if base else "")
    return client_of(member).put(
        f"/api/v1/scans/{scan.pk}/edit/{query}",
        content or drawing((1, 2, 3)),
        content_type="application/octet-stream",
    )


def state(member: Membership, scan: Scan) -> dict[str, Any]:
    answer = client_of(member).get(f"/api/v1/scans/{scan.pk}/edit/")
    assert answer.status_code == 200
    return dict(answer.json())


def kept_labels(member: Membership, scan: Scan) -> bytes:
    answer = client_of(member).get(f"/api/v1/scans/{scan.pk}/edit/labels/")
    return gzip.decompress(b"".join(answer.streaming_content))


def test_a_drawing_is_kept_and_comes_back_as_it_was(
    clinician: Membership, scan: Scan, base: Segmentation
) -> None:
    answer = keep(clinician, scan, drawing((3, 4, 5), value=7), base=base)
    assert answer.status_code == 200
    assert answer.json()["edit"]["revision"] == 1
    body = state(clinician, scan)
    assert body["edit"]["base"] == str(base.pk)
    assert (body["edit"]["base_version"], body["next_version"], body["newer"]) == (1, 2, None)
    labels = np.frombuffer(kept_labels(clinician, scan), np.uint8).reshape(SHAPE, order="F")
    assert np.argwhere(labels).tolist() == [[3, 4, 5]]
    assert labels[3, 4, 5] == 7


def test_a_drawing_is_no_result(clinician: Membership, scan: Scan, base: Segmentation) -> None:
    keep(clinician, scan, base=base)
    assert scan.segmentations.get() == base
    assert base.is_current


@pytest.mark.django_db(transaction=True)
def test_each_autosave_takes_the_place_of_the_one_before(
    clinician: Membership, scan: Scan, media: Path
) -> None:
    keep(clinician, scan)
    answer = keep(clinician, scan, drawing((9, 9, 9)), revision=1)
    assert answer.json()["edit"]["revision"] == 2
    assert len(files_below(media / "edits")) == 1
    assert sum(kept_labels(clinician, scan)) == 1
    assert AccessEvent.objects.filter(action="edit.begin").count() == 1


def test_an_old_revision_is_refused_and_nothing_is_lost(
    clinician: Membership, scan: Scan, media: Path
) -> None:
    keep(clinician, scan)
    newest = drawing((9, 9, 9))
    keep(clinician, scan, newest, revision=1)
    before = kept_labels(clinician, scan)
    for old in (0, 1, 5):
        answer = keep(clinician, scan, revision=old)
        assert answer.status_code == 409
        assert answer.json()["revision"] == 2
        assert "another window" in answer.json()["detail"]
    assert kept_labels(clinician, scan) == before == gzip.decompress(newest)
    assert Edit.objects.get().revision == 2


def test_a_refused_new_drawing_leaves_no_file(
    clinician: Membership, scan: Scan, media: Path
) -> None:
    keep(clinician, scan)
    before = files_below(media)
    assert keep(clinician, scan, drawing((4, 4, 4))).status_code == 409
    assert files_below(media) == before


def test_what_was_saved_or_discarded_elsewhere_is_not_brought_back_unasked(
    clinician: Membership, scan: Scan
) -> None:
    keep(clinician, scan)
    client_of(clinician).delete(f"/api/v1/scans/{scan.pk}/edit/")
    answer = keep(clinician, scan, revision=1)
    assert (answer.status_code, answer.json()["revision"]) == (409, 0)
    assert "saved or discarded in another window" in answer.json()["detail"]
    assert keep(clinician, scan, revision=0).status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (drawing()[:-9], 400, "cut off"),
        (b"\x1f", 400, "cut off"),
        (b"not gzip at all", 400, "damaged"),
        (packed(np.zeros((44, 52, 19), np.uint8)), 400, "voxels and the scan"),
        (packed(np.zeros((44, 52, 21), np.uint8)), 400, "more than the scan's"),
        (gzip.compress(bytes(50_000_000), mtime=0), 400, "more than the scan's"),
        (bytes(300_000), 413, "larger than any"),
    ],
)
def test_a_body_that_is_not_the_scans_grid_is_refused_in_words(
    content: bytes, status: int, words: str, clinician: Membership, scan: Scan, media: Path
) -> None:
    before = files_below(media)
    answer = keep(clinician, scan, content)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert not Edit.objects.exists()
    assert files_below(media) == before


def test_an_empty_body_and_a_missing_revision_are_refused(
    clinician: Membership, scan: Scan
) -> None:
    client, address = client_of(clinician), f"/api/v1/scans/{scan.pk}/edit/"
    kind = "application/octet-stream"
    assert client.put(f"{address}?revision=0", b"", content_type=kind).status_code == 400
    assert client.put(address, drawing(), content_type=kind).status_code == 400
    assert client.put(f"{address}?revision=0", {"a": 1}, format="json").status_code == 415


def test_a_version_of_another_scan_or_clinic_is_no_base(
    clinician: Membership, scan: Scan, clinic: Clinic
) -> None:
    elsewhere = SegmentationFactory(succeeded=True)
    assert keep(clinician, scan, base=elsewhere).status_code == 404
    sibling = ScanFactory(study=scan.study, sha256="x")
    other = SegmentationFactory(scan=sibling, succeeded=True)
    answer = keep(clinician, scan, base=other)
    assert answer.status_code == 409
    assert "no version of this scan" in answer.json()["detail"]
    assert not Edit.objects.exists()


def test_viewers_and_strangers_keep_nothing(
    viewer: Membership, stranger: Membership, scan: Scan
) -> None:
    assert keep(viewer, scan).status_code == 403
    assert keep(stranger, scan).status_code == 404
    address = f"/api/v1/scans/{scan.pk}/edit/"
    assert APIClient().get(address).status_code == 401
    assert client_of(stranger).get(address).status_code == 404
    assert state(viewer, scan)["edit"] is None
    assert not Edit.objects.exists()


def test_an_archived_scan_is_not_drawn_on(clinician: Membership, scan: Scan) -> None:
    archive_scan(scan=scan, by=clinician)
    answer = keep(clinician, scan)
    assert answer.status_code == 409
    assert "archived" in answer.json()["detail"]


def test_everyone_has_a_drawing_of_their_own_and_is_told_of_the_others(
    clinician: Membership, colleague: Membership, viewer: Membership, scan: Scan
) -> None:
    keep(clinician, scan, drawing((1, 1, 1)))
    answer = keep(colleague, scan, drawing((2, 2, 2), (3, 3, 3)))
    assert [other["name"] for other in answer.json()["others"]] == [clinician.display_name]
    assert answer.json()["others"][0]["changed_at"]
    assert [other["name"] for other in state(clinician, scan)["others"]] == [colleague.display_name]
    assert {other["name"] for other in state(viewer, scan)["others"]} == {
        clinician.display_name,
        colleague.display_name,
    }
    assert sum(kept_labels(clinician, scan)) == 1
    assert sum(kept_labels(colleague, scan)) == 2


@pytest.mark.django_db(transaction=True)
def test_discarding_removes_only_ones_own_drawing_and_its_files(
    clinician: Membership, colleague: Membership, scan: Scan, media: Path
) -> None:
    keep(clinician, scan)
    keep(colleague, scan)
    address = f"/api/v1/scans/{scan.pk}/edit/"
    assert client_of(clinician).delete(address).status_code == 204
    assert [edit.author for edit in Edit.objects.all()] == [colleague]
    assert len(files_below(media / "edits")) == 1
    again = client_of(clinician).delete(address)
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "You have no unsaved drawing on this scan.",
    )
    assert AccessEvent.objects.filter(action="edit.discard", member=clinician).count() == 1


def test_who_only_looks_hears_of_what_is_newer_than_the_version_shown(
    clinician: Membership, scan: Scan, base: Segmentation
) -> None:
    client, address = client_of(clinician), f"/api/v1/scans/{scan.pk}/edit/"
    assert client.get(f"{address}?base={base.pk}").json()["newer"] is None
    base.is_current = False
    base.save()
    newer = SegmentationFactory(scan=scan, succeeded=True)
    assert client.get(f"{address}?base={base.pk}").json()["newer"]["id"] == str(newer.pk)
    other = SegmentationFactory(succeeded=True)
    assert client.get(f"{address}?base={other.pk}").status_code == 404


def test_there_are_no_labels_without_a_drawing(clinician: Membership, scan: Scan) -> None:
    answer = client_of(clinician).get(f"/api/v1/scans/{scan.pk}/edit/labels/")
    assert answer.status_code == 409


@pytest.mark.django_db(transaction=True)
def test_erasing_the_scan_erases_its_drawings(
    clinician: Membership, admin: Membership, scan: Scan, media: Path
) -> None:
    keep(clinician, scan)
    keep(clinician, scan, revision=1)
    erase_scan(scan=scan, by=admin)
    assert not Edit.objects.exists()
    assert files_below(media) == []


@pytest.mark.parametrize("of", [{}, {"state": "failed", "reason": "It failed."}])
def test_what_has_no_version_yet_is_not_drawn_on(
    of: dict[str, str], clinician: Membership, scan: Scan
) -> None:
    unfinished = SegmentationFactory(scan=scan, **of)
    assert keep(clinician, scan, base=unfinished).status_code == 404
    asked = client_of(clinician).get(f"/api/v1/scans/{scan.pk}/edit/?base={unfinished.pk}")
    assert asked.status_code == 404
    with pytest.raises(SegmentationError, match="no version of this scan"):
        keep_edit(scan=scan, by=clinician, base=unfinished, revision=0, content=drawing())
    assert not Edit.objects.exists()


def test_a_drawing_whose_answer_was_lost_is_sent_again_and_kept_once(
    clinician: Membership, scan: Scan, base: Segmentation
) -> None:
    first, second = drawing((1, 2, 3)), drawing((4, 5, 6))
    for revision, content in ((0, first), (1, second)):
        for _ in range(2):
            answer = keep(clinician, scan, content, revision=revision, base=base)
            assert answer.status_code == 200
            assert answer.json()["edit"]["revision"] == revision + 1
    assert keep(clinician, scan, first, revision=1, base=base).status_code == 409
    assert keep(clinician, scan, second, revision=1).status_code == 409
    assert gzip.decompress(second) == kept_labels(clinician, scan)


def test_who_has_left_the_clinic_is_not_said_to_be_drawing(
    clinician: Membership, colleague: Membership, scan: Scan
) -> None:
    keep(colleague, scan)
    assert len(state(clinician, scan)["others"]) == 1
    Membership.objects.filter(pk=colleague.pk).update(is_active=False)
    assert state(clinician, scan)["others"] == []
