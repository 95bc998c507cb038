"""The one interface between the pipeline and whatever multiplies the matrices."""

from __future__ import annotations

from typing import Protocol

from ml.intensity import FloatArray


class Engine(Protocol):
    """A network that is ready to read.

    ``dimensions`` is 2 where it reads slices and 3 where it reads volumes.
    """

    @property
    def name(self) -> str:
        """How the engine is named in logs and reports, such as ``torch bfloat16``."""

    @property
    def dimensions(self) -> int: ...

    def read(self, images: FloatArray) -> FloatArray:
        """Probabilities (B, R, H, W) of each region for prepared ``images`` (B, C, H, W).

        In three dimensions both have Z before H.
        """
