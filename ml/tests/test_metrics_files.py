"""Dice between mask files, as a signature records it."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ml import pictures
from ml.metrics import dice_of_files


def stored(path: Path, mask: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), np.eye(4)), path)
    return path


def block(stop: int, value: int = 1) -> np.ndarray:
    mask = np.zeros((8, 6, 4), dtype=np.uint8)
    mask[:stop, :3, :2] = value
    return mask


def test_dice_counts_what_both_masks_hold_whatever_their_labels(tmp_path: Path) -> None:
    four = stored(tmp_path / "a.nii.gz", block(4, value=3))
    two = stored(tmp_path / "b.nii.gz", block(2))
    assert dice_of_files(four, two) == pytest.approx(2 * 12 / (24 + 12))
    assert dice_of_files(four, four) == 1.0


def test_two_empty_masks_agree_and_one_empty_mask_does_not(tmp_path: Path) -> None:
    empty = stored(tmp_path / "a.nii.gz", block(0))
    drawn = stored(tmp_path / "b.nii.gz", block(2))
    assert dice_of_files(empty, empty) == 1.0
    assert dice_of_files(empty, drawn) == 0.0


def test_masks_of_pictures_are_compared_too(tmp_path: Path) -> None:
    pictures.write_mask(tmp_path / "a.png", block(4)[..., 0])
    pictures.write_mask(tmp_path / "b.png", block(2)[..., 0])
    assert dice_of_files(tmp_path / "a.png", tmp_path / "b.png") == pytest.approx(2 / 3)


def test_masks_of_two_grids_are_not_compared(tmp_path: Path) -> None:
    one = stored(tmp_path / "a.nii.gz", block(2))
    other = stored(tmp_path / "b.nii.gz", np.zeros((8, 6, 5)))
    with pytest.raises(ValueError, match="different shape"):
        dice_of_files(one, other)


@pytest.mark.parametrize("left", [0, 9, 60])
def test_a_mask_that_is_cut_off_or_no_volume_cannot_be_read(left: int, tmp_path: Path) -> None:
    mask = np.zeros((20, 20, 20), dtype=np.uint8)
    mask[5:9, 5:9, 5:9] = 1
    content = gzip.compress(nib.nifti1.Nifti1Image(mask, np.eye(4)).to_bytes())
    whole, damaged = tmp_path / "whole.nii.gz", tmp_path / "damaged.nii.gz"
    whole.write_bytes(content)
    damaged.write_bytes(content[:left] or b"no volume")
    assert dice_of_files(whole, whole) == 1
    with pytest.raises(OSError):
        dice_of_files(damaged, whole)
