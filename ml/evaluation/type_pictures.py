"""How types were named, as pictures: who was taken for whom, ROC curves, and calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from ml.evaluation.types import TypeAnswers
from ml.tumour_type.calibration import expected_error, reliability

NAME = "types.svg"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#444444")
DASHES = ("-", "--", "-.", ":")


def write_type_pictures(folder: Path, answers: TypeAnswers, *, title: str) -> Path:
    """``types.svg`` in ``folder``: confusion matrix, ROC curves and calibration side by side."""
    figure = Figure(figsize=(12, 3.9), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _confusion(left, answers)
    _curves(middle, answers)
    _calibration(right, answers)
    figure.suptitle(title)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    # Without a date, and with names that are not drawn by lot, the same answers give the same file.
    with rc_context({"svg.hashsalt": "sulcus"}):
        figure.savefig(path, metadata={"Date": None})
    return path


def _confusion(axes: Axes, answers: TypeAnswers) -> None:
    names = [name.replace("_", " ") for name in answers.classes]
    numbers = range(len(names))
    counts = confusion_matrix(answers.truth, answers.probabilities.argmax(axis=1), labels=numbers)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in numbers:
        for column in numbers:
            dark = shares[row, column] > 0.5
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    axes.set(xlabel="named", ylabel="true", xticks=numbers, yticks=numbers)
    axes.set_xticklabels(names, rotation=20, ha="right")
    axes.set_yticklabels(names)


def _curves(axes: Axes, answers: TypeAnswers) -> None:
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    for n, name in enumerate(answers.classes):
        truth = answers.truth == n
        if truth.all() or not truth.any():
            continue
        sure = answers.probabilities[:, n]
        false, true, _ = roc_curve(truth, sure)
        label = f"{name.replace('_', ' ')} {roc_auc_score(truth, sure):.3f}"
        axes.plot(false, true, DASHES[n % 4], color=COLOURS[n % 4], label=label)
    axes.set(xlabel="false positive share", ylabel="true positive share", aspect="equal")
    axes.legend(frameon=False, title="AUC, one against the rest", loc="lower right", fontsize=8)


def _calibration(axes: Axes, answers: TypeAnswers) -> None:
    bins = reliability(answers.probabilities, answers.truth)
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    axes.plot([one.sure for one in bins], [one.right for one in bins], "o-", color=COLOURS[0])
    for one in bins:
        place = (one.sure, one.right)
        axes.annotate(
            str(one.pictures), place, textcoords="offset points", xytext=(4, -11), fontsize=8
        )
    axes.set(
        xlabel="how sure",
        ylabel="how often right",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
        aspect="equal",
        title=f"expected calibration error {expected_error(bins):.3f}",
    )
