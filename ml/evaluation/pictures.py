"""Pictures of an evaluation: the worst and best cases, and how Dice and volumes are spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ml.evaluation.charts import draw_dice, draw_volumes
from ml.evaluation.gallery import Gallery, KeySlice
from ml.intensity import BoolArray

# Orange and blue of Okabe and Ito's palette, which people with any colour vision tell apart; on
# grey both stand out, and the line styles differ as well.
REFERENCE_COLOUR, MODEL_COLOUR = "#E69F00", "#56B4E9"
REFERENCE_STYLE: Any = "solid"
MODEL_STYLE: Any = (0, (3, 1.5))
WINDOW = (1.0, 99.5)
DOTS_PER_INCH = 150


def write_pictures(folder: Path, report: dict[str, Any], gallery: Gallery) -> list[Path]:
    """Writes the pictures of a report as PNG into ``folder``, made where there is none.

    ``worst.png`` and ``best.png`` where there are such cases, ``dice.png`` and ``volumes.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "worst.png": draw_cases(gallery.worst, title="Worst cases by Dice"),
        "best.png": draw_cases(gallery.best, title="Best cases by Dice"),
        "dice.png": draw_dice(report),
        "volumes.png": draw_volumes(report),
    }
    written = []
    for name, figure in figures.items():
        if figure is not None:
            figure.savefig(folder / name, dpi=DOTS_PER_INCH)
            written.append(folder / name)
    return written


def draw_cases(shown: list[KeySlice], *, title: str) -> Figure | None:
    """One column for each case: its slice bare above, and with both outlines below."""
    if not shown:
        return None
    figure = Figure(figsize=(3.4 * max(len(shown), 2), 8.2), layout="constrained")
    figure.suptitle(title, fontsize=13)
    axes = figure.subplots(2, len(shown), squeeze=False)
    for column, slice_ in enumerate(shown):
        _draw_slice(axes[0, column], slice_)
        _draw_slice(axes[1, column], slice_)
        _outline(axes[1, column], slice_.reference, REFERENCE_COLOUR, REFERENCE_STYLE)
        _outline(axes[1, column], slice_.mask, MODEL_COLOUR, MODEL_STYLE)
        axes[0, column].set_title(_caption(slice_), fontsize=9)
    figure.legend(
        handles=[
            Line2D([], [], color=REFERENCE_COLOUR, linestyle=REFERENCE_STYLE, label="reference"),
            Line2D([], [], color=MODEL_COLOUR, linestyle=MODEL_STYLE, label="model"),
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return figure


def _caption(slice_: KeySlice) -> str:
    """Dice is that of the whole scan, of which one slice is shown."""
    return (
        f"{slice_.case}\nDice of the scan {slice_.dice:.3f}\n"
        f"{slice_.sequence}, slice {slice_.number} of {slice_.slices}"
    )


def _draw_slice(axes: Axes, slice_: KeySlice) -> None:
    image = np.asarray(slice_.image, dtype=np.float32)
    tissue = image[image > 0]
    low, high = np.percentile(tissue, WINDOW) if tissue.size else (0.0, 1.0)
    row_mm, column_mm = slice_.pixel_mm or (1.0, 1.0)
    axes.imshow(image, cmap="gray", vmin=min(low, 0.0), vmax=high, aspect=row_mm / column_mm)
    # Captions in one line, whatever the pictures' heights.
    axes.set_anchor("N")
    axes.set_axis_off()
    if slice_.sides_known:
        # In the corners, which a head leaves black.
        for side, place in (("R", 0.05), ("L", 0.95)):
            axes.text(
                *(place, 0.95, side),
                transform=axes.transAxes,
                color="white",
                fontsize=11,
                ha="center",
                va="center",
            )


def _outline(axes: Axes, mask: BoolArray, colour: str, style: Any) -> None:
    # Half-way between a drawn pixel and its neighbour, the contour runs along the mask's edge; a
    # margin closes it where the mask touches the picture's.
    if not mask.any():
        return
    rows, columns = (np.arange(-1, side + 1) for side in mask.shape)
    padded = np.pad(mask, 1).astype(np.float32)
    axes.contour(
        columns, rows, padded, levels=[0.5], colors=[colour], linestyles=[style], linewidths=1.4
    )
