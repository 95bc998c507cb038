"""A lasting name for each lesion of a patient, from the links between pairs of examinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ml.course.matching import Link

Links = Mapping[tuple[str, str], Sequence[Link]]
"""By the keys of the earlier and the later examination; pairs that nobody compared are absent."""


@dataclass(frozen=True)
class Shown:
    """The lesions of one examination, by their numbers there (the largest is 1)."""

    key: str
    day: date
    family: str
    lesions: tuple[int, ...]


@dataclass(frozen=True)
class Named:
    """``names`` by the number of the lesion in the examination; names count from 1 for a patient.

    ``new`` are the names that no examination of an earlier day shows, and None where that is not
    known. ``missing`` are the keys of the examinations that it was not compared with although
    that would tell, the newest first.
    """

    names: dict[int, int]
    new: tuple[int, ...] | None
    missing: tuple[str, ...]


def name_lesions(examinations: Sequence[Shown], links: Links) -> dict[str, Named]:
    """The names in each of ``examinations``, which stand in their order in time.

    A lesion takes the name of the one it is linked to in the newest earlier examination of its
    family that shows it, so one that is gone and comes back is the same. Where two have merged the
    older name stays; the parts of one that split share its name. What is linked to none gets the
    next name, and a name is never given twice, also not in another family.
    """
    return _Naming(links).run(examinations)


class _Naming:
    def __init__(self, links: Links) -> None:
        self.links = links
        self.given: dict[str, Named] = {}
        self.first_day: dict[int, date] = {}
        # Names first given while a comparison was missing: the lesion may be an older one.
        self.uncertain: set[int] = set()

    def run(self, examinations: Sequence[Shown]) -> dict[str, Named]:
        for at, one in enumerate(examinations):
            earlier = [other for other in examinations[:at] if other.family == one.family]
            self.given[one.key] = self._name(one, earlier)
        return self.given

    def _name(self, one: Shown, earlier: Sequence[Shown]) -> Named:
        names, missing = self._inherit(one, [other for other in reversed(earlier) if other.lesions])
        for number in one.lesions:
            if number not in names:
                names[number] = self._next(one.day, is_certain=not missing)
        return Named(names, self._new(one, names, earlier), tuple(missing))

    def _inherit(self, one: Shown, earlier: Sequence[Shown]) -> tuple[dict[int, int], list[str]]:
        """The names from ``earlier``, the newest first, and what could not be asked."""
        names: dict[int, int] = {}
        missing: list[str] = []
        for other in earlier:
            open_ = [number for number in one.lesions if number not in names]
            if not open_:
                break
            found = self.links.get((other.key, one.key))
            if found is None:
                missing.append(other.key)
                continue
            known = self.given[other.key].names
            for number in open_:
                linked = [known[x.earlier] for x in found if x.later == number]
                if linked:
                    names[number] = min(linked)
        return names, missing

    def _next(self, day: date, *, is_certain: bool) -> int:
        name = len(self.first_day) + 1
        self.first_day[name] = day
        if not is_certain:
            self.uncertain.add(name)
        return name

    def _new(
        self, one: Shown, names: dict[int, int], earlier: Sequence[Shown]
    ) -> tuple[int, ...] | None:
        if all(other.day == one.day for other in earlier):
            return ()
        own = sorted({name for name in names.values() if self.first_day[name] == one.day})
        return None if self.uncertain.intersection(own) else tuple(own)
