"""Which patients train, choose and judge: written down, so that a figure can be checked."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SPLITS = Path(__file__).resolve().parent.parent / "splits"
PARTS = ("train", "validation", "test")
SAME_PATIENTS = Path(__file__).resolve().parent / "same_patients.toml"


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
    """The split in a TOML file with the lists ``train``, ``validation`` and ``test``.

    Raises ValueError where a list is missing or a patient stands in two.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    for name in PARTS:
        if not isinstance(document.get(name), list):
            raise ValueError(f"{path} has no list {name!r}")
    return PatientSplit(*(frozenset(document[name]) for name in PARTS))


@lru_cache(maxsize=1)
def _other_names() -> dict[str, str]:
    return tomllib.loads(SAME_PATIENTS.read_text(encoding="utf-8"))


def person_of(patient: str) -> str:
    """One name for a patient who stands in several data sets (``same_patients.toml``)."""
    return _other_names().get(patient, patient)


def find_split(name: str, root: Path) -> Path:
    """One of the project's own splits, else one that came with the data below ``root``."""
    known = SPLITS / name
    return known if known.exists() else root / name


def patients_in(name: str, root: Path, parts: Collection[str]) -> frozenset[str]:
    """Who stands in ``parts`` of the split that :func:`find_split` finds."""
    split = read_split(find_split(name, root))
    return frozenset[str]().union(*(split.part(part) for part in parts))


def make_split(
    patients: Collection[str],
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


def make_folds(
    patients: Collection[str], *, count: int, seed: int, spread: Collection[str] = ()
) -> tuple[PatientSplit, ...]:
    """``count`` splits for cross-validation, in which each patient judges in exactly one.

    The patients are dealt into ``count`` groups whose sizes differ by one at most; each group in
    turn is the test part, the next one the validation part, and the others train. Those to
    ``spread`` are dealt first, so that no group has more of a rare kind than it must. The same
    patients and seed give the same folds, whatever order they come in. Raises ValueError for
    fewer than three folds or fewer patients than folds.
    """
    if count < 3:
        raise ValueError("cross-validation needs at least 3 folds: train, validation and test")
    shuffled = sorted(set(patients))
    if len(shuffled) < count:
        raise ValueError(f"{len(shuffled)} patients are too few for {count} folds")
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a split is no secret
    shuffled.sort(key=lambda name: name not in spread)
    groups = [frozenset(shuffled[start::count]) for start in range(count)]
    everybody = frozenset(shuffled)
    return tuple(
        PatientSplit(everybody - judges - choosers, choosers, judges)
        for judges, choosers in zip(groups, [*groups[1:], groups[0]], strict=True)
    )


def write_split(path: Path, split: PatientSplit, *, header: str) -> None:
    """Writes the split as TOML under a comment that says how it was made."""
    lines = [f"# {line}" for line in header.splitlines()]
    for part in PARTS:
        # JSON's strings are TOML's too, whatever sign a name has.
        quoted = (json.dumps(name, ensure_ascii=False) for name in sorted(split.part(part)))
        names = [f"    {name},\n" for name in quoted]
        lines.append(f"{part} = [\n{''.join(names)}]")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
