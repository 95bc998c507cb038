"""What looks wrong is said; what is a head passes in silence."""

from __future__ import annotations

import numpy as np
import pytest

from ml.plausibility import find_doubts, guess_sequence
from ml.tests.factories import (
    ORIENTATIONS,
    grey_slice,
    head,
    medical_image,
    picture_image,
    ras_affine,
    reorient,
    shared_folder,
)
from ml.volumes import MedicalImage, load_image

SPACING = (4.0, 4.0, 7.0)


def head_scan(codes: str = "RAS") -> MedicalImage:
    volume, affine = reorient(head(), ras_affine(SPACING), codes)
    return medical_image(volume, affine)


def doubts(image: MedicalImage, sequence: str = "FLAIR", file_name: str = "scan.nii") -> list[str]:
    found = find_doubts(image, sequence=sequence, file_name=file_name)
    for doubt in found:
        assert doubt[0].isupper()
        assert doubt.endswith(".")
        assert "\n" not in doubt
    return found


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_head_passes_in_every_orientation(codes: str) -> None:
    assert doubts(head_scan(codes)) == []


def test_a_slice_of_a_head_passes() -> None:
    assert doubts(picture_image(grey_slice()[None])) == []


def test_a_line_that_an_export_drew_around_the_picture_is_not_held_against_it() -> None:
    framed = grey_slice()
    framed[[0, -1]] = framed[:, [0, -1]] = 200
    assert doubts(picture_image(framed[None])) == []


@pytest.mark.parametrize("sequence", ["FLAIR", "T1", "T1ce", "T2"])
def test_noise_is_no_head(sequence: str) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (44, 52, 20))
    for image in (medical_image(noise, ras_affine(SPACING)), picture_image(noise[:, :, 10][None])):
        (doubt,) = doubts(image, sequence)
        assert "does not look like a brain MRI" in doubt


def test_a_photograph_of_a_landscape_is_no_head() -> None:
    sky = np.linspace(250, 90, 200)[:, None] * np.ones((1, 300))
    photo = np.stack([0.6 * sky, 0.8 * sky, sky])
    found = doubts(picture_image(photo), "COMPOSITE", "holiday.jpg")
    assert any("does not look like a brain MRI" in doubt for doubt in found)


def test_a_page_of_text_is_no_head() -> None:
    page = np.zeros((200, 200))
    page[20:180:10, 20:180] = np.random.default_rng(0).uniform(0, 255, (16, 160))
    (doubt,) = doubts(picture_image(page[None]))
    assert "does not look like a brain MRI" in doubt


def test_a_few_bright_dots_are_no_head() -> None:
    dots = np.zeros((200, 200))
    dots[20:190:40, 20:190:40] = np.arange(100, 125).reshape(5, 5)
    assert len(doubts(picture_image(dots[None]))) == 1


@pytest.mark.parametrize("labels", [1, 4])
def test_a_mask_is_no_scan(labels: int) -> None:
    mask = np.ceil(labels * (head() > 0) * np.linspace(0.1, 1, 44)[:, None, None])
    for image in (medical_image(mask, ras_affine(SPACING)), picture_image(mask[:, :, 10].T[None])):
        (doubt,) = doubts(image)
        assert "looks like a mask" in doubt


@pytest.mark.parametrize(
    ("file_name", "declared", "named"),
    [
        ("x_t1ce.nii.gz", "FLAIR", "T1ce"),
        ("x_t1c.nii.gz", "FLAIR", "T1ce"),
        ("sub-01_T1w.nii.gz", "FLAIR", "T1"),
        ("T1-post.nii", "T1", "T1ce"),
        ("patient t2.png", "FLAIR", "T2"),
        ("AX_FLAIR.nii", "T1", "FLAIR"),
    ],
)
def test_a_name_that_contradicts_the_declared_sequence_is_pointed_out(
    file_name: str, declared: str, named: str
) -> None:
    (doubt,) = doubts(head_scan(), declared, file_name)
    assert doubt == f"The file's name speaks of {named}, but {declared} was declared."


