"""The folder of a training set: a data set for each sequence, their splits, how to train on them.

Each data set has the layout of :mod:`ml.datasets.folder`. Names are drawn by chance and no key to
them is kept: two exports of the same patient share nothing.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ml.cards import write_toml
from ml.datasets.folder_settings import NAME
from ml.datasets.splits import PatientSplit, make_split, write_split
from ml.export.cases import Cleaned, suffix_of, write_case
from ml.export.notes import Family, readme, training_config
from ml.models import file_sha256
from ml.prediction import COMPOSITE

PATIENT_PATTERN = "^([pd][0-9a-f]{8})_"
SUMS = "SHA256SUMS"
LEAST_FOR_SPLIT = 3
SEED = 2026


@dataclass
class TrainingSet:
    """A training set that is being written into ``root``, a folder that is empty at first."""

    root: Path
    names: dict[str, str] = field(default_factory=dict)
    cases: dict[str, list[str]] = field(default_factory=dict)
    sequences: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    stripped_before: int = 0

    def add(self, cleaned: Cleaned, *, patient: str, sequence: str, generated: bool) -> None:
        """Writes one case; ``patient`` is any key, used here to keep a patient's cases together.

        ``generated`` marks heads that were grown by code and are no person's.
        """
        is_picture = cleaned.affine is None
        family = f"{sequence.lower()}-{'pictures' if is_picture else 'volumes'}"
        if patient not in self.names:
            self.names[patient] = self._draw("d" if generated else "p")
        case = f"{self.names[patient]}_c{secrets.token_hex(4)}"
        folder = self.root / family
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        name = f"{case}{suffix_of(cleaned)}"
        write_case(cleaned, folder / "images" / name, folder / "masks" / name)
        self.cases.setdefault(family, []).append(case)
        self.sequences[family] = sequence
        self.stripped_before += not is_picture and not cleaned.face_removed

    def leave_out(self, reason: str) -> None:
        """Counts a signed mask that could not be given away."""
        self.left_out[reason] += 1

    @property
    def count(self) -> int:
        return sum(len(cases) for cases in self.cases.values())

    def families(self) -> list[Family]:
        return [
            Family(
                name,
                self.sequences[name],
                len(cases),
                frozenset(case.split("_")[0] for case in cases),
            )
            for name, cases in sorted(self.cases.items())
        ]

    def finish(self) -> None:
        """Writes what goes with the cases: settings, splits, an example, notes, check sums."""
        split = split_patients(sorted(self.names.values()))
        families = self.families()
        for family in families:
            _describe(self.root / family.name, family, split)
        if families:
            write_toml(self.root / "train.toml", training_config(families, split))
        text = readme(families, split, left_out=self.left_out, stripped_before=self.stripped_before)
        (self.root / "README.md").write_text(text, encoding="utf-8")
        _write_sums(self.root)

    def _draw(self, letter: str) -> str:
        taken = set(self.names.values())
        while (name := letter + secrets.token_hex(4)) in taken:
            pass
        return name


def split_patients(patients: list[str]) -> PatientSplit:
    """By patient, with someone in each part from three patients on; fewer all train."""
    if len(patients) < LEAST_FOR_SPLIT:
        return PatientSplit(frozenset(patients), frozenset(), frozenset())
    one = 1 / len(patients)
    return make_split(
        patients, seed=SEED, validation_share=max(0.15, one), test_share=max(0.2, one)
    )


def _describe(folder: Path, family: Family, split: PatientSplit) -> None:
    settings = {"patient_pattern": PATIENT_PATTERN}
    if family.sequence != COMPOSITE:
        settings["channel"] = family.sequence
    write_toml(folder / NAME, settings)
    parts = (split.train, split.validation, split.test)
    own = PatientSplit(*(part & family.patients for part in parts))
    header = "By patient; a patient is in the same part in every folder of this training set."
    write_split(folder / "split.toml", own, header=header)


def _write_sums(root: Path) -> None:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    lines = [f"{file_sha256(path)}  {path.relative_to(root).as_posix()}\n" for path in paths]
    (root / SUMS).write_text("".join(lines), encoding="utf-8")
