"""How a scan lies on the template, whether that is to be trusted, and why not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ml.intensity import BoolArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class FitQuality:
    """Figures of a fit, each of which tells without any truth how good it is.

    ``information`` is the mutual information of template and scan (nats) inside the brain, where
    its outline has no say; ``peak`` its ratio to that of the same scan 10 mm away; ``overlap`` the
    Dice of the two brains' outlines where the scan was taken; ``seen`` the share of the template
    that the scan shows; ``least_size`` and ``most_size`` how large the head is against the template
    along the axes in which it is smallest and largest; ``degrees`` how far it is turned.
    """

    information: float
    peak: float
    overlap: float
    seen: float
    least_size: float
    most_size: float
    degrees: float


@dataclass(frozen=True)
class TemplateFit:
    """``matrix`` (4 x 4) takes RAS+ millimetres of the scan to those of the template (MNI).

    Where ``trusted`` is false, ``reason`` says why in plain words, and ``matrix`` and ``quality``
    are None if nothing was tried.
    """

    matrix: tuple[tuple[float, ...], ...] | None
    trusted: bool
    reason: str = ""
    quality: FitQuality | None = None

    @classmethod
    def refused(cls, reason: str) -> Self:
        return cls(None, trusted=False, reason=reason)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The fit that ``as_dict`` gave; raises KeyError or TypeError for anything else."""
        matrix, quality = values["matrix"], values["quality"]
        return cls(
            matrix=None if matrix is None else tuple(tuple(row) for row in matrix),
            trusted=bool(values["trusted"]),
            reason=str(values["reason"]),
            quality=None if quality is None else FitQuality(**quality),
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @property
    def to_template(self) -> Matrix:
        """The matrix as an array; raises ValueError where there is none."""
        if self.matrix is None:
            raise ValueError(f"the scan was not fitted: {self.reason}")
        return np.array(self.matrix, dtype=np.float64)


def brain_in_scan(
    brain: BoolArray, template_affine: Matrix, to_template: Matrix, shape: tuple[int, ...]
) -> BoolArray:
    """``brain`` (on the template's grid) on a grid of ``shape`` whose indices ``to_template``
    takes to the template's millimetres; slab by slab, so that a large scan needs no more memory.
    """
    to_index = np.linalg.inv(template_affine) @ to_template
    last = np.array(brain.shape).reshape(3, 1)
    carried = np.zeros(shape, dtype=np.bool_)
    rows, columns = np.indices(shape[1:]).reshape(2, -1)
    in_slab = to_index[:3, 1:3] @ np.stack([rows, columns]) + to_index[:3, 3:]
    for first in range(shape[0]):
        index = np.rint(in_slab + to_index[:3, :1] * first).astype(np.int64)
        inside = np.all((index >= 0) & (index < last), axis=0)
        slab = carried[first].reshape(-1)
        slab[inside] = brain[tuple(index[:, inside])]
    return carried
