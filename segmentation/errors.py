"""What can go wrong with an upload or a segmentation, in the words that its user reads."""


class UploadError(ValueError):
    """A file that was not taken. The message says what is wrong and what to do."""


class DuplicateScanError(UploadError):
    """The patient already has this very file."""


class SegmentationError(ValueError):
    """A segmentation that cannot be asked for; the message says why."""


class ReviewError(SegmentationError):
    """A step of a review that is not possible now; the message says why and what to do."""


class ClaimLostError(RuntimeError):
    """Another worker has taken this segmentation over; what this one did must not be saved."""


class PermanentFailureError(RuntimeError):
    """A segmentation that would fail every time; the message is its reason."""
