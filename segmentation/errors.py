"""What can go wrong with an upload or a segmentation, in the words that its user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segmentation.models import Segmentation


class UploadError(ValueError):
    """A file that was not taken. The message says what is wrong and what to do."""


class DuplicateScanError(UploadError):
    """The patient already has this very file."""


class SegmentationError(ValueError):
    """A segmentation that cannot be asked for; the message says why."""


class ScanErasedError(SegmentationError):
    """Somebody has erased the scan meanwhile."""

    def __init__(self) -> None:
        super().__init__("The scan has been erased meanwhile, with everything that belongs to it.")


class ReviewError(SegmentationError):
    """A step of a review that is not possible now; the message says why and what to do."""


class MeasureError(ValueError):
    """Points that are not the measure they are said to be; the message says why."""


class ComparisonError(SegmentationError):
    """Two results that cannot be compared; the message says why."""


class DecisionError(SegmentationError):
    """A decision on a response category that is not possible; the message says why."""


class ClaimLostError(RuntimeError):
    """Another worker has taken this work over; what this one did must not be saved."""


class PermanentFailureError(RuntimeError):
    """A segmentation that would fail every time; the message is its reason."""


class StaleDrawingError(SegmentationError):
    """A drawing that was changed elsewhere meanwhile; ``revision`` is the kept one's, or 0."""

    def __init__(self, message: str, revision: int) -> None:
        super().__init__(message)
        self.revision = revision


class NewerVersionError(SegmentationError):
    """A drawing made from a version that is not the newest any more; ``newer`` is that one."""

    def __init__(self, message: str, newer: Segmentation) -> None:
        super().__init__(message)
        self.newer = newer


class TrainingSetError(ValueError):
    """A training set that cannot be exported; the message says why and what to do."""
