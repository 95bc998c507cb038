"""Pictures: the right cases, the right slice, outlines that lie where the masks are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.datasets.cases import LabelledCase
from ml.evaluation.charts import draw_dice, draw_volumes
from ml.evaluation.gallery import Gallery, KeySlice, key_slice
from ml.evaluation.pictures import draw_cases, write_pictures
from ml.evaluation.report import evaluate_cases, make_report
from ml.stacks import AxialStack
from ml.tests.factories import flair_stack, head_with_blob, threshold_model


def shown(case: str, dice: float, pixel_mm: tuple[float, float] | None = None) -> KeySlice:
    image = np.full((20, 30), 50, dtype=np.uint8)
    mask, reference = np.zeros((2, 20, 30), dtype=bool)
    reference[5:10, 8:16] = True
    mask[5:10, 10:18] = True
    return KeySlice(case, case, dice, image, mask, reference, "FLAIR", 1, 3, pixel_mm)


def labelled(patient: str = "A", pixel_mm: tuple[float, float] | None = None) -> LabelledCase:
    volume, blob = head_with_blob()
    stack = flair_stack(volume.transpose(2, 1, 0), pixel_mm)
    return LabelledCase(f"case {patient}", patient, stack, blob.transpose(2, 1, 0))


def test_the_worst_and_the_best_are_kept_and_none_twice() -> None:
    gallery = Gallery(shown=2)
    for case, dice in (("c", 0.5), ("a", 0.9), ("e", 0.1), ("b", 0.7), ("d", 0.3)):
        gallery.add(shown(case, dice))
    assert [kept.case for kept in gallery.worst] == ["e", "d"]
    assert [kept.case for kept in gallery.best] == ["a", "b"]


def test_of_few_cases_none_is_both_worst_and_best() -> None:
    gallery = Gallery(shown=2)
    for case, dice in (("a", 0.9), ("b", 0.1), ("c", 0.5)):
        gallery.add(shown(case, dice))
    assert [kept.case for kept in gallery.worst] == ["b", "c"]
    assert [kept.case for kept in gallery.best] == ["a"]


def test_the_key_slice_is_that_with_the_most_reference_tumour() -> None:
    case = labelled()
    found = key_slice(case, case.stack, np.zeros_like(case.mask), 0.0)

    areas = case.mask.sum(axis=(1, 2))
    assert found.number == int(areas.argmax()) + 1
    assert found.slices == len(areas)
    assert found.reference.sum() == areas.max()
    assert found.image.shape == found.mask.shape == found.reference.shape
    assert (found.image[found.reference] > found.image[~found.reference].mean()).all()


def test_without_reference_tumour_it_is_that_with_the_most_drawn() -> None:
    case = labelled()
    bare = LabelledCase(case.case, case.patient, case.stack, np.zeros_like(case.mask))
    mask = np.zeros_like(case.mask)
    mask[5, 10:20, 10:20] = True
    assert key_slice(bare, bare.stack, mask, 0.0).number == 6
    assert key_slice(bare, bare.stack, np.zeros_like(mask), 1.0).number == len(mask) // 2 + 1


def test_the_sequence_shown_is_the_one_that_the_stack_has() -> None:
    pixels = labelled().stack.pixels[:1]
    stack = AxialStack(pixels, (True,), None, ("T1ce",))
    case = LabelledCase("case", "A", stack, labelled().mask)
    assert key_slice(case, stack, case.mask, 1.0).sequence == "T1ce"


def test_outlines_run_along_the_edges_of_their_masks() -> None:
    """The reference spans columns 8 to 15 and rows 5 to 9: edges half a pixel further out."""
    figure = draw_cases([shown("a", 0.5)], title="Worst")

    assert figure is not None
    below = figure.axes[1]
    extents = []
    for collection in below.collections:
        (path,) = collection.get_paths()
        extents.append((path.vertices.min(axis=0).tolist(), path.vertices.max(axis=0).tolist()))
    assert extents == [([7.5, 4.5], [15.5, 9.5]), ([9.5, 4.5], [17.5, 9.5])]
    assert not figure.axes[0].collections


def test_the_caption_has_the_case_and_its_dice() -> None:
    figure = draw_cases([shown("TCGA_1", 0.876)], title="Worst")
    assert figure is not None
    assert "TCGA_1\nDice of the scan 0.876\nFLAIR, slice 1 of 3" in figure.axes[0].get_title()


@pytest.mark.parametrize(("pixel_mm", "sides"), [((1.0, 1.0), ["R", "L"]), (None, [])])
def test_sides_are_named_only_where_the_file_states_them(
    pixel_mm: tuple[float, float] | None, sides: list[str]
) -> None:
    """In the radiological view the patient's right is on the left of the picture."""
    figure = draw_cases([shown("a", 0.5, pixel_mm)], title="Worst")
    assert figure is not None
    texts = sorted(figure.axes[0].texts, key=lambda text: text.get_position()[0])
    assert [text.get_text() for text in texts] == sides


def test_pixels_keep_their_proportions() -> None:
    figure = draw_cases([shown("a", 0.5, (2.0, 1.0))], title="Worst")
    assert figure is not None
    assert figure.axes[0].get_aspect() == 2


def test_no_cases_are_no_picture() -> None:
    assert draw_cases([], title="Best") is None


def test_all_pictures_are_written(tmp_path: Path) -> None:
    cases = [labelled(name, (1.0, 1.0)) for name in "ABCD"]
    findings = evaluate_cases(threshold_model(), cases)
    report = make_report(threshold_model(), findings, dataset="lgg")

    written = write_pictures(tmp_path / "pictures", report, findings.gallery)

    assert [path.name for path in written] == ["worst.png", "best.png", "dice.png", "volumes.png"]
    for path in written:
        with Image.open(path) as picture:
            assert min(picture.size) > 400
            assert np.asarray(picture.convert("L")).std() > 5


def test_the_charts_say_the_bias_with_its_unit() -> None:
    cases = [labelled(name, (1.0, 1.0)) for name in "AB"]
    report = make_report(threshold_model(), evaluate_cases(threshold_model(), cases), dataset="lgg")

    figure = draw_volumes(report)

    assert figure is not None
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert [text.split()[0] for text in texts] == ["bias", "+1.96", "\N{MINUS SIGN}1.96"]
    assert all(text.endswith("voxels") for text in texts)
    strip = draw_dice(report).axes[1]
    assert list(strip.lines[0].get_xdata()) == sorted(
        report["by_patient"]["dice"]["patients"].values()
    )


def test_one_patient_has_no_bland_altman_plot(tmp_path: Path) -> None:
    findings = evaluate_cases(threshold_model(), [labelled()])
    report = make_report(threshold_model(), findings, dataset="lgg")
    assert draw_volumes(report) is None
    written = write_pictures(tmp_path, report, findings.gallery)
    assert [path.name for path in written] == ["worst.png", "dice.png"]
