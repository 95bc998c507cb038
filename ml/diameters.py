"""The two perpendicular diameters of a lesion, with the slice and the points they run between.

The longest diameter is the longest distance between two voxel centres of the lesion within one
axial slice; the perpendicular one is the longest chord at a right angle to it in that same slice.
These are the two diameters whose product RANO speaks of (Wen et al., J Clin Oncol 2010;28:1963)
and, after it, RECIST 1.1 for its short axes (Eisenhauer et al., Eur J Cancer 2009;45:228).

Both are measured on the outline, the convex hull of the voxel centres: the longest distance
between two points is always one between two corners of their hull, and a chord that is exactly
perpendicular can be had there, where pairs of voxel centres would only be nearly so and a small
lesion may have none. Its ends therefore may lie between two voxel centres. Such a chord always
crosses the longest diameter, as no point of the lesion lies beyond the ends of that.

Everything is worked out in millimetres in the plane of the slice, so spacing may be anisotropic
and the volume oblique or sheared. Without a known size of the voxel a pixel is taken as a square
of side one and lengths are in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist, squareform

from ml.intensity import BoolArray

FloatPoints = NDArray[np.float64]
# Lengths that differ by less than this share of a millimetre or pixel are the same length.
TIE = 1e-6


@dataclass(frozen=True)
class Line:
    """Two points in indices (Z, H, W) and the distance between them, in mm or in pixels."""

    length: float
    ends: FloatPoints


@dataclass(frozen=True)
class Diameters:
    """The lines of one lesion; a length is 0 where there is no line (one voxel; a straight row)."""

    longest: Line | None
    perpendicular: Line | None

    @property
    def lengths(self) -> tuple[float, float]:
        """The longest and the perpendicular length, in the units of the plane."""
        return (
            self.longest.length if self.longest else 0.0,
            self.perpendicular.length if self.perpendicular else 0.0,
        )

    def points(self, to_file: FloatPoints, corner: FloatPoints) -> dict[str, list[list[float]]]:
        """The ends as voxel indices [i, j, k] of the file, by ``longest`` and ``perpendicular``.

        ``corner`` (3) is where the lesion's own box begins in the stack; ``to_file`` (4 x 4) takes
        indices (Z, H, W) of the stack to those of the file. A line that there is not is left out.
        """
        lines = {"longest": self.longest, "perpendicular": self.perpendicular}
        return {
            name: _rounded((line.ends + corner) @ to_file[:3, :3].T + to_file[:3, 3])
            for name, line in lines.items()
            if line is not None
        }


def _rounded(points: FloatPoints) -> list[list[float]]:
    # Adding nothing turns the -0.0 of a flipped axis into 0.0.
    return [[round(float(value), 4) + 0.0 for value in point] for point in points]


def find_diameters(own: BoolArray, steps_mm: FloatPoints | None) -> Diameters:
    """The two diameters of the lesion ``own`` (Z, H, W).

    ``steps_mm`` is 3 x 3, the displacement in mm for one step along each axis, or None, which
    makes the lengths pixels. Among lines of the same length that with the longer perpendicular is
    taken, then that on the lower slice.
    """
    plane = plane_axes(steps_mm)
    best: list[tuple[float, Line, Line | None]] = []
    for z, outline, pairs, length in _longest_pairs(own, plane):
        for pair in pairs:
            across = _longest_chord(outline, pair)
            line = Line(length, _in_stack(outline[list(pair)], plane, z))
            if across is None:
                best.append((0.0, line, None))
                continue
            width = float(np.linalg.norm(across[1] - across[0]))
            best.append((width, line, Line(width, _in_stack(across, plane, z))))
    if not best:
        return Diameters(None, None)
    widest = max(width for width, _, _ in best)
    _, longest, perpendicular = next(row for row in best if row[0] >= widest - TIE)
    return Diameters(longest, perpendicular)


def plane_axes(steps_mm: FloatPoints | None) -> FloatPoints:
    """The steps along (H, W) in two right-angled axes of the slice's plane: 2 x 2, in mm.

    Distances and angles are those in the world, also where the affine is oblique or sheared.
    """
    if steps_mm is None:
        return np.eye(2)
    down, along = steps_mm[1], steps_mm[2]
    first = down / np.linalg.norm(down)
    rest = along - (along @ first) * first
    return np.array([[np.linalg.norm(down), 0.0], [along @ first, np.linalg.norm(rest)]])


def _longest_pairs(
    own: BoolArray, plane: FloatPoints
) -> list[tuple[int, FloatPoints, list[tuple[int, int]], float]]:
    """Slices that hold a longest line: (slice, outline in the plane, its pairs, their length)."""
    edges = {z: _row_ends(own[z]) @ plane for z in np.flatnonzero(own.any(axis=(1, 2)))}
    # No line is longer than the diagonal of a box around it: most slices need no closer look.
    reach = {z: float(np.linalg.norm(np.ptp(points, axis=0))) for z, points in edges.items()}
    longest, found = 0.0, []
    for z in sorted(edges, key=lambda z: -reach[z]):
        if len(edges[z]) < 2 or reach[z] < longest - TIE:
            continue
        outline = _outline(edges[z])
        distances = squareform(pdist(outline))
        length = float(distances.max())
        if length < longest - TIE:
            continue
        first, second = np.nonzero(np.triu(distances >= length - TIE, 1))
        pairs = [(int(a), int(b)) for a, b in zip(first, second, strict=True)]
        longest = max(longest, length)
        found.append((int(z), outline, pairs, length))
    return sorted((row for row in found if row[3] >= longest - TIE), key=lambda row: row[0])


def _row_ends(section: BoolArray) -> FloatPoints:
    """The first and the last pixel of each row (N, 2): no other can be a corner of the hull."""
    rows = np.flatnonzero(section.any(axis=1))
    first = section[rows].argmax(axis=1)
    last = section.shape[1] - 1 - section[rows, ::-1].argmax(axis=1)
    several = last > first
    rows = np.concatenate([rows, rows[several]])
    columns = np.concatenate([first, last[several]])
    return np.stack([rows, columns], axis=1).astype(np.float64)


def _outline(points: FloatPoints) -> FloatPoints:
    """The corners of the convex hull of ``points`` (N, 2) in order; two where all are in line."""
    if len(points) < 3:
        return points
    offsets = points - points[0]
    # In line: nothing sticks out sideways from the direction to the farthest point.
    far = offsets[np.linalg.norm(offsets, axis=1).argmax()]
    sideways = np.abs(offsets[:, 0] * far[1] - offsets[:, 1] * far[0]) / np.linalg.norm(far)
    if sideways.max() > TIE:
        try:
            corners: FloatPoints = points[ConvexHull(points).vertices]
        except QhullError:  # as good as in line, by Qhull's own measure
            pass
        else:
            return corners
    along = offsets @ far
    return points[[int(along.argmin()), int(along.argmax())]]


def _longest_chord(outline: FloatPoints, pair: tuple[int, int]) -> FloatPoints | None:
    """The ends (2, 2) of the hull's longest chord at a right angle to the line between ``pair``.

    The chord's length is concave along that line and straight between two corners, so it is
    longest at a corner. Where it is longest over a stretch, the middle of that is taken.
    """
    if len(outline) < 3:
        return None
    start, end = outline[pair[0]], outline[pair[1]]
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]])
    turned = np.roll(outline - start, -pair[0], axis=0)
    split = (pair[1] - pair[0]) % len(outline)
    one, other = turned[: split + 1], np.vstack([turned[split:], turned[:1]])[::-1]
    places = np.sort(turned @ along)
    high = np.interp(places, one @ along, one @ across)
    low = np.interp(places, other @ along, other @ across)
    widths = np.abs(high - low)
    widest = np.flatnonzero(widths >= widths.max() - TIE)
    if widths.max() <= TIE:
        return None
    place = (places[widest[0]] + places[widest[-1]]) / 2
    sides = [np.interp(place, chain @ along, chain @ across) for chain in (one, other)]
    return np.array([start + place * along + side * across for side in sides])


def _in_stack(points: FloatPoints, plane: FloatPoints, z: int) -> FloatPoints:
    """Points of the plane (2, 2) in indices (Z, H, W)."""
    in_slice = points @ np.linalg.inv(plane)
    return np.column_stack([np.full(len(points), float(z)), in_slice])
