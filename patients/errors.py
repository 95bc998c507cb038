"""What can go wrong with a record, in the words that its user reads."""


class RecordError(ValueError):
    """A change to the record that cannot be made; the message says why and what to do."""


class RecordNumberTakenError(RecordError):
    """Another patient of the clinic has this record number."""
