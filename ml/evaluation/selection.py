"""What is evaluated: which sequences are shown, and which patients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ml.models import Model
from ml.stacks import CHANNELS, AxialStack, only_channels

ALL, FLAIR = "all", "flair"


@dataclass(frozen=True)
class Sequences:
    """Which sequences a model is shown: ``all``, ``flair``, or names such as ``FLAIR,T1ce``.

    ``all`` are those that the model reads; for a model of the three usual ones, those that are
    usual for the data set, which of BraTS is FLAIR alone, as a scan is sent to the clinic.
    """

    wanted: str = ALL

    def to_read(self, model: Model) -> tuple[str, ...] | None:
        """The channels to ask a reader for; None stands for the data set's usual ones."""
        channels = model.card.preparation.channels
        if self.wanted in (ALL, FLAIR) and channels == CHANNELS:
            return None
        unknown = set(self.names) - set(channels)
        if unknown:
            raise ValueError(f"{model.card.name} does not read {', '.join(sorted(unknown))}")
        return channels

    @property
    def names(self) -> tuple[str, ...]:
        """The named sequences; none for ``all``."""
        if self.wanted == ALL:
            return ()
        if self.wanted == FLAIR:
            return ("FLAIR",)
        return tuple(name.strip() for name in self.wanted.split(","))

    def show(self, stack: AxialStack) -> AxialStack:
        """The stack as if nothing else had been acquired."""
        return only_channels(stack, self.names) if self.names else stack


def shown_sequences(stack: AxialStack) -> tuple[str, ...]:
    """The sequences that a stack has."""
    return tuple(name for name in stack.channels if stack.has(name))


def read_patients(path: Path) -> set[str]:
    """The patients named in a text file, one a line; ``#`` begins a comment."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {line for line in lines if line}
