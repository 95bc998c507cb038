"""What a run leaves behind to be read: its log, its curves, and the card of its weights."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from ml.cards import write_toml
from ml.evaluation.gallery import Gallery
from ml.evaluation.pictures import DOTS_PER_INCH, draw_cases
from ml.models import file_sha256
from ml.training.config import TrainingConfig
from ml.training.run import LogRow, Run

LOG = "log.csv"
CURVES = "curves.svg"
DIGITS = {"epoch": 0, "steps": 0, "cut": 0, "minutes": 1, "learning_rate": 8}


def write_records(log: list[LogRow], folder: Path) -> None:
    """``log.csv`` and ``curves.svg`` of a run so far, each written anew."""
    _write_log(log, folder / LOG)
    draw_curves(log, folder / CURVES)


def _write_log(log: list[LogRow], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(log[0])
        for row in log:
            writer.writerow(f"{value:.{DIGITS.get(name, 4)}f}" for name, value in row.items())


def draw_curves(log: list[LogRow], path: Path) -> None:
    """The loss and the validation Dice over the epochs, as one picture."""
    epochs = [row["epoch"] for row in log]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["loss"] for row in log], marker=".", color="#444444")
    left.set(xlabel="epoch", ylabel="training loss")
    judged = [name for name in log[0] if name not in DIGITS and name != "loss"]
    for name in judged:
        right.plot(epochs, [row[name] for row in log], marker=".", label=name.removeprefix("dice_"))
    is_dice = all(name.startswith("dice_") for name in judged)
    words = "validation Dice (mean of patients)" if is_dice else "validation"
    right.set(xlabel="epoch", ylabel=words, ylim=(0, 1))
    if len(log[0]) > len(DIGITS) + 1:
        right.legend(frameon=False, loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    # Without a date, and with names that are not drawn by lot, the same run gives the same file.
    with rc_context({"svg.hashsalt": "sulcus"}):
        figure.savefig(path, metadata={"Date": None})


def write_examples(examples: Gallery, folder: Path) -> None:
    """``worst.png`` and ``best.png``: validation cases with the reference and the model's mask."""
    for name, shown in (("worst", examples.worst), ("best", examples.best)):
        figure = draw_cases(shown, title=f"Validation, {name} by Dice")
        if figure is not None:
            figure.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH)


def write_card(config: TrainingConfig, weights: Path, run: Run) -> Path:
    """The card beside ``weights``: how to build and feed the network, and where it comes from."""
    path = weights.with_suffix(".toml")
    write_toml(
        path,
        {
            "name": config.name,
            "version": config.version,
            "sequences": list(config.sequences),
            **({} if config.classes else _drawing(config)),
            "sha256": file_sha256(weights),
            **({"regions": list(config.regions)} if config.regions else {}),
            **({"classes": list(config.classes)} if config.classes else {}),
            "labels": dict(config.labels),
            "reading": config.reading.as_table(),
            "network": config.network.as_table(),
            "preparation": config.preparation.as_table(),
            "about": {
                "task": config.about,
                **config.card,
                "epoch": run.epoch,
                "steps": run.step,
                "minutes": round(run.seconds / 60, 1),
                "training_data": [
                    f"{source.dataset} ({source.split}: {', '.join(source.train_on)})"
                    for source in config.sources
                ],
            },
        },
    )
    return path


def _drawing(config: TrainingConfig) -> dict[str, Any]:
    """How a mask is drawn from probabilities, which naming types has no use for."""
    return {"threshold": config.threshold, "least_voxels": config.least_voxels}
