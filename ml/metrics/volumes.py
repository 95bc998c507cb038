"""How the volume of a mask differs from that of its reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.metrics.overlap import Counts, Values, ratio

# Half the width of the interval that holds 95 % of a normal distribution.
NORMAL_95 = 1.96


def volume_errors(counts: Counts, *, voxel: float) -> dict[str, Values]:
    """Volumes and their differences, each (...), for counts (..., 4).

    ``voxel`` is the volume of one voxel, in millilitres, or 1 to count voxels. The error is the
    model's volume less the reference's; the relative error is its share of the reference's volume
    and NaN where the reference is empty (Taha and Hanbury, BMC Medical Imaging 2015).
    """
    tp, fp, _, fn = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    reference, model = (tp + fn) * voxel, (tp + fp) * voxel
    error = model - reference
    undefined = np.full_like(reference, np.nan)
    return {
        "volume_reference": reference,
        "volume_model": model,
        "volume_error": error,
        "volume_error_absolute": np.abs(error),
        "volume_error_relative": ratio(error, reference, undefined),
    }


VOLUME_METRICS = tuple(volume_errors(np.zeros(4), voxel=1.0))


@dataclass(frozen=True)
class VolumeAgreement:
    """Bias and 95 % limits of agreement, in the unit of the volumes."""

    bias: float
    lower: float
    upper: float


def bland_altman(
    model: NDArray[np.float64], reference: NDArray[np.float64]
) -> VolumeAgreement | None:
    """The mean difference, model less reference, and 1.96 deviations to each side of it.

    Bland and Altman, Lancet 1986. Both arrays are (N,); None for fewer than two pairs, which have
    no deviation.
    """
    if len(model) < 2:
        return None
    difference = model - reference
    bias, reach = float(difference.mean()), NORMAL_95 * float(difference.std(ddof=1))
    return VolumeAgreement(bias, bias - reach, bias + reach)
