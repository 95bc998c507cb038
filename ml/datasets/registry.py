"""The data sets by name, each read in the same way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Protocol

from ml.datasets import brats, figshare, folder, lgg
from ml.datasets.cases import LabelledCase


class Reader(Protocol):
    """Reads the cases below ``root`` in order of name, one at a time.

    ``patients`` leaves the others out. A stack has exactly ``channels`` in that order, those
    absent that a case lacks; None gives what is usual for the data set. Raises DatasetError,
    whose message names the folder or file that is not as it should be.
    """

    def __call__(
        self,
        root: Path,
        patients: Collection[str] | None = None,
        channels: tuple[str, ...] | None = None,
        /,
    ) -> Iterator[LabelledCase]: ...


READERS: dict[str, Reader] = {
    "lgg": lgg.iterate_cases,
    "brats": brats.iterate_cases,
    "types": figshare.iterate_cases,
    "folder": folder.iterate_cases,
}

JUDGED: dict[str, Reader] = {**READERS, "types": figshare.iterate_judged}
"""How they are read to judge a model: whatever has a reference, while training takes no gaps."""

PATIENT_LISTS: dict[str, Callable[[Path], list[str]]] = {
    "lgg": lgg.list_patients,
    "brats": brats.list_patients,
    "types": figshare.list_patients,
    "folder": folder.list_patients,
}
"""Who is in a data set, for splits: read from the names, without opening a picture."""
