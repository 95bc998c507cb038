"""Which model reads a scan, from what it is and what else the visit holds. Nothing is tried out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ml import models
from ml.errors import NoModelError
from ml.geometry import ImageKind
from ml.models import Card


@dataclass(frozen=True)
class Reading:
    """A model and the sequences that it is given, that of the scan first."""

    card: Card
    sequences: tuple[str, ...]

    @property
    def is_together(self) -> bool:
        return len(self.sequences) > 1


def choose_reading(
    sequence: str,
    kind: ImageKind,
    *,
    visit: Collection[str] = (),
    cards: Sequence[Card] | None = None,
) -> Reading:
    """The model for a scan of ``sequence`` and ``kind``; ``visit`` are the sequences of the other
    volumes of that day.

    A model of several sequences is chosen where the visit has what it needs and the scan is not
    its only volume; else one that reads the scan alone. Raises NoModelError, which says what would
    be read, where none does.
    """
    known = models.shipped_cards() if cards is None else cards
    if kind is ImageKind.VOLUME:
        for card in known:
            given = (sequence, *sorted(set(visit) - {sequence}))
            held = tuple(name for name in given if name in card.preparation.channels)
            if card.needs and sequence in held and len(held) > 1 and suffices(card.needs, held):
                return Reading(card, held)
    for card in known:
        reads = sequence in card.sequences and kind.value in card.kinds
        if reads and (not card.needs or suffices(card.needs, (sequence,))):
            return Reading(card, (sequence,))
    raise NoModelError(_refusal(sequence, kind, known))


def suffices(needs: Iterable[Collection[str]], held: Collection[str]) -> bool:
    """Whether one of the sets of sequences that a model ``needs`` is in what is ``held``."""
    return any(set(needed) <= set(held) for needed in needs)


def _refusal(sequence: str, kind: ImageKind, cards: Sequence[Card]) -> str:
    what = "slice" if kind is ImageKind.PICTURE else "volume"
    offers = []
    for card in cards:
        if card.needs:
            sets = " or ".join(" with ".join(needed) for needed in card.needs)
            offers.append(f"volumes of a visit that has {sets}")
        else:
            kinds = " and ".join(NAMES[name] for name in card.kinds)
            offers.append(f"{kinds} of {', '.join(card.sequences)}")
    return f"No model reads a {what} of {sequence} alone; there are models for {'; '.join(offers)}."


NAMES = {ImageKind.PICTURE.value: "slices", ImageKind.VOLUME.value: "volumes"}
