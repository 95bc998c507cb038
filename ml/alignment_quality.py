"""How far an alignment of two heads can be trusted, in figures that need no truth.

The mutual information is the normalised one of Studholme, Hill and Hawkes ("An overlap invariant
entropy measure of 3D medical image alignment", Pattern Recognition 1999): 1 where neither scan
says anything of the other, 2 where each follows from the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ml.errors import RegistrationError
from ml.intensity import BoolArray, FloatArray, head_mask

Matrix = NDArray[np.float64]

BINS = 32
DISPLACED_MM = 10.0
# Pairs of one head, aligned, have peaks from 3 (another sequence) to 15, with or without the skull;
# noise, bare shapes and misfits stay at 1.3 and below.
LEAST_SHARE = 0.35
LEAST_OVERLAP = 0.6
LEAST_PEAK = 1.5
MOST_DEGREES = 60.0


@dataclass(frozen=True)
class AlignmentQuality:
    """Figures of an alignment.

    ``information_before`` and ``_after`` are normalised mutual information, 1 to 2. ``overlap``
    (and ``overlap_before``) is the Dice of the two heads where both were scanned, ``share`` the
    part of the earlier head that the later scan covers. ``peak`` compares the information with
    that of the same scans ``DISPLACED_MM`` apart: 1 is no better than that. ``degrees`` is the
    turn and ``moved_mm`` how far the middle of the head moved.
    """

    information_before: float
    information_after: float
    overlap_before: float
    overlap: float
    share: float
    peak: float
    degrees: float
    moved_mm: float


def judge_alignment(
    earlier: FloatArray,
    earlier_affine: Matrix,
    later: FloatArray,
    later_affine: Matrix,
    matrix: Matrix,
) -> AlignmentQuality:
    """The figures of ``matrix`` (RAS+ mm, earlier to later) for two scans (X, Y, Z)."""
    pair = _Pair(earlier, earlier_affine, later, later_affine)
    before, overlap_before, _ = pair.compare(np.eye(4))
    after, overlap, share = pair.compare(matrix)
    apart = [pair.compare(_shift(axis, way) @ matrix)[0] for axis in range(3) for way in (-1, 1)]
    middle = np.append(pair.middle, 1.0)
    return AlignmentQuality(
        information_before=before,
        information_after=after,
        overlap_before=overlap_before,
        overlap=overlap,
        share=share,
        peak=(after - 1) / max(float(np.mean(apart)) - 1, 1e-6),
        degrees=float(np.degrees(Rotation.from_matrix(matrix[:3, :3]).magnitude())),
        moved_mm=float(np.linalg.norm((matrix @ middle - middle)[:3])),
    )


def judge(quality: AlignmentQuality) -> None:
    """Raises RegistrationError, in one plain sentence, for figures not to be trusted."""
    if quality.share < LEAST_SHARE:
        problem = "the later one covers too little of the head that the earlier one shows"
    elif quality.degrees > MOST_DEGREES:
        problem = "one of them seems to state a wrong orientation"
    elif quality.overlap < LEAST_OVERLAP or quality.peak < LEAST_PEAK:
        problem = "no position was found in which they clearly fit"
    else:
        return
    raise RegistrationError(f"The two scans could not be aligned: {problem}.")


class _Pair:
    """Two scans, compared at the head's voxels of the earlier one and a rim round it."""

    def __init__(
        self,
        earlier: FloatArray,
        earlier_affine: Matrix,
        later: FloatArray,
        later_affine: Matrix,
    ) -> None:
        head = _head(earlier)
        near = ndimage.binary_dilation(head, iterations=3)
        self.points = earlier_affine @ _homogeneous(np.argwhere(near))
        self.values = _binned(np.asarray(earlier, dtype=np.float32))[near]
        self.inside = head[near]
        self.middle = (earlier_affine @ _homogeneous(np.argwhere(head))).mean(axis=1)[:3]
        self.later = np.asarray(later, dtype=np.float32)
        self.later_head = _head(later).astype(np.float32)
        self.to_index = np.linalg.inv(later_affine)

    def compare(self, matrix: Matrix) -> tuple[float, float, float]:
        """Normalised mutual information, Dice of the heads, share of the head in view."""
        index = (self.to_index @ matrix @ self.points)[:3]
        last = np.array(self.later.shape).reshape(3, 1) - 0.5
        seen = np.all((index > -0.5) & (index < last), axis=0)
        share = float((seen & self.inside).sum() / max(int(self.inside.sum()), 1))
        if seen.sum() < BINS * BINS:
            return 1.0, 0.0, share
        index = index[:, seen]
        values = ndimage.map_coordinates(self.later, index, order=1, mode="nearest")
        head = ndimage.map_coordinates(self.later_head, index, order=0, mode="nearest") > 0
        both = int((head & self.inside[seen]).sum())
        whole = int(head.sum()) + int(self.inside[seen].sum())
        information = normalised_information(self.values[seen], _binned(values))
        return information, 2 * both / max(whole, 1), share


def normalised_information(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """(H(A) + H(B)) / H(A, B) of two lists of bins below ``BINS``; 1 where both are even."""
    joint = np.bincount(first * BINS + second, minlength=BINS * BINS).reshape(BINS, BINS)
    shares = joint / max(int(joint.sum()), 1)
    together = entropy(shares)
    if together == 0:
        return 1.0
    return (entropy(shares.sum(axis=0)) + entropy(shares.sum(axis=1))) / together


def entropy(shares: NDArray[np.float64]) -> float:
    """Of shares (any shape) that sum up to 1, in nats."""
    known = shares[shares > 0]
    return float(-(known * np.log(known)).sum())


def _binned(values: FloatArray) -> NDArray[np.int64]:
    """Grey values as bins, the brightest half per cent in the last one."""
    positive = values[values > 0]
    top = float(np.percentile(positive, 99.5)) if positive.size else 1.0
    bins: NDArray[np.int64] = np.clip(values / top * BINS, 0, BINS - 1).astype(np.int64)
    return bins


def _head(values: FloatArray) -> BoolArray:
    filled: BoolArray = ndimage.binary_fill_holes(ndimage.binary_opening(head_mask(values)))
    return filled


def _homogeneous(indices: NDArray[np.int64]) -> Matrix:
    """Indices (N, 3) as columns (4, N)."""
    return np.vstack([indices.T.astype(np.float64), np.ones(len(indices))])


def _shift(axis: int, way: int) -> Matrix:
    moved = np.eye(4)
    moved[axis, 3] = way * DISPLACED_MM
    return moved
