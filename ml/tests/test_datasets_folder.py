"""Any folder of images and masks, pictures or volumes, and what its settings say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.datasets import folder
from ml.datasets.cases import DatasetError, LabelledCase
from ml.stacks import CHANNELS
from ml.tests.factories import (
    head_with_blob,
    lgg_slices,
    ras_affine,
    reorient,
    save_nifti,
    save_picture,
)

PIXELS, MASKS = lgg_slices(12)
FLAIR = PIXELS[:, 1]


def write_pair(
    root: Path,
    stem: str,
    picture: np.ndarray,
    mask: np.ndarray,
    *,
    flat: bool = False,
    endings: tuple[str, str] = (".png", "_mask.png"),
) -> None:
    """``images/STEM.png`` and ``masks/STEM_mask.png``, or both in ``root``."""
    image_folder, mask_folder = (root, root) if flat else (root / "images", root / "masks")
    for target in (image_folder, mask_folder):
        target.mkdir(parents=True, exist_ok=True)
    save_picture(image_folder / f"{stem}{endings[0]}", picture)
    save_picture(mask_folder / f"{stem}{endings[1]}", mask)


def write_patient(root: Path, name: str = "P01", count: int = 3, **layout: object) -> None:
    for z in range(count):
        write_pair(root, f"{name}_{z + 1}", FLAIR[z], MASKS[z], **layout)


def read(root: Path, *arguments: object) -> list[LabelledCase]:
    return list(folder.iterate_cases(root, *arguments))


def refusal(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        read(root)
    return str(caught.value)


# Layouts


@pytest.mark.parametrize(
    ("flat", "endings"),
    [
        (False, (".png", ".png")),
        (False, (".png", "_mask.png")),
        (False, (".tif", "_seg.png")),
        (False, (".PNG", "_Mask.TIF")),
        (True, (".png", "_mask.png")),
        (True, (".tiff", "_SEG.png")),
        (True, (".png", "-mask.tif")),
    ],
)
def test_images_and_masks_are_paired_by_name(
    tmp_path: Path, flat: bool, endings: tuple[str, str]
) -> None:
    write_patient(tmp_path, flat=flat, endings=endings)

    (case,) = read(tmp_path)

    assert (case.case, case.patient) == ("P01_1-3", "P01")
    assert (case.stack.channels, case.stack.present) == (("FLAIR",), (True,))
    assert case.stack.pixel_mm is case.stack.slice_mm is case.labels is None
    np.testing.assert_array_equal(case.stack.pixels[0], FLAIR[:3])
    np.testing.assert_array_equal(case.mask, MASKS[:3])


def test_the_folders_may_be_written_in_capitals_and_hold_hidden_files(tmp_path: Path) -> None:
    write_patient(tmp_path)
    (tmp_path / "images").rename(tmp_path / "Images")
    (tmp_path / "masks").rename(tmp_path / "Masks")
    for stray in ("Images/._P01_1.png", "Images/Thumbs.db", "Masks/.DS_Store", "LICENCE.md"):
        (tmp_path / stray).write_text("stray")

    assert len(read(tmp_path)) == 1


def test_a_picture_in_colour_is_a_composite(tmp_path: Path) -> None:
    for z in range(3):
        write_pair(tmp_path, f"P01_{z}", PIXELS[z].transpose(1, 2, 0), MASKS[z])

    (case,) = read(tmp_path)

    assert (case.stack.channels, case.stack.present) == (CHANNELS, (True, True, True))
    np.testing.assert_array_equal(case.stack.pixels, PIXELS[:3].transpose(1, 0, 2, 3))


def test_a_grey_picture_saved_in_colour_is_grey(tmp_path: Path) -> None:
    write_pair(tmp_path, "P01", np.dstack([FLAIR[4]] * 3), MASKS[4])
    (case,) = read(tmp_path)
    np.testing.assert_array_equal(case.stack.pixels, FLAIR[None, 4:5])


def test_a_black_slice_of_a_composite_stays_in_its_stack(tmp_path: Path) -> None:
    pixels = PIXELS[:3].copy()
    pixels[0] = 0
    for z in range(3):
        write_pair(tmp_path, f"P01_{z}", pixels[z].transpose(1, 2, 0), MASKS[z])

    (case,) = read(tmp_path)

    assert case.stack.pixels.shape[:2] == (3, 3)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_volume_is_a_case_with_its_sizes(tmp_path: Path, suffix: str, flat: bool) -> None:
    volume, blob = head_with_blob()
    affine = ras_affine((1.0, 1.5, 4.0), volume.shape)
    images, masks = (tmp_path, tmp_path) if flat else (tmp_path / "images", tmp_path / "masks")
    for target in {images, masks}:
        target.mkdir(exist_ok=True)
    save_nifti(images / f"P_01{suffix}", volume, affine)
    save_nifti(masks / f"P_01_seg{suffix}", *reorient(blob.astype(np.uint8), affine, "LPI"))

    (case,) = read(tmp_path)

    assert (case.case, case.patient) == ("P_01", "P_01")
    assert case.stack.slice_mm == pytest.approx(4.0)
    assert case.stack.pixel_mm == pytest.approx((1.5, 1.0))
    np.testing.assert_array_equal(case.stack.reference, volume[::-1, ::-1].transpose(2, 1, 0))
    np.testing.assert_array_equal(case.mask, blob[::-1, ::-1].transpose(2, 1, 0))


# Stacks and patients


def test_the_slices_of_each_patient_are_one_stack_in_order_of_number(tmp_path: Path) -> None:
    write_patient(tmp_path, "B", count=12)
    write_patient(tmp_path, "A", count=2)

    cases = read(tmp_path)

    assert [(case.case, case.mask.shape[0]) for case in cases] == [("A_1-2", 2), ("B_1-12", 12)]
    np.testing.assert_array_equal(cases[1].stack.pixels[0], FLAIR)


def test_a_gap_and_another_size_begin_a_new_stack_of_the_same_patient(tmp_path: Path) -> None:
    for z in (1, 2, 5, 6):
        write_pair(tmp_path, f"P_{z}", FLAIR[z], MASKS[z])
    write_pair(tmp_path, "P_7", FLAIR[7, :48], MASKS[7, :48])

    cases = read(tmp_path)

    assert [case.case for case in cases] == ["P_1-2", "P_5-6", "P_7"]
    assert {case.patient for case in cases} == {"P"}


def test_pictures_without_a_number_are_their_own_patients(tmp_path: Path) -> None:
    for name in ("anna", "bea"):
        write_pair(tmp_path, name, FLAIR[3], MASKS[3], flat=True)
    assert [(case.case, case.patient) for case in read(tmp_path)] == [("anna",) * 2, ("bea",) * 2]


def test_pictures_with_only_a_number_are_one_patient(tmp_path: Path) -> None:
    for z in (1, 2, 9):
        write_pair(tmp_path / "ward", f"{z:03d}", FLAIR[z], MASKS[z])

    cases = read(tmp_path / "ward")

    assert [(case.case, case.patient) for case in cases] == [("001-2", "ward"), ("009", "ward")]


def test_only_the_patients_asked_for_are_opened(tmp_path: Path) -> None:
    for name in ("A", "B", "C"):
        write_patient(tmp_path, name)
    (tmp_path / "images" / "B_1.png").write_bytes(b"damaged")

    assert [case.patient for case in read(tmp_path, {"A", "C"})] == ["A", "C"]
    assert folder.list_patients(tmp_path) == ["A", "B", "C"]


def test_the_channels_asked_for_come_in_that_order(tmp_path: Path) -> None:
    write_patient(tmp_path)
    (case,) = read(tmp_path, None, ("T2", "FLAIR"))
    assert (case.stack.channels, case.stack.present) == (("T2", "FLAIR"), (False, True))
    with pytest.raises(DatasetError, match="P01_1-3 has none of the sequences T2"):
        read(tmp_path, None, ("T2",))


# dataset.toml


def test_the_settings_say_what_the_files_cannot(tmp_path: Path) -> None:
    for name in ("P1_before", "P1_after", "P2_before"):
        write_patient(tmp_path, name, count=2)
    (tmp_path / "dataset.toml").write_text(
        'channel = "T1ce"\npatient_pattern = "^(P\\\\d+)_"\npixel_mm = [0.9, 0.8]\nslice_mm = 5'
    )

    cases = read(tmp_path)

    assert [(case.case, case.patient) for case in cases] == [
        ("P1_after_1-2", "P1"),
        ("P1_before_1-2", "P1"),
        ("P2_before_1-2", "P2"),
    ]
    assert {case.stack.channels for case in cases} == {("T1ce",)}
    assert {(case.stack.pixel_mm, case.stack.slice_mm) for case in cases} == {((0.9, 0.8), 5.0)}
    assert folder.list_patients(tmp_path) == ["P1", "P2"]


def test_one_pixel_size_is_that_of_a_square_pixel(tmp_path: Path) -> None:
    write_patient(tmp_path)
    (tmp_path / "dataset.toml").write_text("pixel_mm = 0.5")
    assert read(tmp_path)[0].stack.pixel_mm == (0.5, 0.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("channel = ", "cannot be read"),
        ('channel = "DWI"', "channel is one of T1, FLAIR, T1ce, T2, not 'DWI'"),
        ('chanel = "T1"', "has keys that mean nothing: chanel"),
        ("patient_pattern = '('", "patient_pattern is no regular expression"),
        ("patient_pattern = 7", "patient_pattern is no regular expression"),
        ("patient_pattern = 'P'", "patient_pattern needs a group"),
        ("patient_pattern = '(Q)'", "P01_1 does not fit the patient_pattern '(Q)'"),
        ("pixel_mm = 0", "0 is no size in millimetres"),
        ("pixel_mm = [1, 'a']", "'a' is no size in millimetres"),
        ("slice_mm = true", "True is no size in millimetres"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    write_patient(tmp_path)
    (tmp_path / "dataset.toml").write_text(text)
    message = refusal(tmp_path)
    assert reason in message
    assert "dataset.toml" in message


# Files that are not as they should be


@pytest.mark.parametrize("flat", [False, True])
def test_an_image_without_its_mask_is_refused_by_name(tmp_path: Path, flat: bool) -> None:
    write_patient(tmp_path, flat=flat)
    next(tmp_path.rglob("P01_2_mask.png")).unlink()
    assert refusal(tmp_path).endswith("P01_2.png has no mask")


@pytest.mark.parametrize("flat", [False, True])
def test_a_mask_without_its_image_is_refused_by_name(tmp_path: Path, flat: bool) -> None:
    write_patient(tmp_path, flat=flat)
    next(tmp_path.rglob("P01_2.png")).unlink()
    assert "P01_2_mask.png is the mask of an image that is not there" in refusal(tmp_path)


@pytest.mark.parametrize("folders", [(), ("images",), ("images", "masks")])
def test_a_folder_without_pairs_is_refused(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    assert "holds no images with masks" in refusal(tmp_path)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    write_patient(tmp_path)
    save_picture(tmp_path / "images" / "P01_1.tif", FLAIR[0])
    assert "P01_1.tif and P01_1.png have the same name" in refusal(tmp_path)


def test_a_picture_with_the_mask_of_a_volume_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "P01", FLAIR[0], MASKS[0], flat=True)
    (tmp_path / "P01_mask.png").unlink()
    save_nifti(tmp_path / "P01_mask.nii", head_with_blob()[0], np.eye(4))
    assert "P01.png and P01_mask.nii are a picture and a volume" in refusal(tmp_path)


def test_a_volume_whose_mask_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    volume, blob = head_with_blob()
    save_nifti(tmp_path / "P01.nii", volume, ras_affine(shape=volume.shape))
    save_nifti(tmp_path / "P01_mask.nii", blob.astype(np.uint8), np.eye(4))
    assert "so they do not show the same place" in refusal(tmp_path)


def test_a_damaged_picture_is_refused_by_name(tmp_path: Path) -> None:
    write_patient(tmp_path)
    (tmp_path / "masks" / "P01_2_mask.png").write_bytes(b"damaged")
    assert "P01_2_mask.png is damaged" in refusal(tmp_path)
