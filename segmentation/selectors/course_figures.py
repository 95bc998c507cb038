"""What a response category rests on, as plain values that can be kept and compared."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ml.course import Change, Observation, Response

DIGITS = 4


def rests_on(one: Observation, response: Response) -> dict[str, Any]:
    """Everything that the rule used, so that a later look tells whether it is still so."""
    size = response.criterion.size
    return {
        "result": one.key,
        "value": _round(one.size(size)),
        "is_signed": one.is_signed,
        "baseline": _change(response.baseline),
        "nadir": _change(response.nadir),
        "new_lesions": one.new_lesions,
        "steroid_mg": one.steroid_mg,
        "clinical": str(one.clinical),
        "category": str(response.category),
        "is_preliminary": response.is_preliminary,
    }


def fingerprint(figures: dict[str, Any]) -> str:
    """A short name for the figures, by which a form says what its reader saw."""
    text = json.dumps(figures, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _change(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "result": change.since.key,
        "day": change.since.day.isoformat(),
        "value": _round(change.before),
        "steroid_mg": change.since.steroid_mg,
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
