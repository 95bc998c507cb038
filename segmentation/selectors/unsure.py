"""Where a model was unsure, in figures for a reader."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from patients.models import Scan
from segmentation.models import Segmentation


def unsure_figures(result: Segmentation) -> dict[str, Any] | None:
    """What is kept of a result's unsure voxels, with ``volume_ml``; None where there is no map.

    The volume is null where the scan's voxels have no reliable size, so it is not kept but worked
    out: what is said of the size can be corrected later.
    """
    if result.unsure is None:
        return None
    each = voxel_ml(result.scan)
    volume = None if each is None else round(result.unsure["voxels"] * each, 4)
    return {**result.unsure, "volume_ml": volume}


def voxel_ml(scan: Scan) -> float | None:
    """The volume of one voxel in mL; None where there is no reliable spacing."""
    if scan.spacing_mm is None or not scan.spacing_is_reliable:
        return None
    if scan.affine is not None:
        return float(abs(np.linalg.det(np.asarray(scan.affine)[:3, :3]))) / 1000
    return math.prod(scan.spacing_mm) / 1000
