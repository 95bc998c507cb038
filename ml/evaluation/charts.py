"""How Dice is spread over the patients, and how well volumes agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ml.evaluation.notes import WHOLE_FROM, number

DOT, LINE, BAND = "#0072B2", "#444444", "#D55E00"
BIN = 0.05


def draw_dice(report: dict[str, Any]) -> Figure:
    """Each patient's Dice: their histogram, and one dot a patient in order, with the mean."""
    dice = report["by_patient"]["dice"]
    values = np.sort(np.array(list(dice["patients"].values()), dtype=np.float64))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(_title(report, "Dice by patient"), fontsize=11)
    histogram, strip = figure.subplots(1, 2, sharex=True)
    histogram.hist(values, bins=np.arange(0, 1 + BIN, BIN), color=DOT, edgecolor="white")
    histogram.set(xlabel="Dice", ylabel="patients", xlim=(0, 1.02))
    histogram.yaxis.get_major_locator().set_params(integer=True)
    strip.plot(values, np.arange(1, len(values) + 1), "o", color=DOT, markersize=4)
    strip.axvline(dice["mean"], color=BAND, label=f"mean {dice['mean']:.3f}")
    if dice["interval"]:
        low, high = dice["interval"]
        strip.axvspan(
            low, high, color=BAND, alpha=0.15, label=f"95 % interval {low:.3f} to {high:.3f}"
        )
    strip.set(xlabel="Dice", ylabel="patients, from worst to best")
    strip.yaxis.get_major_locator().set_params(integer=True)
    strip.legend(frameon=False, fontsize=8, loc="upper left")
    _tidy(histogram, strip)
    return figure


def draw_volumes(report: dict[str, Any]) -> Figure | None:
    """Model against reference, and their difference against their mean (Bland and Altman 1986).

    None for fewer than two patients, who have no limits of agreement.
    """
    agreement = report["volume_agreement"]
    if agreement is None:
        return None
    by_patient = report["by_patient"]
    pairs = zip(
        by_patient["volume_model"]["patients"].values(),
        by_patient["volume_reference"]["patients"].values(),
        strict=True,
    )
    kept = [pair for pair in pairs if None not in pair]
    model, reference = np.array(kept, dtype=np.float64).T
    unit = agreement["unit"]
    figure = Figure(figsize=(9, 4), layout="constrained")
    figure.suptitle(_title(report, "Tumour volume by patient"), fontsize=11)
    against, difference = figure.subplots(1, 2)
    top = 1.05 * max(model.max(), reference.max(), 1e-9)
    against.plot([0, top], [0, top], color=LINE, linewidth=0.8, label="equal")
    against.plot(reference, model, "o", color=DOT, markersize=4)
    against.set(xlabel=f"reference [{unit}]", ylabel=f"model [{unit}]", aspect="equal")
    against.legend(frameon=False, fontsize=8, loc="upper left")
    difference.plot((model + reference) / 2, model - reference, "o", color=DOT, markersize=4)
    difference.axhline(0, color=LINE, linewidth=0.6)
    _level(difference, agreement["bias"], "bias", unit, "solid")
    _level(difference, agreement["upper"], "+1.96 SD", unit, "dashed")
    _level(difference, agreement["lower"], "-1.96 SD", unit, "dashed")
    difference.set(
        xlabel=f"mean of model and reference [{unit}]", ylabel=f"model less reference [{unit}]"
    )
    difference.margins(y=0.15)
    _tidy(against, difference)
    return figure


def _level(axes: Any, value: float, name: str, unit: str, style: str) -> None:
    """A horizontal line with its name and value above its right end."""
    axes.axhline(value, color=BAND, linestyle=style, linewidth=1.2)
    digits = 0 if abs(value) >= WHOLE_FROM else 1
    axes.annotate(
        f"{name} {value:+,.{digits}f} {unit}".replace("-", "\N{MINUS SIGN}"),
        (1.0, value),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        color=BAND,
        # Legible where it lies over a dot.
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
    )


def _title(report: dict[str, Any], what: str) -> str:
    model = report["model"]
    return (
        f"{what}: {model['name']} version {model['version']} on {report['dataset']}, "
        f"{number(report['patients'], 'patient')}"
    )


def _tidy(*all_axes: Any) -> None:
    for axes in all_axes:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
