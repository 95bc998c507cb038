"""The report as a table: aligned for a terminal, or in Markdown for the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from ml.evaluation.notes import WHOLE_FROM, number

LEVELS = {"by_patient": "by patient", "by_slice": "by slice", "pooled": "pooled"}
HEADER = ("", "mean", "95 % interval", "median", "95 % interval", "undefined")
POOLED_HEADER = ("", "value", "95 % interval")
WIDTH = 96

Row = tuple[str, ...]


def as_table(report: dict[str, Any]) -> str:
    """Title, one aligned block for each level, and the notes."""
    blocks = [_title(report)]
    for level in LEVELS:
        blocks.append("\n".join(_align(_rows(report, level))))
    notes = [textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in report["notes"]]
    return "\n\n".join([*blocks, "\n".join(notes)])


def as_markdown(report: dict[str, Any]) -> str:
    """The same as Markdown tables."""
    blocks = [_title(report)]
    for level in LEVELS:
        header, *rows = _rows(report, level)
        ruler = ("---", *("---:" for _ in header[1:]))
        blocks.append("\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows)))
    blocks.append("\n".join(f"- {note}" for note in report["notes"]))
    return "\n\n".join(blocks) + "\n"


def _title(report: dict[str, Any]) -> str:
    model, slices = report["model"], report["slices"]
    parts = [
        f"{report['dataset']}, {number(report['patients'], 'patient')}",
        number(report["scans"], "scan"),
        f"{number(slices['count'], 'slice')} ({slices['with_tumour']:,} with tumour)",
        f"model {model['name']} version {model['version']}",
        f"shown {', '.join(report['sequences'])}",
    ]
    bootstrap = report["bootstrap"]
    return (
        f"{', '.join(parts)}\n95 % intervals from {bootstrap['resamples']:,} resamples of the "
        f"patients, seed {bootstrap['seed']}"
    )


def _rows(report: dict[str, Any], level: str) -> Iterator[Row]:
    """The header and one row for each metric of ``level``."""
    header = POOLED_HEADER if level == "pooled" else HEADER
    yield (LEVELS[level], *header[1:])
    for metric, figures in report[level].items():
        digits = 3 if figures.get("unit") is None else 2
        name = f"{metric} [{figures['unit']}]" if "unit" in figures else metric
        if level == "pooled":
            yield (name, _value(figures["value"], digits), _span(figures["interval"], digits))
            continue
        yield (
            name,
            _value(figures["mean"], digits),
            _span(figures["interval"], digits),
            _value(figures["median"], digits),
            _span(figures["median_interval"], digits),
            str(figures["undefined"] or ""),
        )


def _value(value: float | None, digits: int) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:,.{digits}f}"


def _span(interval: list[float] | None, digits: int) -> str:
    if interval is None:
        return "-"
    return " to ".join(_value(end, digits) for end in interval)


def _align(rows: Iterator[Row]) -> list[str]:
    """Names to the left, figures to the right."""
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
