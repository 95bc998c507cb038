"""What can be wrong with a file or a request, in words that a clinician understands."""


class InvalidVolumeError(ValueError):
    """A file that cannot be used. The message is one plain sentence: what is wrong, what to do."""


class NoModelError(LookupError):
    """No model reads this sequence or kind of image; the message says which ones there are."""


class RegistrationError(ValueError):
    """Two scans that could not be aligned; the message is one plain sentence with a way out."""


class InvalidDrawingError(ValueError):
    """Labels that are none of the scan's grid; the message says what is wrong and what to do."""
