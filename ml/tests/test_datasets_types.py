"""Tumour types by slice: folds that no patient leaves, and only slices that have a mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.datasets import figshare
from ml.datasets.cases import DatasetError
from ml.datasets.registry import PATIENT_LISTS, READERS
from ml.datasets.splits import PARTS, SPLITS, read_split
from ml.tests.factories import lgg_slices, save_picture, shared_folder

PIXELS, MASKS = lgg_slices(4)
ROWS = (
    "file,label,fold",
    "figshare/0000.jpg,meningioma,3",
    "figshare/0001.jpg,glioma,3",
    "figshare/0002.jpg,glioma,1",
    "no_tumour/001.jpg,no_tumour,1",
)


def write_set(root: Path, rows: tuple[str, ...] = ROWS) -> Path:
    (root / "figshare").mkdir(parents=True)
    (root / "index.csv").write_text("\n".join(rows), encoding="utf-8")
    for number in range(3):
        stem = root / "figshare" / f"{number:04d}"
        save_picture(stem.with_suffix(".jpg"), PIXELS[number + 1, 2])
        save_picture(stem.with_name(f"{stem.name}_mask.png"), MASKS[number + 1])
    return root


def refusal(root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        list(figshare.iterate_cases(root))
    return str(caught.value)


def test_each_slice_with_a_tumour_is_a_case_of_its_fold(tmp_path: Path) -> None:
    cases = list(figshare.iterate_cases(write_set(tmp_path)))

    assert [(case.case, case.patient) for case in cases] == [
        ("meningioma/0000", "fold-3"),
        ("glioma/0001", "fold-3"),
        ("glioma/0002", "fold-1"),
    ]
    for number, case in enumerate(cases, start=1):
        assert (case.stack.channels, case.stack.present) == (("T1ce",), (True,))
        assert case.stack.pixels.shape == (1, 1, 64, 64)
        assert case.stack.pixel_mm is None
        np.testing.assert_array_equal(case.mask, MASKS[number : number + 1])


def test_only_the_folds_asked_for_are_read(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    cases = figshare.iterate_cases(root, {"fold-1"}, ("FLAIR", "T1ce"))
    assert [(case.case, case.stack.present) for case in cases] == [("glioma/0002", (False, True))]
    assert figshare.list_patients(root) == ["fold-1", "fold-3"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("index.csv", "index.csv is missing"),
        ("figshare/0001.jpg", "0001.jpg is damaged or no picture"),
        ("figshare/0001_mask.png", "0001_mask.png is damaged or no picture"),
    ],
)
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str, reason: str) -> None:
    (write_set(tmp_path) / name).unlink()
    assert reason in refusal(tmp_path)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((), "names no slice"),
        (ROWS[:1], "names no slice"),
        (("file,label", "figshare/0000.jpg,glioma"), "line 2, lacks one of file, label, fold"),
        ((*ROWS[:2], "figshare/0001.jpg,glioma,"), "line 3, lacks one of file, label, fold"),
        ((*ROWS, "figshare/0002.jpg"), "line 6, lacks one of file, label, fold"),
    ],
)
def test_a_damaged_index_is_refused_by_line(
    tmp_path: Path, rows: tuple[str, ...], reason: str
) -> None:
    assert reason in refusal(write_set(tmp_path, rows))


def test_a_slice_in_colour_is_refused_by_name(tmp_path: Path) -> None:
    write_set(tmp_path)
    save_picture(tmp_path / "figshare" / "0001.jpg", np.zeros((64, 64, 3), dtype=np.uint8))
    assert "0001.jpg is a colour picture" in refusal(tmp_path)


def test_a_model_is_judged_on_whatever_has_a_mask(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "figshare" / "0001_mask.png").unlink()
    colour = np.zeros((64, 64, 3), dtype=np.uint8)
    colour[..., 1] = PIXELS[1, 2]
    (root / "figshare" / "0000.jpg").unlink()
    save_picture(root / "figshare" / "0000.jpg", colour)

    cases = list(figshare.iterate_judged(root))

    assert [case.case for case in cases] == ["meningioma/0000", "glioma/0002"]
    assert cases[0].stack.pixels.shape == (1, 1, 64, 64)
    assert figshare.list_unjudged(root) == ["figshare/0001.jpg"]
    assert figshare.list_unjudged(root, {"fold-1"}) == []
    assert figshare.has_judged(root, {"fold-3"})
    assert not figshare.has_judged(root, {"fold-2"})


def test_whole_folds_of_the_authors_change_sides() -> None:
    split = read_split(SPLITS / "types.toml")
    assert (split.train, split.validation, split.test) == (
        {"fold-1", "fold-2"},
        {"fold-3"},
        {"fold-4"},
    )


# Every data set by its name


def test_every_reader_lists_its_patients_too() -> None:
    assert READERS.keys() == PATIENT_LISTS.keys() == {"lgg", "brats", "types", "folder"}


@pytest.mark.parametrize("name", ["lgg", "brats", "types"])
def test_the_shared_data_is_read_by_name_and_each_part_has_its_own_patients(name: str) -> None:
    root = shared_folder(name)
    split = read_split(SPLITS / f"{name}.toml")
    assert set(PATIENT_LISTS[name](root)) == split.train | split.validation | split.test

    for part in PARTS:
        case = next(READERS[name](root, split.part(part), None))
        assert case.patient in split.part(part)
        assert case.mask.shape == case.stack.pixels.shape[1:]
