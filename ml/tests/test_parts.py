"""The parts of a mask with several labels, of a model's and of one that a person changed."""

from __future__ import annotations

import numpy as np

from ml.glioma import WITH_CONTRAST, WITHOUT_CONTRAST
from ml.parts import BY_HAND, BY_HAND_NAME, keep_parts, measure_parts

MASK = np.array([[0, 2, 2, 2], [0, 1, 4, 4]], dtype=np.uint8)


def test_the_core_is_all_that_is_not_oedema() -> None:
    parts = {part.name: part for part in measure_parts(MASK, WITH_CONTRAST, voxel_ml=0.5)}
    assert {name: part.voxels for name, part in parts.items()} == {
        "tumour core": 3,
        "necrosis and non-enhancing tumour": 1,
        "oedema": 3,
        "enhancing tumour": 2,
    }
    assert parts["tumour core"].volume_ml == 1.5
    assert parts["tumour core"].labels == (1, 4)


def test_without_the_size_of_a_voxel_there_is_no_millilitre() -> None:
    assert {part.volume_ml for part in measure_parts(MASK, WITH_CONTRAST, voxel_ml=None)} == {None}


def test_a_part_that_is_not_there_is_said_to_be_empty() -> None:
    none = np.where(MASK == 4, 1, MASK)
    parts = {part.name: part.voxels for part in measure_parts(none, WITH_CONTRAST, voxel_ml=None)}
    assert parts["enhancing tumour"] == 0


def test_a_mask_with_a_single_label_has_no_parts() -> None:
    assert measure_parts(MASK > 0, WITHOUT_CONTRAST, voxel_ml=1.0) == ()


def test_what_a_person_keeps_has_its_part_and_what_they_add_has_none() -> None:
    drawn = np.array([[1, 1, 1, 0], [0, 1, 1, 1]], dtype=np.bool_)
    mask, names = keep_parts(drawn, MASK, WITH_CONTRAST)
    assert mask.tolist() == [[BY_HAND, 2, 2, 0], [0, 1, 4, 4]]
    assert names[BY_HAND] == BY_HAND_NAME


def test_a_person_who_only_erases_adds_no_label() -> None:
    mask, names = keep_parts(np.zeros_like(MASK, dtype=np.bool_), MASK, WITH_CONTRAST)
    assert not mask.any()
    assert names == WITH_CONTRAST
