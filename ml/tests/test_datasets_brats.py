"""BraTS folders of every year: any of the four sequences, in any orientation, one mask."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ml.datasets import brats
from ml.datasets.cases import DatasetError, LabelledCase
from ml.tests.factories import head_with_blob, ras_affine, reorient, shared_folder

YEARS = {
    "2021": ("_flair", "_t1", "_t1ce", "_t2", "_seg"),
    "2023": ("-t2f", "-t1n", "-t1c", "-t2w", "-seg"),
    "capitals": ("_FLAIR", "_T1", "_T1CE", "_T2", "_SEG"),
}
ALL = ("FLAIR", "T1", "T1ce", "T2")
NAME = "BraTS2021_00001"


def write_brats_case(
    root: Path,
    name: str = NAME,
    codes: str = "LPS",
    suffix: str = ".nii.gz",
    year: str = "2021",
) -> tuple[np.ndarray, np.ndarray]:
    """A case with all four sequences; its FLAIR and its whole tumour in RAS.

    FLAIR, T1, T1ce and T2 are one head divided by 1, 2, 3 and 4.
    """
    *sequences, seg = YEARS[year]
    volume, blob = head_with_blob()
    labels = np.where(blob, 2, 0).astype(np.uint8)
    labels[12, 30, 8], labels[12, 31, 8] = 1, 4
    folder = root / name
    folder.mkdir(parents=True)
    for factor, kind in enumerate(sequences, start=1):
        save(folder / f"{name}{kind}{suffix}", (volume / factor).astype(np.int16), codes)
    save(folder / f"{name}{seg}{suffix}", labels, codes)
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
    assert case.stack.slice_mm == pytest.approx(2.0)


def test_other_channels_are_read_when_asked_for_and_in_that_order(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    volume, _ = head_with_blob()

    (case,) = brats.iterate_cases(tmp_path, channels=("FLAIR", "T1", "T1ce"))

    assert case.stack.channels == ("FLAIR", "T1", "T1ce")
    assert case.stack.present == (True, True, True)
    for factor, pixels in enumerate(case.stack.pixels, start=1):
        np.testing.assert_array_equal(pixels, as_slices((volume / factor).astype(np.int16)))


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


def only_case(root: Path, channels: tuple[str, ...] | None = None) -> LabelledCase:
    (case,) = brats.iterate_cases(root, None, channels)
    return case


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".NII.GZ"])
def test_the_names_of_every_year_are_read(tmp_path: Path, year: str, suffix: str) -> None:
    write_brats_case(tmp_path / "plain")
    write_brats_case(tmp_path / "other", year=year, suffix=suffix.lower())
    for path in (tmp_path / "other" / NAME).iterdir():
        path.rename(path.with_name(path.name.replace(suffix.lower(), suffix)))

    plain, other = only_case(tmp_path / "plain", ALL), only_case(tmp_path / "other", ALL)

    assert other.stack.present == (True,) * 4
    np.testing.assert_array_equal(other.stack.pixels, plain.stack.pixels)
    np.testing.assert_array_equal(other.mask, plain.mask)


@pytest.mark.parametrize("kept", [("FLAIR",), ("T2",), ("T1", "T1ce"), ("FLAIR", "T1", "T2"), ALL])
def test_any_subset_of_the_sequences_is_read_and_the_rest_is_absent(
    tmp_path: Path, kept: tuple[str, ...]
) -> None:
    write_brats_case(tmp_path)
    for channel in set(ALL) - set(kept):
        (tmp_path / NAME / f"{NAME}_{channel.lower()}.nii.gz").unlink()

    case = only_case(tmp_path, ALL)

    assert case.stack.channels == ALL
    assert case.stack.present == tuple(channel in kept for channel in ALL)
    assert [bool(pixels.any()) for pixels in case.stack.pixels] == list(case.stack.present)


def test_the_readers_own_labels_are_kept(tmp_path: Path) -> None:
    write_brats_case(tmp_path)

    case = only_case(tmp_path)

    assert case.labels is not None
    assert case.labels.dtype == np.uint8
    assert np.unique(case.labels).tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(case.labels > 0, case.mask)


def test_a_mask_stored_in_fractions_gives_the_same_labels(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    expected = only_case(tmp_path).labels
    path = tmp_path / NAME / f"{NAME}_seg.nii.gz"
    image = nib.nifti1.load(path)
    nib.nifti1.Nifti1Image(image.get_fdata(), image.affine).to_filename(path)

    np.testing.assert_array_equal(only_case(tmp_path).labels, expected)


def test_files_of_one_case_in_different_orientations_are_brought_together(tmp_path: Path) -> None:
    volume, blob = write_brats_case(tmp_path)
    save(tmp_path / NAME / f"{NAME}_flair.nii.gz", volume, "PIR")

    case = only_case(tmp_path)

    np.testing.assert_array_equal(case.stack.reference, as_slices(volume))
    np.testing.assert_array_equal(case.mask, as_slices(blob))


def test_cases_in_folders_by_grade_are_found(tmp_path: Path) -> None:
    write_brats_case(tmp_path / "HGG", "Brats18_B")
    write_brats_case(tmp_path / "LGG", "Brats18_A")
    assert [case.case for case in brats.iterate_cases(tmp_path)] == ["Brats18_A", "Brats18_B"]


def test_a_folder_without_a_mask_is_left_out(tmp_path: Path) -> None:
    for name in ("A", "B"):
        write_brats_case(tmp_path, name)
    (tmp_path / "A" / "A_seg.nii.gz").unlink()

    assert [case.case for case in brats.iterate_cases(tmp_path)] == ["B"]
    assert brats.list_patients(tmp_path) == ["B"]


def test_the_misnamed_mask_of_2020_is_found(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    path = tmp_path / NAME / f"{NAME}_seg.nii.gz"
    path.rename(path.with_name("W39_1998.09.19_Segm.nii.gz"))
    assert only_case(tmp_path).mask.any()


def test_the_mask_named_after_its_folder_goes_before_another(tmp_path: Path) -> None:
    _, blob = write_brats_case(tmp_path)
    save(tmp_path / NAME / "predicted_seg.nii.gz", np.zeros_like(blob, dtype=np.uint8), "LPS")
    np.testing.assert_array_equal(only_case(tmp_path).mask, as_slices(blob))


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("BraTS-GLI-00005-000", "BraTS-GLI-00005"),
        ("BraTS-MEN-01234-101", "BraTS-MEN-01234"),
        ("BraTS2021_00005", "BraTS2021_00005"),
        ("Brats18_2013_2_1", "Brats18_2013_2_1"),
    ],
)
def test_two_dates_of_one_patient_are_one_patient(case: str, patient: str) -> None:
    assert brats.patient_of(case) == patient


# Files that are not as they should be


def refusal(root: Path, channels: tuple[str, ...] | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        list(brats.iterate_cases(root, None, channels))
    return str(caught.value)


def test_a_case_with_none_of_the_wanted_sequences_is_refused_by_name(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    for kind in ("flair", "t2"):
        (tmp_path / NAME / f"{NAME}_{kind}.nii.gz").unlink()
    message = refusal(tmp_path, ("FLAIR", "T2"))
    assert f"has no {NAME}_flair.nii.gz nor {NAME}_t2.nii.gz" in message


def test_sequences_of_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    volume, _ = write_brats_case(tmp_path)
    save(tmp_path / NAME / f"{NAME}_t2.nii.gz", volume[:-2], "LPS")
    message = refusal(tmp_path, ALL)
    assert f"{NAME}_t2.nii.gz has 20 x 52 x 42 voxels and {NAME}_seg.nii.gz 20 x 52 x 44" in message


def test_sequences_of_different_places_are_refused_by_name(tmp_path: Path) -> None:
    write_brats_case(tmp_path)
    path = tmp_path / NAME / f"{NAME}_flair.nii.gz"
    image = nib.nifti1.load(path)
    moved = image.affine.copy()
    moved[2, 3] += 7
    nib.nifti1.Nifti1Image(np.asanyarray(image.dataobj), moved).to_filename(path)
    assert f"{NAME}_flair.nii.gz and {NAME}_seg.nii.gz lie up to 7.0 mm apart" in refusal(tmp_path)


@pytest.mark.parametrize("kind", ["flair", "seg"])
@pytest.mark.parametrize("content", [b"", b"no volume", b"\x1f\x8b\x08\x00broken"])
def test_a_damaged_volume_is_refused_by_name(tmp_path: Path, kind: str, content: bytes) -> None:
    write_brats_case(tmp_path)
    (tmp_path / NAME / f"{NAME}_{kind}.nii.gz").write_bytes(content)
    assert f"{NAME}_{kind}.nii.gz is damaged or no NIfTI volume" in refusal(tmp_path)


@pytest.mark.parametrize("value", [-1.0, 0.5, 300.0])
def test_a_mask_whose_values_are_no_labels_is_refused_by_name(tmp_path: Path, value: float) -> None:
    volume, _ = write_brats_case(tmp_path)
    path = tmp_path / NAME / f"{NAME}_seg.nii.gz"
    save(path, np.full(volume.shape, value, dtype=np.float32), "LPS")
    assert f"{path.name} is no mask: its values are not labels" in refusal(tmp_path)


def test_a_file_that_two_names_claim_is_refused_by_name(tmp_path: Path) -> None:
    volume, _ = write_brats_case(tmp_path)
    save(tmp_path / NAME / f"{NAME}-t2f.nii.gz", volume, "LPS")
    assert "keep one" in refusal(tmp_path)


@pytest.mark.parametrize("channel", ["DWI", "mask", "flair"])
def test_a_sequence_that_brats_does_not_have_is_refused(tmp_path: Path, channel: str) -> None:
    write_brats_case(tmp_path)
    assert f"not {channel}" in refusal(tmp_path, ("FLAIR", channel))


def test_every_case_of_the_shared_data_has_four_sequences_and_a_mask() -> None:
    root = shared_folder("brats")
    patients = brats.list_patients(root)

    case = next(brats.iterate_cases(root, patients[:1], ALL))

    assert len(patients) == 18
    assert case.stack.present == (True,) * 4
    assert (case.stack.slice_mm, case.stack.pixel_mm) == (1.0, (1.0, 1.0))
    assert set(np.unique(case.labels)) <= {0, 1, 2, 4}
