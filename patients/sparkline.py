"""A course so small that it fits into a table's cell."""

from __future__ import annotations

WIDTH, HEIGHT, MARGIN = 72.0, 20.0, 2.0


def sparkline(volumes: list[float]) -> str:
    """The points of a line in a box of 72 x 20 units; empty for fewer than two volumes."""
    if len(volumes) < 2:
        return ""
    top = max(volumes) or 1.0
    step = (WIDTH - 2 * MARGIN) / (len(volumes) - 1)
    return " ".join(
        f"{MARGIN + n * step:.1f},{HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * volume / top:.1f}"
        for n, volume in enumerate(volumes)
    )
