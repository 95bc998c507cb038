"""By patient, by slice and pooled are three figures, and each leaves nothing out unnoticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.datasets.cases import LabelledCase
from ml.evaluation.scoring import ALL_METRICS, CaseScore, score_case
from ml.evaluation.summary import summarise
from ml.metrics import measure_agreement
from ml.tests.factories import flair_stack

SHAPE = (4, 16, 24)


def block(slices: tuple[int, int], columns: tuple[int, int], rows: int = 8) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[slice(*slices), 2 : 2 + rows, slice(*columns)] = True
    return mask


def nothing() -> np.ndarray:
    return np.zeros(SHAPE, dtype=bool)


def scored(
    mask: np.ndarray,
    reference: np.ndarray,
    patient: str = "A",
    *,
    case: str = "case",
    pixel_mm: tuple[float, float] | None = None,
    slice_mm: float | None = None,
    tumour_slices_only: bool = False,
) -> CaseScore:
    stack = replace(flair_stack(np.ones(SHAPE, dtype=np.uint8), pixel_mm), slice_mm=slice_mm)
    labelled = LabelledCase(case, patient, stack, reference)
    score = score_case(labelled, mask, tumour_slices_only=tumour_slices_only)
    assert score is not None
    return score


def large_and_small() -> list[CaseScore]:
    """A large tumour found wholly and a small one found by a quarter of its voxels."""
    large, small = block((0, 3), (2, 20)), block((1, 2), (2, 6))
    return [
        scored(large, large, "A"),
        scored(block((1, 2), (2, 3)), small, "B"),
    ]


def test_every_metric_stands_at_every_level() -> None:
    summary = summarise(large_and_small())
    assert tuple(summary["by_patient"]) == ALL_METRICS
    assert set(summary["by_slice"]) == {*ALL_METRICS, "dice_tumour_slices"}
    assert set(summary["pooled"]) == set(ALL_METRICS)


def test_pooled_voxels_favour_the_large_tumour_and_patients_count_alike() -> None:
    summary = summarise(large_and_small())
    large, small, found = 3 * 8 * 18, 8 * 4, 8

    assert summary["by_patient"]["dice"]["patients"] == {"A": 1, "B": pytest.approx(0.4)}
    assert summary["by_patient"]["dice"]["mean"] == pytest.approx(0.7)
    pooled = 2 * (large + found) / ((large + found) + (large + small))
    assert summary["pooled"]["dice"]["value"] == pytest.approx(pooled)
    assert summary["pooled"]["recall"]["value"] == pytest.approx((large + found) / (large + small))


def test_a_case_has_the_agreement_of_all_its_voxels() -> None:
    rng = np.random.default_rng(0)
    mask, reference = rng.random((2, *SHAPE)) > 0.5

    by_patient = summarise([scored(mask, reference)])["by_patient"]

    for name, value in measure_agreement(mask, reference).as_dict().items():
        assert by_patient[name]["mean"] == pytest.approx(value)


def test_a_patient_with_several_cases_counts_once_with_their_mean() -> None:
    reference = block((0, 1), (0, 10))
    cases = [
        scored(reference, reference, "A", case="first"),
        scored(nothing(), reference, "A", case="second"),
        scored(reference, reference, "B"),
    ]

    dice = summarise(cases)["by_patient"]["dice"]

    assert dice["patients"] == {"A": 0.5, "B": 1}
    assert dice["mean"] == 0.75
    assert dice["median"] == 0.75
    assert dice["deviation"] == pytest.approx(np.std([0.5, 1], ddof=1))


def test_slices_empty_in_both_masks_have_dice_one_and_a_figure_without_them() -> None:
    """Two slices: one found by a half (Dice 2/3), one missed; two more are empty in both."""
    reference = block((0, 2), (0, 8))
    mask = block((0, 1), (0, 4))

    by_slice = summarise([scored(mask, reference)])["by_slice"]

    assert by_slice["dice"]["mean"] == pytest.approx((2 / 3 + 0 + 1 + 1) / 4)
    assert by_slice["dice"]["slices"] == 4
    assert by_slice["dice_tumour_slices"]["mean"] == pytest.approx((2 / 3 + 0) / 2)
    assert by_slice["dice_tumour_slices"]["slices"] == 2


def test_scoring_tumour_slices_alone_forgives_what_is_drawn_elsewhere() -> None:
    reference, mask = block((0, 2), (0, 8)), block((0, 4), (0, 8))

    every = summarise([scored(mask, reference)])
    chosen = summarise([scored(mask, reference, tumour_slices_only=True)])

    assert every["by_patient"]["dice"]["mean"] == pytest.approx(2 / 3)
    for level, figure in (("by_patient", "mean"), ("by_slice", "mean"), ("pooled", "value")):
        assert chosen[level]["dice"][figure] == 1
    assert chosen["by_slice"]["dice"]["slices"] == 2
    assert chosen["by_patient"]["volume_error"]["mean"] == 0


def test_a_case_without_a_tumour_slice_has_nothing_to_score_there() -> None:
    stack = flair_stack(np.ones(SHAPE, dtype=np.uint8))
    case = LabelledCase("case", "A", stack, nothing())
    assert score_case(case, nothing(), tumour_slices_only=True) is None
    assert score_case(case, nothing()) is not None


def test_with_a_known_grid_distances_are_in_space_and_volumes_in_millilitres() -> None:
    """A plate moved by two slices of 5 mm; its voxels have 5 x 0.5 x 2 = 5 cubic millimetres."""
    reference, mask = block((0, 1), (0, 10)), block((2, 3), (0, 10))

    summary = summarise([scored(mask, reference, pixel_mm=(0.5, 2.0), slice_mm=5.0)])

    hd95 = summary["by_patient"]["hd95"]
    assert hd95["mean"] == summary["pooled"]["hd95"]["value"] == 10
    assert (hd95["unit"], hd95["surface_dimensions"]) == ("mm", 3)
    volume = summary["by_patient"]["volume_reference"]
    assert volume["mean"] == pytest.approx(80 * 5 / 1000)
    assert volume["unit"] == "mL"


def test_without_a_grid_distances_are_means_over_slices_in_pixels() -> None:
    """Columns one wide, moved by 2 pixels on one slice and by 4 on another; a third is missed."""
    reference = block((0, 3), (2, 3))
    mask = block((0, 1), (4, 5)) | block((1, 2), (6, 7))

    summary = summarise([scored(mask, reference)])

    hd95 = summary["by_patient"]["hd95"]
    assert hd95["mean"] == 3
    assert (hd95["unit"], hd95["surface_dimensions"]) == ("px", 2)
    assert (hd95["undefined"], hd95["excluded_slices"]) == (0, 1)
    by_slice = summary["by_slice"]["hd95"]
    assert (by_slice["slices"], by_slice["undefined"], by_slice["both_empty"]) == (2, 2, 1)
    assert summary["pooled"]["average_surface_distance"]["value"] == 3
    assert summary["by_patient"]["volume_reference"]["unit"] == "voxels"


def test_with_pixels_alone_known_distances_are_in_millimetres_within_the_slice() -> None:
    summary = summarise([scored(block((0, 1), (5, 6)), block((0, 1), (2, 3)), pixel_mm=(1.0, 2.0))])
    hd95 = summary["by_patient"]["hd95"]
    assert hd95["mean"] == 6
    assert (hd95["unit"], hd95["surface_dimensions"]) == ("mm", 2)
    assert summary["by_patient"]["volume_model"]["unit"] == "voxels"


def test_an_undefined_distance_is_counted_and_left_out_of_the_mean() -> None:
    reference = block((0, 1), (2, 3))
    scores = [
        scored(block((0, 1), (4, 5)), reference, "A"),
        scored(nothing(), reference, "B"),
        scored(nothing(), nothing(), "C"),
    ]

    hd95 = summarise(scores)["by_patient"]["hd95"]

    assert hd95["patients"] == {"A": 2, "B": None, "C": None}
    assert hd95["mean"] == 2
    assert (hd95["undefined"], hd95["undefined_cases"], hd95["both_empty_cases"]) == (2, 2, 1)


def test_where_every_distance_is_undefined_the_figures_say_so() -> None:
    summary = summarise([scored(nothing(), block((0, 1), (2, 3)), name) for name in "AB"])
    assert summary["by_patient"]["hd95"]["mean"] is None
    assert summary["by_patient"]["hd95"]["interval"] is None
    assert summary["by_slice"]["hd95"]["median"] is None
    assert summary["pooled"]["hd95"] == {
        "value": None,
        "interval": None,
        "unit": "px",
        "surface_dimensions": 2,
    }


def test_cases_in_other_units_have_no_part_in_a_mean_of_lengths() -> None:
    reference, mask = block((0, 1), (2, 3)), block((0, 1), (4, 5))
    scores = [scored(mask, reference, name, pixel_mm=(1.0, 1.0), slice_mm=1.0) for name in "AB"]
    scores.append(scored(block((0, 1), (9, 10)), reference, "C"))

    summary = summarise(scores)

    assert summary["by_patient"]["hd95"]["patients"] == {"A": 2, "B": 2, "C": None}
    assert summary["by_patient"]["volume_model"]["patients"]["C"] is None
    assert summary["by_patient"]["dice"]["patients"]["C"] == 0
    assert summary["pooled"]["hd95"]["value"] == 2


def test_a_relative_error_is_undefined_without_reference_tumour() -> None:
    error = summarise([scored(block((0, 1), (2, 3)), nothing())])["by_patient"]
    assert error["volume_error_relative"]["undefined"] == 1
    assert error["volume_error"]["mean"] == 8


def test_lesions_made_up_are_counted_per_scan_and_per_slice() -> None:
    """One patient has two lesions made up, each on two slices, the other none."""
    made_up = block((0, 2), (0, 8)) | block((0, 2), (12, 20))
    right = block((0, 2), (0, 8))
    summary = summarise([scored(made_up, nothing(), "A"), scored(right, right, "B")])

    name = "lesion_false_positives"
    assert summary["by_patient"][name]["mean"] == 1
    assert summary["pooled"][name]["value"] == 1
    assert summary["by_slice"][name]["mean"] == pytest.approx(4 / 8)
    assert summary["by_slice"][name]["unit"] == "per slice"
    assert summary["pooled"]["lesion_f1"]["value"] == pytest.approx(2 * (1 / 3) / (1 / 3 + 1))


def test_every_interval_holds_its_figure_and_the_seed_fixes_it() -> None:
    rng = np.random.default_rng(1)
    scores = []
    for patient in range(12):
        reference = block((0, 3), (3, 12 + patient % 5))
        mask = reference & (rng.random(SHAPE) > 0.05 * (patient + 1))
        scores.append(scored(mask, reference, f"P{patient:02d}"))

    summary, again, other = (summarise(scores, seed=seed) for seed in (0, 0, 1))

    assert summary == again
    assert summary["by_patient"]["dice"]["interval"] != other["by_patient"]["dice"]["interval"]
    for level, figure in (("by_patient", "mean"), ("by_slice", "mean"), ("pooled", "value")):
        for name in ("dice", "recall", "hd95", "volume_error"):
            low, high = summary[level][name]["interval"]
            assert low <= summary[level][name][figure] <= high
        low, high = summary[level]["dice"]["interval"]
        assert low < high


def test_nobody_is_no_result() -> None:
    with pytest.raises(ValueError, match="no patient"):
        summarise([])
