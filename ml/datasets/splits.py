"""Which patients train, choose and judge: written down, so that a figure can be checked."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from pathlib import Path

SPLITS = Path(__file__).resolve().parent.parent / "splits"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class PatientSplit:
    """Three sets of patients that share nobody."""

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str]

    def __post_init__(self) -> None:
        total = len(self.train) + len(self.validation) + len(self.test)
        if len(self.train | self.validation | self.test) != total:
            raise ValueError("a patient stands in two parts of the split")

    def part(self, name: str) -> frozenset[str]:
        if name not in PARTS:
            raise ValueError(f"a split has the parts {', '.join(PARTS)}, not {name!r}")
        patients: frozenset[str] = getattr(self, name)
        return patients


def read_split(path: Path) -> PatientSplit:
    """The split in a TOML file with the lists ``train``, ``validation`` and ``test``."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return PatientSplit(*(frozenset(document[name]) for name in PARTS))


def make_split(
    patients: list[str],
    *,
    seed: int,
    validation_share: float = 0.15,
    test_share: float = 0.2,
    always_test: tuple[str, ...] = (),
) -> PatientSplit:
    """The same split for the same patients and seed, whatever order they come in."""
    rest = sorted(set(patients) - set(always_test))
    random.Random(seed).shuffle(rest)  # noqa: S311 - a split is no secret
    test_count = max(0, round(test_share * len(set(patients))) - len(always_test))
    validation_count = round(validation_share * len(set(patients)))
    return PatientSplit(
        test=frozenset((*always_test, *rest[:test_count])),
        validation=frozenset(rest[test_count : test_count + validation_count]),
        train=frozenset(rest[test_count + validation_count :]),
    )


def write_split(path: Path, split: PatientSplit, *, header: str) -> None:
    """Writes the split as TOML under a comment that says how it was made."""
    lines = [f"# {line}" for line in header.splitlines()]
    for name in PARTS:
        names = [f'    "{patient}",\n' for patient in sorted(split.part(name))]
        lines.append(f"{name} = [\n{''.join(names)}]")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
