"""The reading room's page and its manifest."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from django.test import Client
from nibabel.affines import apply_affine

from clinic.models import AccessEvent, Clinic, Membership
from ml.tests import factories as heads
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation.selectors.reading import reading_manifest
from segmentation.tests.factories import (
    LesionFactory,
    ScanFactory,
    SegmentationFactory,
)
from segmentation.tests.reading_factories import picture_scan

SignIn = Callable[[Membership], Client]


@pytest.fixture
def scan(patient: Patient) -> Scan:
    study = StudyFactory(patient=patient, performed_on=date(2026, 3, 12))
    return ScanFactory(study=study)


@pytest.fixture
def client(sign_in: SignIn, viewer: Membership) -> Client:
    return sign_in(viewer)


class TestPage:
    def test_it_shows_the_scan_and_logs_who_opened_it(
        self, client: Client, scan: Scan, viewer: Membership
    ) -> None:
        page = client.get(f"/scans/{scan.pk}/read/").content.decode()
        assert "12 Mar 2026" in page
        assert 'id="manifest"' in page
        assert "not for diagnosis" in page
        event = AccessEvent.objects.get(action="scan.reading")
        assert (event.member, event.subject_id) == (viewer, scan.pk)

    def test_it_has_the_slice_pictures_for_browsers_without_webgl(
        self, client: Client, scan: Scan
    ) -> None:
        SegmentationFactory(scan=scan, succeeded=True)
        page = client.get(f"/scans/{scan.pk}/read/").content.decode()
        fallback = page[page.index("data-no-webgl") :]
        assert "has no WebGL 2" in fallback
        assert "data-slice-viewer" in fallback

    def test_only_this_page_loads_the_viewer(self, client: Client, scan: Scan) -> None:
        assert "reading.js" in client.get(f"/scans/{scan.pk}/read/").content.decode()
        assert "reading.js" not in client.get(f"/scans/{scan.pk}/").content.decode()

    def test_of_a_composite_the_flair_is_shown_first(
        self, client: Client, patient: Patient
    ) -> None:
        scan = picture_scan(patient, colour=True, sequence="COMPOSITE")
        page = client.get(f"/scans/{scan.pk}/read/").content.decode()
        assert f'rel="preload" href="/scans/{scan.pk}/volume/1/"' in page
        assert 'data-channel="1"' in page

    def test_the_scans_page_leads_to_it_with_the_version_that_is_shown(
        self, client: Client, scan: Scan
    ) -> None:
        SegmentationFactory(scan=scan, succeeded=True, is_current=False)
        older = scan.segmentations.get()
        SegmentationFactory(scan=scan, succeeded=True)
        page = client.get(f"/scans/{scan.pk}/?version={older.pk}").content.decode()
        assert f"/scans/{scan.pk}/read/?version={older.pk}" in page


class TestManifest:
    def test_the_api_and_the_page_say_the_same(
        self, client: Client, scan: Scan, viewer: Membership
    ) -> None:
        SegmentationFactory(scan=scan, succeeded=True)
        told = client.get(f"/api/v1/scans/{scan.pk}/reading/").json()
        assert told == reading_manifest(member=viewer, scan=scan)
        assert told["may_edit"] is False

    def test_it_names_the_current_result_unless_another_one_is_asked_for(
        self, scan: Scan, clinician: Membership
    ) -> None:
        older = SegmentationFactory(scan=scan, succeeded=True, is_current=False)
        newer = SegmentationFactory(scan=scan, succeeded=True)
        told = reading_manifest(member=clinician, scan=scan)
        assert told["result"]["id"] == str(newer.pk)
        assert [row["version"] for row in told["versions"]] == [2, 1]
        assert told["may_edit"] is True
        asked = reading_manifest(member=clinician, scan=scan, version=str(older.pk))
        assert asked["result"]["id"] == str(older.pk)

    def test_a_result_of_another_scan_is_not_shown(self, scan: Scan, viewer: Membership) -> None:
        foreign = SegmentationFactory(succeeded=True)
        told = reading_manifest(member=viewer, scan=scan, version=str(foreign.pk))
        assert told["result"] is None

    def test_it_lists_the_patients_present_scans_and_says_which_are_of_the_study(
        self, scan: Scan, patient: Patient, viewer: Membership
    ) -> None:
        same = ScanFactory(study=scan.study, sequence="T1")
        earlier = ScanFactory(study=StudyFactory(patient=patient, performed_on=date(2025, 1, 2)))
        ScanFactory(study=scan.study, archived_at="2026-03-13T00:00:00Z")
        ScanFactory()
        listed = reading_manifest(member=viewer, scan=scan)["volumes"]
        assert {(row["scan_id"], row["same_study"]) for row in listed} == {
            (str(scan.pk), True),
            (str(same.pk), True),
            (str(earlier.pk), False),
        }

    def test_a_composite_is_three_volumes(self, patient: Patient, viewer: Membership) -> None:
        scan = picture_scan(patient, colour=True, sequence="COMPOSITE")
        listed = reading_manifest(member=viewer, scan=scan)["volumes"]
        assert [row["label"] for row in listed] == ["T1", "FLAIR", "T1ce"]

    @pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "PIR", "oblique"])
    def test_a_lesions_voxel_is_where_the_lesion_is_in_the_file(
        self, codes: str, patient: Patient, viewer: Membership
    ) -> None:
        volume, blob = heads.head_with_blob()
        affine = heads.ras_affine((2.0, 2.0, 5.0), volume.shape)
        middle = np.argwhere(blob).mean(axis=0)
        world = apply_affine(affine, middle)
        if codes == "oblique":
            affine = heads.tilt(affine)
            world = apply_affine(affine, middle)
        else:
            volume, affine = heads.reorient(volume, affine, codes)
        scan = ScanFactory(
            study=StudyFactory(patient=patient),
            content=gzip.compress(heads.nifti_bytes(volume, affine)),
            shape=list(volume.shape),
            affine=affine.tolist(),
        )
        # The stack runs to superior, posterior and left; the blob's head was RAS.
        x, y, z = middle
        centroid = [z, 51 - y, 43 - x]
        LesionFactory(
            segmentation=SegmentationFactory(scan=scan, succeeded=True),
            centroid=centroid,
            key_slice=round(z) + 1,
        )
        lesion = reading_manifest(member=viewer, scan=scan)["result"]["lesions"][0]
        assert apply_affine(affine, lesion["centroid_voxel"]) == pytest.approx(world, abs=1e-6)
        assert lesion["colour"] == "#e69f00"

    def test_sides_are_known_only_where_they_are_stated(
        self, patient: Patient, viewer: Membership
    ) -> None:
        placed = ScanFactory(study=StudyFactory(patient=patient))
        nowhere = ScanFactory(study=placed.study, affine=None, orientation="")
        picture = picture_scan(patient, study=placed.study)
        declared = picture_scan(patient, study=placed.study, convention="neurological")
        sides = [
            reading_manifest(member=viewer, scan=one)["scan"]["has_sides"]
            for one in (placed, nowhere, picture, declared)
        ]
        assert sides == [True, False, False, True]

    def test_a_volume_without_an_affine_is_drawn_by_its_spacing_and_states_no_place(
        self, patient: Patient, viewer: Membership
    ) -> None:
        scan = ScanFactory(study=StudyFactory(patient=patient), affine=None, orientation="")
        told = reading_manifest(member=viewer, scan=scan)["scan"]
        assert told["affine"] is None
        assert np.diag(told["grid"]).tolist() == [-2.0, 2.0, 5.0, 1.0]


def test_another_clinics_members_find_nothing(
    sign_in: SignIn, stranger: Membership, scan: Scan, clinic: Clinic
) -> None:
    foreign = sign_in(stranger)
    for address in ("read/", "volume/0/"):
        assert foreign.get(f"/scans/{scan.pk}/{address}").status_code == 404
