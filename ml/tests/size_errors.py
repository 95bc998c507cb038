"""How far the figures are from the truth, by how many voxels a lesion spans.

``python -m ml.tests.size_errors`` prints the tables of docs/measures.md: analytic ellipsoids on
grids of several spacings, along the axes and turned at random, their centres anywhere in a voxel.
``surface`` compares the estimate of the surface with ITK's, and ``time`` says how long it takes to
measure a lesion of 50 mL in a scan of 240 x 240 x 155 voxels.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import SimpleITK

from ml.measures import measure
from ml.prediction import make_grid
from ml.stacks import volume_to_slices
from ml.tests.ellipsoids import SPACINGS, Sizes, draw_ellipsoid, measured_lesion
from ml.tests.factories import ellipsoid, head, medical_image, ras_affine

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


def print_errors() -> None:
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


def itk_surface(mask: np.ndarray, spacing: Sizes) -> float:
    """The perimeter of ITK's label shapes, which is Crofton's over thirteen directions too."""
    image = SimpleITK.GetImageFromArray(np.pad(mask, 1).astype(np.uint8).T)
    image.SetSpacing(spacing)
    shapes = SimpleITK.LabelShapeStatisticsImageFilter()
    shapes.SetComputePerimeter(True)
    shapes.Execute(image)
    return float(shapes.GetPerimeter(1))


def print_surface() -> None:
    """Of ellipsoids turned at random whose semi-axes span five of the coarsest voxels or more."""
    print("| Spacing (mm) | Here | ITK |\n| --- | ---: | ---: |")
    for spacing in SPACINGS:
        rng = np.random.default_rng(6)
        errors = []
        for _ in range(EACH):
            body = draw_ellipsoid(rng, spacing, 5.0, is_turned=True)
            mask, affine = body.on_grid(spacing, rng.uniform(-0.5, 0.5, 3))
            found = (measured_lesion(mask, affine).surface_mm2, itk_surface(mask, spacing))
            errors.append(100 * np.abs(np.array(found) / body.surface_mm2 - 1))
        middle, worst = np.median(errors, axis=0), np.max(errors, axis=0)
        cells = " | ".join(f"{m:.1f} ({w:.1f}) %" for m, w in zip(middle, worst, strict=True))
        print(f"| {' x '.join(f'{s:g}' for s in spacing)} | {cells} |", flush=True)


def print_time() -> None:
    shape, affine = (240, 240, 155), ras_affine((1.0, 1.0, 1.0), (240, 240, 155))
    image = medical_image(head(shape), affine)
    mask = ellipsoid(shape, (90, 130, 80), (25, 22, 21.7))
    slices = volume_to_slices(image.values, affine)
    label = volume_to_slices(mask, affine).astype(bool)
    times = []
    for _ in range(5):
        start = time.process_time()
        found = measure(label, image=slices, grid=make_grid(image))
        times.append(time.process_time() - start)
    print(f"{found.volume_ml:.1f} mL, median of five: {np.median(times):.2f} s of one core")


PARTS = {"errors": print_errors, "surface": print_surface, "time": print_time}

if __name__ == "__main__":
    PARTS[sys.argv[1] if len(sys.argv) > 1 else "errors"]()
