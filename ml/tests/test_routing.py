"""Which model reads a scan: alone, together with its visit, or none, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml.errors import NoModelError
from ml.geometry import ImageKind
from ml.preparation import Preparation
from ml.routing import choose_reading
from ml.study import SEQUENCES
from ml.tests.factories import assert_plain, threshold_model

PICTURE, VOLUME = ImageKind.PICTURE, ImageKind.VOLUME
FLAIR = replace(threshold_model().card, name="flair")
SLICES = replace(FLAIR, name="slices", sequences=("T1ce",), kinds=("picture",))
VISIT = replace(
    FLAIR,
    name="visit",
    sequences=SEQUENCES,
    kinds=("volume",),
    preparation=Preparation(channels=SEQUENCES),
    needs=(("FLAIR", "T1ce"), ("FLAIR", "T2")),
)
CARDS = (FLAIR, SLICES, VISIT)


@pytest.mark.parametrize(
    ("sequence", "kind", "visit", "name", "given"),
    [
        ("FLAIR", VOLUME, (), "flair", ("FLAIR",)),
        ("FLAIR", PICTURE, (), "flair", ("FLAIR",)),
        ("COMPOSITE", PICTURE, (), "flair", ("COMPOSITE",)),
        ("T1ce", PICTURE, (), "slices", ("T1ce",)),
        ("FLAIR", VOLUME, ("T1ce",), "visit", ("FLAIR", "T1ce")),
        ("T1ce", VOLUME, ("FLAIR", "T1"), "visit", ("T1ce", "FLAIR", "T1")),
        ("T1", VOLUME, ("T2", "FLAIR"), "visit", ("T1", "FLAIR", "T2")),
        ("FLAIR", VOLUME, ("T1",), "flair", ("FLAIR",)),
        ("FLAIR", PICTURE, ("T1ce",), "flair", ("FLAIR",)),
        ("FLAIR", VOLUME, ("FLAIR", "COMPOSITE"), "flair", ("FLAIR",)),
    ],
)
def test_a_scan_goes_to_the_model_that_fits_it_and_its_visit(
    sequence: str, kind: ImageKind, visit: tuple[str, ...], name: str, given: tuple[str, ...]
) -> None:
    found = choose_reading(sequence, kind, visit=visit, cards=CARDS)
    assert (found.card.name, found.sequences) == (name, given)
    assert found.is_together == (len(given) > 1)


@pytest.mark.parametrize(
    ("sequence", "kind", "visit"),
    [("T1ce", VOLUME, ()), ("T2", PICTURE, ("FLAIR",)), ("T1", VOLUME, ("T2",))],
)
def test_what_no_model_fits_is_refused_with_what_would_be_read(
    sequence: str, kind: ImageKind, visit: tuple[str, ...]
) -> None:
    with pytest.raises(NoModelError) as refusal:
        choose_reading(sequence, kind, visit=visit, cards=CARDS)
    message = str(refusal.value)
    assert_plain(message)
    assert f"of {sequence} alone" in message
    assert "FLAIR with T1ce or FLAIR with T2" in message
    assert "slices of T1ce" in message


def test_what_ships_reads_flair_and_composites_as_before() -> None:
    assert choose_reading("FLAIR", VOLUME).card.name == "flair2d"
    assert choose_reading("COMPOSITE", PICTURE).card.name == "flair2d"
