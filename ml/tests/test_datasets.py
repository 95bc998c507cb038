"""The LGG set in its layouts: the same cases whichever way they are packed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ml.datasets import lgg
from ml.datasets.cases import DatasetError, LabelledCase
from ml.tests.factories import (
    lgg_slices,
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


# Names as archives and their copies have them


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{case}_{n}.tif", "{case}_{n}_mask.tif"),
        ("{case}_{n}.TIF", "{case}_{n}_Mask.TIF"),
        ("{case}_{n:03d}.tiff", "{case}_{n}_MASK.png"),
        ("{case}_{n}.png", "{case}_{n:02d}_mask.PNG"),
        ("{n}.Png", "{n:04d}-mask.tiff"),
    ],
)
def test_every_variant_of_the_file_names_gives_the_same_case(
    tmp_path: Path, image: str, mask: str
) -> None:
    pixels, masks = lgg_slices(11)
    folder = tmp_path / CASE
    folder.mkdir()
    for n, (channels, drawn) in enumerate(zip(pixels, masks, strict=True), start=1):
        save_picture(folder / image.format(case=CASE, n=n), channels.transpose(1, 2, 0))
        save_picture(folder / mask.format(case=CASE, n=n), drawn)

    case = only_case(tmp_path)

    np.testing.assert_array_equal(case.stack.pixels, pixels.transpose(1, 0, 2, 3))
    np.testing.assert_array_equal(case.mask, masks)


def test_the_archive_that_holds_its_cases_twice_gives_them_once(tmp_path: Path) -> None:
    for wrapper in ("kaggle_3m", "lgg-mri-segmentation/kaggle_3m"):
        write_published_case(tmp_path / wrapper / CASE, *lgg_slices(2))

    assert only_case(tmp_path).case == CASE
    assert only_case(tmp_path / "lgg-mri-segmentation").case == CASE


def test_cases_two_folders_down_are_found(tmp_path: Path) -> None:
    write_published_case(tmp_path / "lgg-mri-segmentation" / "kaggle_3m" / CASE, *lgg_slices(2))
    assert only_case(tmp_path).case == CASE


def test_the_same_case_in_two_folders_is_refused(tmp_path: Path) -> None:
    for wrapper in ("one", "two"):
        write_published_case(tmp_path / wrapper / CASE, *lgg_slices(1))
    assert "the same case twice" in refusal(tmp_path)


def test_what_is_no_slice_is_passed_over(tmp_path: Path) -> None:
    write_published_case(tmp_path / CASE, *lgg_slices(2))
    for stray in (f"{CASE}/._{CASE}_1.tif", f"{CASE}/notes_1.txt", f"{CASE}/Thumbs.db", "data.csv"):
        (tmp_path / stray).write_text("stray")
    for folder in (".hidden", "__MACOSX"):
        write_published_case(tmp_path / folder / CASE, *lgg_slices(1))
    save_picture(tmp_path / CASE / "overview.png", np.zeros((8, 8), dtype=np.uint8))

    assert only_case(tmp_path).mask.shape[0] == 2


def test_a_packed_slice_that_was_saved_in_colour_is_still_packed(tmp_path: Path) -> None:
    pixels, _ = lgg_slices(1)
    (tmp_path / CASE).mkdir()
    tall = pixels[0].reshape(-1, pixels.shape[-1])
    save_picture(tmp_path / CASE / "001.png", np.dstack([tall] * 3))

    np.testing.assert_array_equal(only_case(tmp_path).stack.pixels[:, 0], pixels[0])


def test_the_channels_asked_for_come_in_that_order(tmp_path: Path) -> None:
    pixels, masks = lgg_slices(2)
    write_packed_case(tmp_path / CASE, pixels, masks, suffix=".png")

    (case,) = lgg.iterate_cases(tmp_path, None, ("FLAIR", "T2", "T1"))

    assert case.stack.channels == ("FLAIR", "T2", "T1")
    assert case.stack.present == (True, False, True)
    np.testing.assert_array_equal(case.stack.pixels[0], pixels[:, 1])
    with pytest.raises(DatasetError, match="has none of the sequences T2"):
        list(lgg.iterate_cases(tmp_path, None, ("T2",)))


def test_the_patients_are_listed_from_the_names_alone(tmp_path: Path) -> None:
    for name in ("TCGA_DU_5849_19950405", "TCGA_DU_5849_19960101", "TCGA_CS_4941_19960909"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "001.jpg").write_bytes(b"not opened")

    assert lgg.list_patients(tmp_path) == ["TCGA_CS_4941", "TCGA_DU_5849"]


# Files that are not as they should be


def refusal(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        list(lgg.iterate_cases(root))
    return str(caught.value)


def test_a_published_slice_without_its_mask_is_refused_by_name(tmp_path: Path) -> None:
    write_published_case(tmp_path / CASE, *lgg_slices(3))
    (tmp_path / CASE / f"{CASE}_2_mask.tif").unlink()
    assert f"{CASE}_2.tif has no mask beside it" in refusal(tmp_path)


def test_a_published_case_without_any_mask_is_refused(tmp_path: Path) -> None:
    write_published_case(tmp_path / CASE, *lgg_slices(2))
    for mask in (tmp_path / CASE).glob("*_mask.tif"):
        mask.unlink()
    assert "has no masks beside its slices" in refusal(tmp_path)


def test_a_mask_without_its_slice_is_refused_by_name(tmp_path: Path) -> None:
    write_packed_case(tmp_path / CASE, *lgg_slices(3))
    (tmp_path / CASE / "003.jpg").unlink()
    assert "003_mask.png is the mask of a slice that is not there" in refusal(tmp_path)


def test_two_files_for_one_slice_are_refused_by_name(tmp_path: Path) -> None:
    write_packed_case(tmp_path / CASE, *lgg_slices(2))
    shutil.copy(tmp_path / CASE / "001.jpg", tmp_path / CASE / "1.jpg")
    assert "1.jpg and 001.jpg are both slice 1" in refusal(tmp_path)


def test_slices_of_unequal_size_are_refused_by_name(tmp_path: Path) -> None:
    write_published_case(tmp_path / CASE, *lgg_slices(2))
    save_picture(tmp_path / CASE / f"{CASE}_2.tif", np.zeros((32, 48, 3), dtype=np.uint8))
    assert f"{CASE}_2.tif has slices of 32 x 48, those before it of 64 x 64" in refusal(tmp_path)


def test_a_mask_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    write_packed_case(tmp_path / CASE, *lgg_slices(2))
    save_picture(tmp_path / CASE / "002_mask.png", np.zeros((32, 48), dtype=np.uint8))
    assert "002_mask.png measures 32 x 48 and its slice 64 x 64" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture"])
@pytest.mark.parametrize("name", [f"{CASE}_2.tif", f"{CASE}_2_mask.tif"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    write_published_case(tmp_path / CASE, *lgg_slices(2))
    (tmp_path / CASE / name).write_bytes(content)
    assert f"{name} is damaged or no picture at all" in refusal(tmp_path)


def test_a_root_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    assert "nowhere is not a folder" in refusal(tmp_path / "nowhere")
