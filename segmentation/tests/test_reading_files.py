"""The volumes that the viewer loads: scans, pictures as slices, maps of lesions."""

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

from clinic.models import AccessEvent, Membership
from ml import pictures
from ml.models import Model
from ml.tests import factories as heads
from patients.models import Patient, Scan
from patients.tests.factories import StudyFactory
from segmentation.models import Segmentation
from segmentation.tasks import run_segmentation
from segmentation.tests.factories import (
    ScanFactory,
    SegmentationFactory,
    write_result_files,
)
from segmentation.tests.reading_factories import picture_scan

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
        assert AccessEvent.objects.filter(action="mask.show", subject_id=scan.pk).count() == 1

    def test_there_is_none_before_there_is_a_result(self, client: Client, scan: Scan) -> None:
        waiting = SegmentationFactory(scan=scan)
        assert client.get(f"/segmentations/{waiting.pk}/lesions/").status_code == 404
