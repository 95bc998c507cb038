"""The reading room's page, its manifest, and the volumes that the viewer loads."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from django.http import HttpResponseBase
from django.test import Client
from nibabel.affines import apply_affine

from clinic.models import AccessEvent, Clinic, Membership
from ml import pictures
from ml.models import Model
from ml.tests import factories as heads
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation.models import Segmentation
from segmentation.selectors.reading import reading_manifest
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import (
    LesionFactory,
    ScanFactory,
    SegmentationFactory,
    picture_bytes,
    write_result_files,
)

SignIn = Callable[[Membership], Client]


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response) if response.streaming else response.content  # type: ignore


def volume_of(response: HttpResponseBase) -> nib.nifti1.Nifti1Image:
    return nib.nifti1.Nifti1Image.from_bytes(gzip.decompress(body(response)))


@pytest.fixture
def scan(patient: Patient) -> Scan:
    study = StudyFactory(patient=patient, performed_on=date(2026, 3, 12))
    return ScanFactory(study=study)


@pytest.fixture
def client(sign_in: SignIn, viewer: Membership) -> Client:
    return sign_in(viewer)


def picture_scan(patient: Patient, *, colour: bool = False, **fields: Any) -> Scan:
    content = picture_bytes("PNG", colour=colour)
    values = {
        "kind": "picture",
        "file_format": "PNG",
        "shape": [96, 96],
        "slice_count": 1,
        "spacing_mm": None,
        "affine": None,
        "orientation": "",
        "channels": 3 if colour else 1,
        "content": content,
    }
    if "study" not in fields:
        fields["study"] = StudyFactory(patient=patient)
    return ScanFactory(**{**values, **fields})


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


class TestVolume:
    def test_it_is_the_stored_file_itself(self, client: Client, scan: Scan) -> None:
        response = client.get(f"/scans/{scan.pk}/volume/0/")
        assert body(response) == Path(scan.file.path).read_bytes()
        assert response["Cache-Control"] == "private, no-cache"
        assert AccessEvent.objects.filter(action="scan.show", subject_id=scan.pk).count() == 1

    def test_a_browser_that_has_it_is_told_so_and_nothing_is_sent(
        self, client: Client, scan: Scan
    ) -> None:
        tag = client.get(f"/scans/{scan.pk}/volume/0/")["ETag"]
        again = client.get(f"/scans/{scan.pk}/volume/0/", headers={"If-None-Match": tag})
        assert (again.status_code, body(again)) == (304, b"")
        assert again["Cache-Control"] == "private, no-cache"

    def test_what_a_browser_has_kept_it_may_not_ask_for_without_the_right(
        self, client: Client, sign_in: SignIn, scan: Scan, stranger: Membership
    ) -> None:
        tag = client.get(f"/scans/{scan.pk}/volume/0/")["ETag"]
        foreign = sign_in(stranger)
        asked = foreign.get(f"/scans/{scan.pk}/volume/0/", headers={"If-None-Match": tag})
        assert asked.status_code == 404

    def test_there_are_no_more_channels_than_the_manifest_lists(
        self, client: Client, scan: Scan
    ) -> None:
        assert client.get(f"/scans/{scan.pk}/volume/1/").status_code == 404

    @pytest.mark.parametrize(
        ("convention", "across"), [("unknown", "L"), ("radiological", "L"), ("neurological", "R")]
    )
    def test_a_picture_is_one_slice_that_is_drawn_as_it_is_stored(
        self, convention: str, across: str, client: Client, patient: Patient
    ) -> None:
        scan = picture_scan(patient, convention=convention)
        volume = volume_of(client.get(f"/scans/{scan.pk}/volume/0/"))
        assert volume.shape == (96, 96, 1)
        assert nib.orientations.aff2axcodes(volume.affine) == (across, "P", "S")
        assert np.array_equal(np.asarray(volume.dataobj)[:, :, 0].T, heads.grey_slice(96))

    def test_a_composites_channels_are_its_own(self, client: Client, patient: Patient) -> None:
        scan = picture_scan(patient, colour=True, sequence="COMPOSITE")
        planes = [
            np.asarray(volume_of(client.get(f"/scans/{scan.pk}/volume/{n}/")).dataobj)
            for n in range(3)
        ]
        assert np.array_equal(planes[0][..., 0].T, heads.grey_slice(96) // 2)
        assert np.array_equal(planes[1][..., 0].T, heads.grey_slice(96))
        assert client.get(f"/scans/{scan.pk}/volume/3/").status_code == 404

    def test_a_corrected_convention_makes_another_version_of_it(
        self, client: Client, patient: Patient
    ) -> None:
        scan = picture_scan(patient)
        before = client.get(f"/scans/{scan.pk}/volume/0/")["ETag"]
        Scan.objects.filter(pk=scan.pk).update(convention="neurological")
        asked = client.get(f"/scans/{scan.pk}/volume/0/", headers={"If-None-Match": before})
        assert asked.status_code == 200


def with_mask(scan: Scan, blob: np.ndarray[Any, Any]) -> Segmentation:
    """A result saved before there were maps of lesions: its mask and nothing beside it."""
    result = SegmentationFactory(scan=scan, succeeded=True)
    path = Path(result.mask.path)
    path.parent.mkdir(parents=True)
    source = nib.load(scan.file.path)
    image = nib.nifti1.Nifti1Image(blob.astype(np.uint8), source.affine)
    path.write_bytes(gzip.compress(image.to_bytes()))
    return result


class TestLesionMap:
    @pytest.mark.parametrize("codes", ["RAS", "LAS", "oblique"])
    def test_it_is_made_from_the_mask_of_an_older_result_on_the_scans_own_grid(
        self, codes: str, client: Client, patient: Patient
    ) -> None:
        volume, blob = heads.head_with_blob()
        blob[30:32, 20:22, 10] = True
        affine = heads.ras_affine((2.0, 2.0, 5.0), volume.shape)
        if codes == "oblique":
            affine = heads.tilt(affine)
        elif codes != "RAS":
            blob, _ = heads.reorient(blob, affine, codes)
            volume, affine = heads.reorient(volume, affine, codes)
        scan = ScanFactory(
            study=StudyFactory(patient=patient),
            content=gzip.compress(heads.nifti_bytes(volume, affine)),
            affine=affine.tolist(),
        )
        result = with_mask(scan, blob)
        made = volume_of(client.get(f"/segmentations/{result.pk}/lesions/"))
        labels = np.asarray(made.dataobj)
        assert np.array_equal(made.affine, nib.load(scan.file.path).affine)
        assert np.array_equal(labels > 0, blob)
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes.tolist() == [int(blob.sum()) - 4, 4]
        assert (Path(result.mask.path).parent / "lesions.nii.gz").exists()

    def test_a_new_result_is_saved_with_it(self, scan: Scan, model: Model) -> None:
        result = SegmentationFactory(scan=scan)
        run_segmentation(str(result.pk))
        result.refresh_from_db()
        mask = nib.load(result.mask.path)
        labels = nib.load(Path(result.mask.path).parent / "lesions.nii.gz")
        numbers = [lesion.number for lesion in result.lesions.all()]
        assert np.array_equal(labels.affine, mask.affine)
        assert np.array_equal(np.asarray(labels.dataobj) > 0, np.asarray(mask.dataobj) > 0)
        assert np.unique(labels.dataobj).tolist() == [0, *numbers]

    def test_a_pictures_map_fits_its_volume(self, client: Client, patient: Patient) -> None:
        scan = picture_scan(patient, convention="neurological")
        result = SegmentationFactory(
            scan=scan, succeeded=True, mask=f"segmentations/{scan.pk}/x/mask.png"
        )
        path = Path(result.mask.path)
        path.parent.mkdir(parents=True)
        mask = np.zeros((96, 96), dtype=np.uint8)
        mask[10:14, 60:70] = 1
        pictures.write_mask(path, mask)
        made = volume_of(client.get(f"/segmentations/{result.pk}/lesions/"))
        shown = volume_of(client.get(f"/scans/{scan.pk}/volume/0/"))
        assert np.array_equal(made.affine, shown.affine)
        assert np.array_equal(np.asarray(made.dataobj)[:, :, 0].T, mask)

    def test_it_is_sent_once_and_then_known(self, client: Client, scan: Scan) -> None:
        result = SegmentationFactory(scan=scan, succeeded=True)
        write_result_files(result)
        first = client.get(f"/segmentations/{result.pk}/lesions/")
        assert body(first) == b"lesions"
        again = client.get(
            f"/segmentations/{result.pk}/lesions/", headers={"If-None-Match": first["ETag"]}
        )
        assert again.status_code == 304

    def test_there_is_none_before_there_is_a_result(self, client: Client, scan: Scan) -> None:
        waiting = SegmentationFactory(scan=scan)
        assert client.get(f"/segmentations/{waiting.pk}/lesions/").status_code == 404


def test_another_clinics_members_find_nothing(
    sign_in: SignIn, stranger: Membership, scan: Scan, clinic: Clinic
) -> None:
    foreign = sign_in(stranger)
    for address in ("read/", "volume/0/"):
        assert foreign.get(f"/scans/{scan.pk}/{address}").status_code == 404
