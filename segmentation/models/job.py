"""Work that a worker does for the page: asked for, claimed, done or failed with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinic.models import Membership

MAX_ATTEMPTS = 3
# A running job that has not been heard of for this long has lost its worker. Progress is written
# after every few slices and after every step, so this is many times what one takes.
LEASE = timedelta(seconds=75)


class State(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"


ACTIVE = (State.QUEUED, State.RUNNING)
J = TypeVar("J", bound=models.Model)


class JobQuerySet(models.QuerySet[J]):
    """What the queue asks of any kind of job."""

    def active(self) -> Self:
        return self.filter(state__in=ACTIVE)

    def stale(self) -> Self:
        """Running, but its worker has not been heard of for longer than the lease."""
        return self.filter(state=State.RUNNING, heard_at__lt=timezone.now() - LEASE)

    def claimable(self) -> Self:
        lost = Q(state=State.RUNNING, heard_at__lt=timezone.now() - LEASE)
        return self.filter(Q(state=State.QUEUED) | lost, attempts__lt=MAX_ATTEMPTS)


class Job(models.Model):
    """The part of a row that the queue keeps; what the work is about stands in the subclass.

    ``token`` is the right of one worker to save: whoever saves must present it. A subclass says in
    ``AT_START`` what else is set when a worker claims it.
    """

    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(
        Membership, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_active(self) -> bool:
        return self.state in (State.QUEUED, State.RUNNING)


def job_constraints(prefix: str = "") -> list[models.BaseConstraint]:
    """What keeps a job's state true in the database; ``prefix`` tells the tables apart."""
    return [
        models.CheckConstraint(condition=Q(state__in=State.values), name=f"{prefix}state_is_known"),
        models.CheckConstraint(
            condition=(Q(state=State.FAILED) & ~Q(reason=""))
            | (~Q(state=State.FAILED) & Q(reason="")),
            name=f"{prefix}a_reason_always_and_only_when_failed",
        ),
        models.CheckConstraint(
            condition=Q(state=State.RUNNING, token__isnull=False, heard_at__isnull=False)
            | (~Q(state=State.RUNNING) & Q(token__isnull=True)),
            name=f"{prefix}a_token_always_and_only_when_running",
        ),
        models.CheckConstraint(
            condition=Q(attempts__lte=MAX_ATTEMPTS), name=f"{prefix}three_attempts_at_most"
        ),
    ]
