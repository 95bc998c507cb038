"""Lesions of two scans on one grid: which are the same, which are new, which are gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.course import Link, match_lesions

STEPS = np.diag([1.0, 1.0, 5.0])


def boxes(*places: tuple[int, tuple[slice, slice, slice]]) -> NDArray[np.int32]:
    labels = np.zeros((40, 40, 10), dtype=np.int32)
    for number, place in places:
        labels[place] = number
    return labels


def at(x: int, y: int = 5, z: int = 2, side: int = 4) -> tuple[slice, slice, slice]:
    return slice(x, x + side), slice(y, y + side), slice(z, z + 1)


def test_lesions_that_overlap_are_the_same_whatever_their_numbers() -> None:
    links = match_lesions(boxes((1, at(3)), (2, at(20))), boxes((1, at(21)), (2, at(4))), STEPS)
    assert links == [Link(1, 2, 12), Link(2, 1, 12)]


def test_a_lesion_that_splits_keeps_both_links_and_so_do_two_that_merge() -> None:
    whole = boxes((1, (slice(3, 15), slice(5, 9), slice(2, 3))))
    parts = boxes((1, at(3)), (2, at(11)))
    assert match_lesions(whole, parts, STEPS) == [Link(1, 1, 16), Link(1, 2, 16)]
    assert match_lesions(parts, whole, STEPS) == [Link(1, 1, 16), Link(2, 1, 16)]


def test_a_lesion_far_from_all_others_is_new_and_one_that_left_nothing_is_gone() -> None:
    before, after = boxes((1, at(3))), boxes((1, at(30)))
    assert match_lesions(before, after, STEPS) == []


def test_what_comes_within_three_millimetres_is_the_same_lesion() -> None:
    before = boxes((1, at(3)))
    assert match_lesions(before, boxes((1, at(9))), STEPS) == [Link(1, 1, 0)]
    assert match_lesions(before, boxes((1, at(10))), STEPS) == []


def test_nearness_is_in_millimetres_and_not_in_voxels() -> None:
    before, next_slice = boxes((1, at(3))), boxes((1, at(3, z=3)))
    assert match_lesions(before, next_slice, STEPS) == []
    assert match_lesions(before, next_slice, np.diag([1.0, 1.0, 2.0])) == [Link(1, 1, 0)]


def test_two_empty_maps_have_no_links() -> None:
    assert match_lesions(boxes(), boxes(), STEPS) == []
    assert match_lesions(boxes((1, at(3))), boxes(), STEPS) == []
