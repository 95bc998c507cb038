"""The type of tumour of a result in words: the page, the report and the tables say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.tumour_type import type_model_ships
from ml.tumour_type.model import UNCERTAIN
from patients.models import Scan
from segmentation.models import Segmentation
from segmentation.naming import is_nameable

NO_TUMOUR = "no_tumour"
LABELS = {
    "glioma": "Glioma",
    "meningioma": "Meningioma",
    "pituitary": "Pituitary tumour",
    NO_TUMOUR: "No tumour",
    UNCERTAIN: "Uncertain",
}
NOT_ASKED = "The type was not worked out for this version. Run the scan again to have it."
NO_MASK = (
    "The mask is empty, but the picture is named {type}: one of the two is wrong. Please look for "
    "a tumour on the picture itself."
)
NO_TYPE = (
    "There is a mask, but the picture is named “no tumour”: one of the two is wrong. Please judge "
    "the picture itself."
)
NOT_CALIBRATED = "These probabilities are as the network gives them, and checked on no pictures."


@dataclass(frozen=True)
class TypeRow:
    """One answer that the model has; ``share`` is its probability, ``caveat`` goes beside it."""

    label: str
    share: float
    is_named: bool
    caveat: str = ""

    @property
    def percent(self) -> str:
        return percent_words(self.share)

    @property
    def width(self) -> str:
        """Of its bar, where all of it is 100; with a point, whatever the language."""
        return f"{100 * self.share:.2f}"


@dataclass(frozen=True)
class ShownType:
    """What a page says of a type; ``without`` says why there is none, and the rest is then empty.

    ``limit`` is the probability from which the model commits itself, ``contradiction`` a sentence
    where the mask says otherwise, ``evidence_of`` the answer whose evidence there is a picture of.
    """

    without: str = ""
    rows: tuple[TypeRow, ...] = ()
    verdict: str = ""
    is_certain: bool = False
    likeliest: str = ""
    likeliest_percent: str = ""
    limit: float = 0.0
    calibrated_on: int = 0
    contradiction: str = ""
    evidence_of: str = ""
    source: str = ""
    sha256: str = ""
    of_version: int | None = None
    confounded: str = ""
    seen: tuple[str, ...] = ()
    not_seen: tuple[str, ...] = ()

    @property
    def limit_percent(self) -> str:
        return percent_words(self.limit)

    @property
    def limit_position(self) -> str:
        return f"{100 * self.limit:.2f}"

    @property
    def in_short(self) -> str:
        """Such as "Glioma, 94.3 %" or "Uncertain; likeliest glioma, 61.0 %"."""
        if self.without:
            return self.without
        if self.is_certain:
            return f"{self.verdict}, {self.likeliest_percent}"
        return (
            f"{self.verdict}; likeliest {in_a_sentence(self.likeliest)}, {self.likeliest_percent}"
        )


def show_type(scan: Scan, result: Segmentation) -> ShownType | None:
    """None for a scan that no type is named of, or where no model for it is installed."""
    facts = result.tumour_type
    if not facts:
        asks = is_nameable(scan) and type_model_ships()
        return ShownType(without=NOT_ASKED) if asks else None
    if facts["without"]:
        return ShownType(without=facts["without"], of_version=facts["of_version"])
    return _shown(facts, result)


def _shown(facts: dict[str, Any], result: Segmentation) -> ShownType:
    probabilities: dict[str, float] = facts["probabilities"]
    verdict, best = facts["verdict"], max(probabilities, key=probabilities.__getitem__)
    confounded = facts["confounded"]
    ordered = sorted(probabilities.items(), key=lambda item: (item[0] == NO_TUMOUR, -item[1]))
    return ShownType(
        rows=tuple(
            TypeRow(label(name), p, name == verdict, confounded if name == NO_TUMOUR else "")
            for name, p in ordered
        ),
        verdict=label(verdict),
        is_certain=verdict != UNCERTAIN,
        likeliest=label(best),
        likeliest_percent=percent_words(probabilities[best]),
        limit=facts["certain_from"],
        calibrated_on=facts["calibrated_on"],
        contradiction=_contradiction(verdict, result),
        evidence_of=label(facts["evidence_of"]) if facts["evidence_of"] else "",
        source=f"{facts['model']} {facts['version']}",
        sha256=facts["sha256"],
        of_version=facts["of_version"],
        confounded=confounded,
        seen=tuple(facts["seen"]),
        not_seen=tuple(facts["not_seen"]),
    )


def _contradiction(verdict: str, result: Segmentation) -> str:
    """Where the mask and a certain verdict cannot both be right; empty where they can."""
    if verdict == NO_TUMOUR and result.voxels:
        return NO_TYPE
    if verdict not in (NO_TUMOUR, UNCERTAIN) and result.found_nothing:
        return NO_MASK.format(type=in_a_sentence(label(verdict)))
    return ""


def label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def in_a_sentence(words: str) -> str:
    return words[:1].lower() + words[1:]


def percent_words(share: float) -> str:
    """``94.3 %``; the ends of the scale are never reached by rounding."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"
