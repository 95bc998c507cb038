"""Public data sets in their layouts: the same cases whichever way they are packed."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ml.datasets import brats, lgg
from ml.datasets.cases import DatasetError, LabelledCase
from ml.tests.factories import (
    head_with_blob,
    lgg_slices,
    ras_affine,
    reorient,
    save_picture,
    write_packed_case,
    write_published_case,
)

CASE = "TCGA_CS_4941_19960909"


def only_case(root: Path) -> LabelledCase:
    (case,) = lgg.iterate_cases(root)
    return case


def test_the_published_layout_becomes_a_stack_with_its_mask(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(4)
    write_published_case(tmp_path / CASE, pixels, masks)

    case = only_case(tmp_path)

    assert (case.case, case.patient) == (CASE, "TCGA_CS_4941")
    assert case.stack.present == (True, True, True)
    assert case.stack.pixel_mm is None
    np.testing.assert_array_equal(case.stack.pixels, pixels.transpose(1, 0, 2, 3))
    np.testing.assert_array_equal(case.mask, masks)
    assert case.mask.dtype == bool


@pytest.mark.parametrize("count", [3, 12])
def test_the_packed_layout_gives_an_equal_case(tmp_path: Path, count: int) -> None:
    pixels, masks = lgg_slices(count)
    write_published_case(tmp_path / "published" / CASE, pixels, masks)
    write_packed_case(tmp_path / "packed" / CASE, pixels, masks, suffix=".png")

    published, packed = only_case(tmp_path / "published"), only_case(tmp_path / "packed")

    np.testing.assert_array_equal(packed.stack.pixels, published.stack.pixels)
    np.testing.assert_array_equal(packed.mask, published.mask)
    assert (packed.case, packed.patient) == (published.case, published.patient)


def test_jpeg_slices_are_nearly_those_of_the_published_set(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(2)
    write_packed_case(tmp_path / CASE, pixels, masks)

    case = only_case(tmp_path)

    difference = case.stack.pixels.astype(float) - pixels.transpose(1, 0, 2, 3)
    assert np.abs(difference).mean() < 4
    np.testing.assert_array_equal(case.mask, masks)


def test_slices_are_in_order_of_number_with_2_before_10(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(12)
    for z in range(12):
        pixels[z, :, 0, 0] = z
    write_published_case(tmp_path / CASE, pixels, masks)

    assert only_case(tmp_path).stack.pixels[0, :, 0, 0].tolist() == list(range(12))


def test_cases_in_a_wrapping_folder_are_found(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(2)
    write_published_case(tmp_path / "kaggle_3m" / CASE, pixels, masks)
    (tmp_path / "kaggle_3m" / "README.md").write_text("about")
    (tmp_path / "kaggle_3m" / "data.csv").write_text("Patient")

    assert only_case(tmp_path).case == CASE
    assert only_case(tmp_path / "kaggle_3m").case == CASE


def test_a_missing_mask_means_no_tumour(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(3)
    write_packed_case(tmp_path / CASE, pixels, masks)
    assert not (tmp_path / CASE / "001_mask.png").exists()

    case = only_case(tmp_path)

    assert not case.mask[0].any()
    assert case.mask[1:].any(axis=(1, 2)).all()


def test_a_mask_is_no_slice(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(3)
    write_published_case(tmp_path / CASE, pixels, masks)
    assert only_case(tmp_path).mask.shape[0] == 3


def test_only_the_patients_asked_for_are_read(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(1)
    for name in ("TCGA_CS_4941_19960909", "TCGA_DU_5849_19950405", "TCGA_DU_5849_19960101"):
        write_published_case(tmp_path / name, pixels, masks)

    cases = list(lgg.iterate_cases(tmp_path, {"TCGA_DU_5849"}))

    assert [case.patient for case in cases] == ["TCGA_DU_5849"] * 2
    assert len({case.case for case in lgg.iterate_cases(tmp_path)}) == 3


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("TCGA_CS_4941_19960909", "TCGA_CS_4941"),
        ("TCGA_HT_A61A_20000127", "TCGA_HT_A61A"),
        ("TCGA_CS_4941", "TCGA_CS_4941"),
        ("someone_else", "someone_else"),
    ],
)
def test_a_patient_is_the_case_without_its_date(case: str, patient: str) -> None:
    assert lgg.patient_of(case) == patient


@pytest.mark.parametrize("folder", ["", "empty"])
def test_a_folder_without_slices_is_refused_in_words(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no folder of slices in either LGG layout"):
        list(lgg.iterate_cases(tmp_path / folder))


def test_a_slice_of_another_form_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / CASE).mkdir()
    save_picture(tmp_path / CASE / "001.png", np.zeros((64, 64), dtype=np.uint8))
    with pytest.raises(DatasetError, match="neither a 3-channel slice nor three stacked squares"):
        list(lgg.iterate_cases(tmp_path))


# BraTS


def write_brats_case(
    root: Path, name: str = "BraTS2021_00001", codes: str = "LPS", suffix: str = ".nii.gz"
) -> tuple[np.ndarray, np.ndarray]:
    """A case with all four sequences; its FLAIR and its whole tumour in RAS."""
    volume, blob = head_with_blob()
    labels = np.where(blob, 2, 0).astype(np.uint8)
    labels[12, 30, 8], labels[12, 31, 8] = 1, 4
    folder = root / name
    folder.mkdir(parents=True)
    for factor, kind in enumerate(("flair", "t1", "t1ce", "t2"), start=1):
        save(folder / f"{name}_{kind}{suffix}", (volume / factor).astype(np.int16), codes)
    save(folder / f"{name}_seg{suffix}", labels, codes)
    return volume.astype(np.int16), blob


def save(path: Path, data: np.ndarray, codes: str) -> None:
    turned, affine = reorient(data, ras_affine((1.0, 1.5, 2.0), data.shape), codes)
    nib.nifti1.Nifti1Image(turned, affine).to_filename(path)


def as_slices(volume: np.ndarray) -> np.ndarray:
    return volume[::-1, ::-1].transpose(2, 1, 0)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_whole_tumour_is_any_label_in_any_orientation(
    tmp_path: Path, codes: str, suffix: str
) -> None:
    volume, blob = write_brats_case(tmp_path, codes=codes, suffix=suffix)

    (case,) = brats.iterate_cases(tmp_path)

    assert case.case == case.patient == "BraTS2021_00001"
    np.testing.assert_array_equal(case.mask, as_slices(blob))
    np.testing.assert_array_equal(case.stack.reference, as_slices(volume))
    assert case.stack.present == (False, True, False)
    assert case.stack.pixel_mm == pytest.approx((1.5, 1.0))


def test_other_channels_are_read_when_asked_for(tmp_path: Path) -> None:
    volume, _ = write_brats_case(tmp_path)

    (case,) = brats.iterate_cases(tmp_path, channels=("FLAIR", "T1", "T1ce"))

    assert case.stack.present == (True, True, True)
    np.testing.assert_array_equal(case.stack.pixels[1], as_slices(volume))
    assert case.stack.pixels[0].max() < case.stack.pixels[1].max()


def test_only_the_brats_patients_asked_for_are_read(tmp_path: Path) -> None:
    for name in ("A", "B", "C"):
        write_brats_case(tmp_path, name)
    (tmp_path / "notes").mkdir()
    (tmp_path / "README").write_text("about")

    assert [case.patient for case in brats.iterate_cases(tmp_path, {"C", "A"})] == ["A", "C"]


def test_a_folder_without_brats_cases_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no BraTS case"):
        list(brats.iterate_cases(tmp_path))


def test_a_brats_case_without_flair_is_refused_in_words(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    (tmp_path / "BraTS2021_00001" / "BraTS2021_00001_flair.nii.gz").unlink()
    with pytest.raises(DatasetError, match=r"has no BraTS2021_00001_flair\.nii\.gz"):
        list(brats.iterate_cases(tmp_path))