@pytest.mark.parametrize(
    ("file_name", "declared"),
    [
        ("BraTS2021_01485_flair.nii.gz", "FLAIR"),
        ("BraTS2021_01485_t1ce.nii.gz", "T1ce"),
        ("TCGA-FG-6692_flair_native.nii.gz", "FLAIR"),
        ("sub-01_T2w.nii.gz", "T2"),
        ("t2_flair.nii", "FLAIR"),
        ("scan.nii.gz", "FLAIR"),
        ("cat123.nii", "T1"),
        ("sept12.nii", "FLAIR"),
    ],
)
def test_a_name_that_agrees_or_says_nothing_is_no_doubt(file_name: str, declared: str) -> None:
    assert doubts(head_scan(), declared, file_name) == []


def test_a_composite_may_be_named_after_any_of_its_channels() -> None:
    grey = grey_slice().astype(float)
    image = picture_image(np.stack([grey / 2, grey, grey / 4]))
    assert doubts(image, "COMPOSITE", "case_t1.png") == []


@pytest.mark.parametrize("name", ["", "scan", "flairs.nii", "t12.nii", "at2x.nii", "t10.nii"])
def test_a_name_is_not_read_for_more_than_it_says(name: str) -> None:
    assert guess_sequence(name) is None


def test_a_grey_image_is_no_composite() -> None:
    for image in (head_scan(), picture_image(grey_slice()[None])):
        (doubt,) = doubts(image, "COMPOSITE")
        assert "three different channels" in doubt


def test_a_colour_picture_is_no_single_sequence() -> None:
    grey = grey_slice().astype(float)
    (doubt,) = doubts(picture_image(np.stack([grey / 2, grey, grey / 4])), "FLAIR")
    assert "declare it as a composite" in doubt


def test_a_spacing_that_makes_the_head_a_pancake_is_doubted() -> None:
    image = medical_image(head((200, 200, 24)), ras_affine((1.0, 1.0, 1.0)))
    (doubt,) = doubts(image)
    assert "1 x 1 x 1 mm" in doubt
    assert "mark the spacing as unreliable" in doubt


@pytest.mark.parametrize("spacing", [0.3, 20.0])
def test_a_spacing_that_fits_no_head_is_doubted(spacing: float) -> None:
    (doubt,) = doubts(medical_image(head(), ras_affine((spacing, spacing, spacing))))
    assert "does not fit a head" in doubt


def test_a_scan_without_spacing_is_not_doubted_for_it() -> None:
    assert doubts(medical_image(head(), None)) == []


# With the shared data

SAMPLES = {
    "BraTS2021_01485_flair.nii.gz": "FLAIR",
    "BraTS2021_01485_t1ce.nii.gz": "T1ce",
    "TCGA-FG-6692_flair_native.nii.gz": "FLAIR",
    "progression05_Pre_t1c.nii.gz": "T1ce",
    "progression05_Post_t1c.nii.gz": "T1ce",
}


@pytest.mark.parametrize(("name", "sequence"), SAMPLES.items())
def test_the_sample_scans_pass_but_for_the_spacing(name: str, sequence: str) -> None:
    found = doubts(load_image(shared_folder("samples") / name), sequence, name)

    assert len(found) == (1 if name.startswith("progression") else 0)
    assert all("voxel size" in doubt and "unreliable" in doubt for doubt in found)


@pytest.mark.parametrize("name", ["BraTS2021_01485_seg.nii.gz", "progression05_Pre_mask.nii.gz"])
def test_the_sample_masks_are_noticed(name: str) -> None:
    found = doubts(load_image(shared_folder("samples") / name))
    assert any("looks like a mask" in doubt for doubt in found)


def doubted_share(folder: str, step: int) -> float:
    """The share of the slices of one source that look wrong, declared as what they are."""
    files = sorted(shared_folder(f"types/{folder}").glob("[0-9]*.jpg"))[::step]
    found = [
        doubts(load_image(path), "T1ce", path.name) for path in files if "mask" not in path.name
    ]
    return sum(map(bool, found)) / len(found)


def test_slices_of_another_hospital_pass() -> None:
    assert doubted_share("figshare", 150) == 0


def test_few_pictures_from_anywhere_are_doubted() -> None:
    """Some of these were exported on a grey background, which is rightly pointed out."""
    assert doubted_share("no_tumour", 8) < 0.15
