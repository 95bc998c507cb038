"""Lesions found, missed and made up, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.metrics.lesions import count_lesions, lesion_ratios

SHAPE = (4, 20, 30)


def lesion(*, at: int, columns: int = 4, slices: int = 2, rows: int = 5) -> np.ndarray:
    """A block of ``slices * rows * columns`` voxels from column ``at``."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:slices, 2 : 2 + rows, at : at + columns] = True
    return mask


def nothing() -> np.ndarray:
    return np.zeros(SHAPE, dtype=bool)


def test_found_missed_and_made_up_lesions_are_counted_apart() -> None:
    reference = lesion(at=0) | lesion(at=10)
    mask = lesion(at=1) | lesion(at=20) | lesion(at=26)

    counts = count_lesions(mask, reference, least=10)

    assert counts.tolist() == [1, 2, 1, 3]
    ratios = lesion_ratios(counts)
    assert ratios["lesion_precision"] == pytest.approx(1 / 3)
    assert ratios["lesion_recall"] == pytest.approx(1 / 2)
    assert ratios["lesion_f1"] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert ratios["lesion_false_positives"] == 2


@pytest.mark.parametrize(("rows", "found"), [(1, 1), (0, 0)])
def test_a_tenth_of_a_lesion_is_a_find_and_less_is_not(rows: int, found: int) -> None:
    """The lesion has 10 x 10 voxels on one slice: ten are a tenth, nine are not."""
    reference = np.zeros(SHAPE, dtype=bool)
    reference[0, :10, :10] = True
    mask = np.zeros(SHAPE, dtype=bool)
    mask[0, 0, : 9 + rows] = True

    counts = count_lesions(mask, reference, least=1)

    assert counts.tolist() == [found, 1, 1, 1]


def test_a_drawn_lesion_that_only_touches_the_tumour_is_made_up() -> None:
    """A large drawing over a small lesion finds the lesion and is yet no true drawing."""
    reference = lesion(at=0, columns=1, rows=2, slices=1)
    mask = lesion(at=0, columns=20, rows=5, slices=1)

    assert count_lesions(mask, reference, least=1).tolist() == [1, 1, 0, 1]


def test_one_drawing_may_find_several_lesions_and_several_may_find_one() -> None:
    two, one = lesion(at=0) | lesion(at=6), lesion(at=0, columns=10)

    assert count_lesions(one, two, least=1).tolist() == [2, 2, 1, 1]
    assert count_lesions(two, one, least=1).tolist() == [1, 1, 2, 2]


def test_voxels_that_meet_at_a_corner_are_one_lesion() -> None:
    mask = nothing()
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert count_lesions(mask, mask, least=1).tolist() == [1, 1, 1, 1]


def test_specks_count_on_neither_side() -> None:
    speck, whole = lesion(at=20, columns=1, rows=1), lesion(at=0)

    assert count_lesions(whole | speck, whole, least=3).tolist() == [1, 1, 1, 1]
    assert count_lesions(whole, whole | speck, least=3).tolist() == [1, 1, 1, 1]


def test_a_drawing_over_a_lesion_too_small_to_count_is_not_made_up() -> None:
    small = lesion(at=0, columns=2, rows=2)
    drawn = lesion(at=0, columns=4, rows=2)
    assert count_lesions(drawn, small, least=10).tolist() == [0, 0, 1, 1]


def test_where_nothing_is_and_nothing_was_drawn_all_is_well() -> None:
    ratios = lesion_ratios(count_lesions(nothing(), nothing(), least=1))
    assert {name: float(value) for name, value in ratios.items()} == {
        "lesion_precision": 1,
        "lesion_recall": 1,
        "lesion_f1": 1,
        "lesion_false_positives": 0,
    }


def test_drawing_where_nothing_is_scores_nothing() -> None:
    ratios = lesion_ratios(count_lesions(lesion(at=0), nothing(), least=1))
    assert ratios["lesion_f1"] == 0
    assert ratios["lesion_false_positives"] == 1


def test_sections_on_one_slice_are_lesions_of_two_dimensions() -> None:
    reference = lesion(at=0)[0] | lesion(at=10)[0]
    assert count_lesions(lesion(at=0)[0], reference, least=10).tolist() == [1, 2, 1, 1]
