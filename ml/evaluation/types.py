"""How well types are named: three classes first, since the tumour-free pictures tell themselves.

Those come from other scanners than the tumours, so a network may know them by their looks: the
figure over four classes is confounded, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

from ml.datasets.figshare import TUMOURS, TypedSlice
from ml.shares import share_interval
from ml.tumour_type import TypeModel
from ml.tumour_type.calibration import FloatMatrix, Numbers, expected_error, reliability

CONFOUNDED = (
    "Tumour-free pictures come from other scanners than the tumours, and their folds are not by "
    "patient: accuracy over four classes is confounded by how pictures look."
)


@dataclass(frozen=True)
class TypeAnswers:
    """What a model said of pictures: ``probabilities`` (N, classes), and the ``truth`` (N)."""

    classes: tuple[str, ...]
    truth: Numbers
    probabilities: FloatMatrix
    certain_from: float


def ask_types(model: TypeModel, slices: Sequence[TypedSlice]) -> TypeAnswers:
    """The model's answers. Raises ValueError for a label that it does not know, and for none."""
    classes = model.card.classes
    unknown = {one.label for one in slices} - set(classes)
    if unknown or not slices:
        raise ValueError(f"{model.card.name} does not know: {', '.join(sorted(unknown)) or '-'}")
    truth = np.array([classes.index(one.label) for one in slices], dtype=np.int64)
    logits = model.read_logits([one.stack for one in slices])
    calibration = model.card.calibration
    return TypeAnswers(classes, truth, calibration.apply(logits), calibration.certain_from)


def score_types(answers: TypeAnswers) -> dict[str, Any]:
    """The figures of ``python -m ml evaluate --dataset types`` that are about types.

    ``accuracy`` is by the likeliest of all classes, ``accuracy_three_class`` over the pictures with
    a tumour, by the likeliest of the three tumours; answers that the model calls uncertain count
    in both, and are reported apart.
    """
    classes, truth, probabilities = answers.classes, answers.truth, answers.probabilities
    named = probabilities.argmax(axis=1)
    bins = reliability(probabilities, truth)
    return {
        "pictures": len(truth),
        "classes": list(classes),
        "accuracy": float((named == truth).mean()),
        "accuracy_interval": _interval(named == truth),
        **_three_classes(classes, probabilities, truth),
        "uncertain": _uncertain(answers),
        "confusion": confusion_matrix(truth, named, labels=range(len(classes))).tolist(),
        "by_class": _by_class(classes, probabilities, truth),
        "calibration": {
            "expected_error": expected_error(bins),
            "bins": [asdict(one) for one in bins],
        },
        "note": CONFOUNDED,
    }


def _interval(right: np.ndarray[Any, np.dtype[np.bool_]]) -> list[float]:
    """95 % by Clopper and Pearson, as if pictures were independent, which those of one patient
    are not."""
    return list(share_interval(int(right.sum()), len(right)))


def _three_classes(
    classes: tuple[str, ...], probabilities: FloatMatrix, truth: Numbers
) -> dict[str, Any]:
    tumours = [classes.index(name) for name in TUMOURS]
    with_tumour = np.isin(truth, tumours)
    if not with_tumour.any():
        return {"accuracy_three_class": None, "accuracy_three_class_interval": None}
    best = np.array(tumours)[probabilities[with_tumour][:, tumours].argmax(axis=1)]
    right = best == truth[with_tumour]
    return {
        "accuracy_three_class": float(right.mean()),
        "accuracy_three_class_interval": _interval(right),
    }


def _uncertain(answers: TypeAnswers) -> dict[str, Any]:
    """How often the model does not commit itself, and how often it is right where it does."""
    certain = answers.probabilities.max(axis=1) >= answers.certain_from
    right = answers.probabilities.argmax(axis=1) == answers.truth
    return {
        "below": answers.certain_from,
        "share": float(1 - certain.mean()),
        "accuracy_of_the_others": float(right[certain].mean()) if certain.any() else None,
    }


def _by_class(
    classes: tuple[str, ...], probabilities: FloatMatrix, truth: Numbers
) -> dict[str, dict[str, float | None]]:
    numbers = range(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, probabilities.argmax(axis=1), labels=numbers, zero_division=0.0
    )
    return {
        name: {
            "precision": float(precision[n]),
            "recall": float(recall[n]),
            "f1": float(f1[n]),
            "auc": _auc(probabilities[:, n], truth == n),
            "pictures": int(support[n]),
        }
        for n, name in enumerate(classes)
    }


def _auc(
    sure: np.ndarray[Any, np.dtype[np.float64]], truth: np.ndarray[Any, np.dtype[np.bool_]]
) -> float | None:
    """The area under the curve of one class against the rest; None where either is missing."""
    if truth.all() or not truth.any():
        return None
    return float(roc_auc_score(truth, sure))


def types_as_table(found: dict[str, Any]) -> str:
    """The figures for a terminal, three classes first."""
    low, high = found["accuracy_interval"]
    lines = [""]
    if found["accuracy_three_class"] is not None:
        three_low, three_high = found["accuracy_three_class_interval"]
        lines.append(
            f"type, three classes: {found['accuracy_three_class']:.3f} "
            f"({three_low:.3f} to {three_high:.3f})"
        )
    uncertain = found["uncertain"]
    lines += [
        f"type, all classes (confounded): {found['accuracy']:.3f} ({low:.3f} to {high:.3f})",
        f"uncertain: {uncertain['share']:.1%}, expected calibration error "
        f"{found['calibration']['expected_error']:.3f}",
        f"{'':12}{'precision':>10}{'recall':>8}{'F1':>8}{'AUC':>8}{'pictures':>10}",
    ]
    for name, one in found["by_class"].items():
        auc = "-" if one["auc"] is None else f"{one['auc']:.3f}"
        lines.append(
            f"{name:12}{one['precision']:>10.3f}{one['recall']:>8.3f}{one['f1']:>8.3f}"
            f"{auc:>8}{one['pictures']:>10}"
        )
    return "\n".join(lines)
