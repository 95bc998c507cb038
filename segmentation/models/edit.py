"""A person's drawing that is not saved yet: kept apart, and no result."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

from django.db import models

from clinic.models import Membership
from patients.models import Scan
from segmentation.models.segmentation import Segmentation


def labels_path(edit: Edit, _name: str) -> str:
    """Every revision is a file of its own: what is half written is never the one that counts."""
    return f"edits/{edit.pk}/{edit.revision}-{uuid.uuid4().hex}.gz"


class Edit(models.Model):
    """One member's unsaved drawing on one scan.

    ``labels`` is the gzipped array of uint8, one voxel after the other with the file's first axis
    fastest, without a header: 0 is nothing, each other value one lesion or several that do not
    touch. ``base`` is the version that it was begun from; ``revision`` counts its autosaves.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="edits")
    author = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="edits")
    base = models.ForeignKey(
        Segmentation, null=True, blank=True, on_delete=models.SET_NULL, related_name="edits"
    )
    labels = models.FileField(upload_to=labels_path, max_length=200)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-updated_at",)
        constraints = [
            models.UniqueConstraint(
                fields=("scan", "author"), name="one_drawing_for_each_scan_and_member"
            ),
        ]

    def __str__(self) -> str:
        return f"drawing {self.revision} of {self.author} on {self.scan_id}"

    @property
    def folder(self) -> PurePosixPath:
        """Where its files lie, below the media root."""
        return PurePosixPath("edits") / str(self.pk)
