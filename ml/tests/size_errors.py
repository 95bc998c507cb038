"""How far the figures are from the truth, by how many voxels a lesion spans.

``python -m ml.tests.size_errors`` prints the table of docs/measures.md: analytic ellipsoids on
grids of several spacings, along the axes and turned at random, their centres anywhere in a voxel.
"""

from __future__ import annotations

import numpy as np

from ml.tests.ellipsoids import SPACINGS, Sizes, draw_ellipsoid, measured_lesion

SPANS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
EACH = 10
HEAD = (
    "| Voxels a semi-axis spans | Volume | Axial diameters | 3D diameter | Surface | Sphericity |"
)
LINE = "| ---: | ---: | ---: | ---: | ---: | ---: |"


def errors_of(
    rng: np.random.Generator, spacing: Sizes, span: float, is_turned: bool
) -> list[float]:
    """Errors of volume (%), axial diameters and 3D (voxels), surface (%) and sphericity."""
    body = draw_ellipsoid(rng, spacing, span, is_turned=is_turned)
    offset = rng.uniform(-0.5, 0.5, 3)
    lesion = measured_lesion(*body.on_grid(spacing, offset))
    sphericity = (36 * np.pi * (1000 * body.volume_ml) ** 2) ** (1 / 3) / body.surface_mm2
    found = (lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm)
    # A voxel seen along any line is at most its diagonal long.
    apart = np.subtract(found, body.diameters_mm(offset[2] * spacing[2])) / np.linalg.norm(
        spacing[:2]
    )
    along = (lesion.longest_3d_mm - 2 * max(body.radii_mm)) / np.linalg.norm(spacing)
    return [
        100 * (lesion.voxels * np.prod(spacing) / 1000 / body.volume_ml - 1),
        float(apart[np.abs(apart).argmax()]),
        float(along),
        100 * (lesion.surface_mm2 / body.surface_mm2 - 1),
        float("nan") if lesion.sphericity is None else lesion.sphericity - sphericity,
    ]


def main() -> None:
    for is_turned, where in ((False, "along the grid's axes"), (True, "turned at random")):
        rng = np.random.default_rng(5)
        print(f"\nSemi-axes {where}:\n\n{HEAD}\n{LINE}")
        for span in SPANS:
            rows = [errors_of(rng, s, span, is_turned) for s in SPACINGS for _ in range(EACH)]
            print(as_row(span, np.abs(rows)), flush=True)


def as_row(span: float, errors: np.ndarray) -> str:
    """The median of each error, and the worst in brackets."""
    units = ((1, " %"), (2, ""), (2, ""), (1, " %"), (3, ""))
    known = [column[~np.isnan(column)] for column in errors.T]
    cells = [
        f"{np.median(column):.{places}f} ({column.max():.{places}f}){unit}" if len(column) else "-"
        for column, (places, unit) in zip(known, units, strict=True)
    ]
    return f"| {span:g} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
