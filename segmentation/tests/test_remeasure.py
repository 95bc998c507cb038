"""Older results get their sizes from their masks, and signed ones stay as they were signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from ml.atlas import TemplateFit
from patients.models import Scan
from segmentation.models import Lesion, ReviewState, Segmentation
from segmentation.services import remeasuring
from segmentation.services.remeasuring import OF_A_LESION, OF_A_RESULT
from segmentation.tasks import run_segmentation
from segmentation.tests.conftest import NOT_A_HEAD
from segmentation.tests.factories import SegmentationFactory
from segmentation.tests.test_template_fit import FIT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]


@pytest.fixture(autouse=True)
def not_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remeasuring, "fit_scan", lambda *_, **__: TemplateFit.refused(NOT_A_HEAD))


def figures(row: Segmentation) -> tuple[Any, Any]:
    row.refresh_from_db()
    return (
        Segmentation.objects.filter(pk=row.pk).values(*OF_A_RESULT).get(),
        list(row.lesions.values("number", "volume_ml", "mean_probability", *OF_A_LESION)),
    )


@pytest.fixture
def older() -> tuple[Segmentation, Any]:
    """A result as it was stored before these figures, and what they would be."""
    row = SegmentationFactory()
    run_segmentation(str(row.pk))
    known = figures(row)
    empty = dict.fromkeys(OF_A_RESULT)
    Segmentation.objects.filter(pk=row.pk).update(**{**empty, "brain_source": ""})
    Lesion.objects.filter(segmentation=row).update(**dict.fromkeys(OF_A_LESION))
    return row, known


def test_an_older_result_gets_its_sizes_from_its_mask(
    older: tuple[Segmentation, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row, known = older
    assert figures(row) != known

    call_command("remeasure")

    assert capsys.readouterr().out == "filled: 1\n"
    assert figures(row) == known
    assert known[1]
    call_command("remeasure")
    assert capsys.readouterr().out == "Every result has its sizes and places.\n"


def test_a_signed_result_stays_as_it_was_signed(
    older: tuple[Segmentation, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row, _ = older
    Segmentation.objects.filter(pk=row.pk).update(
        review=ReviewState.SIGNED, reviewer_name="Dr Example", reviewed_at=timezone.now()
    )
    before = figures(row)

    call_command("remeasure")

    assert capsys.readouterr().out == "left as signed: 1\n"
    assert figures(row) == before


def test_a_result_that_its_mask_does_not_fit_is_left_alone(
    older: tuple[Segmentation, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row, _ = older
    Lesion.objects.filter(segmentation=row).update(voxels=1)

    call_command("remeasure")

    assert "does not measure what is stored" in capsys.readouterr().out
    assert Lesion.objects.filter(segmentation=row, is_tiny=None).exists()


def test_a_lost_file_is_said(
    older: tuple[Segmentation, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    row, _ = older
    Path(row.scan.file.path).unlink()

    call_command("remeasure")

    assert "could not be read" in capsys.readouterr().out


def forget_place(row: Segmentation) -> None:
    """As it was before there was a template: the box's words, and no reason why."""
    Lesion.objects.filter(segmentation=row).update(without_atlas="")
    Scan.objects.filter(pk=row.scan_id).update(template_fit=None)


@pytest.fixture
def unplaced(monkeypatch: pytest.MonkeyPatch) -> Segmentation:
    row = SegmentationFactory()
    run_segmentation(str(row.pk))
    forget_place(row)
    monkeypatch.setattr(remeasuring, "fit_scan", lambda *_, **__: FIT)
    return row


def test_an_older_scan_is_laid_on_the_template_and_its_lesions_get_their_regions(
    unplaced: Segmentation, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("remeasure")

    assert capsys.readouterr().out == "filled: 1\n"
    lesion = unplaced.lesions.get()
    assert lesion.place.startswith("left frontal")
    assert lesion.regions and lesion.depth_mm is not None
    unplaced.scan.refresh_from_db()
    assert TemplateFit.from_dict(unplaced.scan.template_fit) == FIT
    call_command("remeasure")
    assert "Every result" in capsys.readouterr().out


def test_a_signed_result_keeps_the_place_it_was_signed_with_and_its_scan_gets_the_fit(
    unplaced: Segmentation,
) -> None:
    before = unplaced.lesions.get().place
    Segmentation.objects.filter(pk=unplaced.pk).update(
        review=ReviewState.SIGNED, reviewer_name="Dr Example", reviewed_at=timezone.now()
    )

    call_command("remeasure")

    lesion = unplaced.lesions.get()
    assert (lesion.place, lesion.regions, lesion.without_atlas) == (before, None, "")
    unplaced.scan.refresh_from_db()
    assert unplaced.scan.template_fit is not None
