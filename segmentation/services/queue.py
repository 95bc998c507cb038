"""Asking for work and handing it out: the database is the truth, the broker a bell."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from clinic.models import Membership
from clinic.services.log import record_access
from ml.errors import NoModelError
from patients.models import Scan
from segmentation.bell import ring, ring_comparison
from segmentation.errors import ClaimLostError, SegmentationError
from segmentation.models import (
    MAX_ATTEMPTS,
    Comparison,
    ComparisonStep,
    JobQuerySet,
    Segmentation,
    State,
    Step,
)
from segmentation.plans import Plan, plan_reading
from segmentation.services.locks import lock_visit

RESEND_AFTER = timedelta(seconds=45)
RESEND_AT_ONCE = 25
WORKERS_LOST = (
    "The processing stopped three times without a result, so it was given up. "
    "The file may be too large for this server; please check it and try again."
)


Jobs = type[Segmentation] | type[Comparison]
KINDS: tuple[Jobs, ...] = (Segmentation, Comparison)


@dataclass(frozen=True)
class Claim:
    """The right to work on a job: whoever saves must present its token."""

    job_id: uuid.UUID
    token: uuid.UUID
    jobs: Jobs = Segmentation

    def __str__(self) -> str:
        return f"{self.jobs._meta.verbose_name} {self.job_id}"

    @property
    def rows(self) -> JobQuerySet[Any]:
        """The job's row, as long as it is this claim's."""
        return self.jobs._default_manager.filter(
            pk=self.job_id, token=self.token, state=State.RUNNING
        )


def request_segmentation(
    *, scan: Scan, by: Membership | None, parent: Segmentation | None = None
) -> Segmentation:
    """Queues the scan for the model that reads it and rings the bell on commit.

    Where the visit has what a model of several sequences needs, all of them are read, on this
    scan's grid. Raises SegmentationError where no model reads the scan, it is archived or held
    back, or one is under way already, and ScanErasedError where it is gone.
    """
    with transaction.atomic():
        return request_among(visit=lock_visit(scan.pk), scan=scan, by=by, parent=parent)


def request_among(
    *,
    visit: list[Scan],
    scan: Scan,
    by: Membership | None,
    parent: Segmentation | None = None,
) -> Segmentation:
    """As ``request_segmentation``, for who holds the locks of ``visit``, the scan's."""
    fresh = next(one for one in visit if one.pk == scan.pk)
    if fresh.archived_at is not None:
        raise SegmentationError("The scan is archived. Please restore it first.")
    if fresh.is_held_back:
        raise SegmentationError("The scan has open doubts. Please confirm or correct it first.")
    try:
        plan = plan_reading(fresh, visit)
    except NoModelError as error:
        raise SegmentationError(str(error)) from error
    return ask(plan=plan, by=by, parent=parent)


def ask(*, plan: Plan, by: Membership | None, parent: Segmentation | None = None) -> Segmentation:
    """Queues what was planned behind the locks of all its scans.

    Raises SegmentationError where one is under way on that scan.
    """
    scan = plan.scans[0]
    try:
        with transaction.atomic():
            segmentation = Segmentation.objects.create(
                study=scan.study,
                scan=scan,
                **_model_fields(plan),
                parent=parent,
                requested_by=by,
                sent_at=timezone.now(),
            )
            segmentation.inputs.set(plan.scans)
            if by is not None:
                record_access(
                    member=by,
                    action="segmentation.request",
                    subject=segmentation,
                    patient_id=scan.study.patient_id,
                )
    except IntegrityError as error:
        raise SegmentationError("This scan is being segmented already.") from error
    transaction.on_commit(lambda: ring(segmentation.pk), robust=True)
    return segmentation


def take_plan(*, segmentation: Segmentation, plan: Plan) -> Segmentation | None:
    """Gives a waiting segmentation another plan; None where a worker has it by now."""
    waiting = Segmentation.objects.filter(pk=segmentation.pk, state=State.QUEUED)
    if not waiting.update(**_model_fields(plan)):
        return None
    segmentation.inputs.set(plan.scans)
    segmentation.refresh_from_db()
    return segmentation


def _model_fields(plan: Plan) -> dict[str, Any]:
    card = plan.card
    return {
        "model_name": card.name,
        "model_version": card.version,
        "model_sha256": card.sha256,
        "labels": plan.labels,
    }


def claim(*, pk: uuid.UUID, jobs: Jobs = Segmentation) -> Claim | None:
    """One conditional UPDATE: whoever changes the row has the work, everybody else None."""
    token = uuid.uuid4()
    now = timezone.now()
    changed = (
        _all(jobs)
        .claimable()
        .filter(pk=pk)
        .update(
            state=State.RUNNING,
            token=token,
            attempts=F("attempts") + 1,
            heard_at=now,
            started_at=now,
            **jobs.AT_START,
        )
    )
    return Claim(pk, token, jobs) if changed else None


def report_progress(
    *, claim: Claim, step: Step | ComparisonStep, done: int = 0, total: int = 0
) -> None:
    """Tells the page how far the work is, and everybody that the worker lives.

    Raises ClaimLostError where the job has been given to another worker.
    """
    progress = {"slices_done": done, "slices_total": total} if total else {}
    if not claim.rows.update(step=step, heard_at=timezone.now(), **progress):
        raise ClaimLostError(f"{claim} has another worker")


def record_failure(*, claim: Claim, reason: str) -> bool:
    """RUNNING to FAILED with a reason; whether this claim still had the right to say so."""
    return bool(claim.rows.update(**_failed(reason)))


def give_back(*, claim: Claim) -> bool:
    """RUNNING to QUEUED after something that can pass; the next beat sends it again."""
    if claim.rows.filter(attempts__gte=MAX_ATTEMPTS).update(**_failed(WORKERS_LOST)):
        return False
    return bool(
        claim.rows.update(
            state=State.QUEUED, token=None, heard_at=None, step=Step.NONE, sent_at=None
        )
    )


def _all(jobs: Jobs) -> JobQuerySet[Any]:
    return cast(JobQuerySet[Any], jobs._default_manager.all())


def _failed(reason: str) -> dict[str, Any]:
    return {
        "state": State.FAILED,
        "reason": reason[:300],
        "token": None,
        "step": Step.NONE,
        "finished_at": timezone.now(),
    }


def give_up_on_lost() -> list[uuid.UUID]:
    """Fails whatever lost its worker for the third time; which segmentations that were."""
    ended = []
    for jobs in KINDS:
        lost = _all(jobs).stale().filter(attempts__gte=MAX_ATTEMPTS)
        ended += list(lost.values_list("pk", flat=True)) if jobs is Segmentation else []
        lost.update(**_failed(WORKERS_LOST))
    return ended


def resend_waiting() -> int:
    """Rings again for what waits too long or lost its worker, oldest first; how many.

    Bounded, and once in ``RESEND_AFTER`` for each, so a long queue is not sent over and over.
    """
    give_up_on_lost()
    return sum(_resend(jobs) for jobs in KINDS)


def _resend(jobs: Jobs) -> int:
    before = timezone.now() - RESEND_AFTER
    waiting = (
        _all(jobs)
        .claimable()
        .filter(Q(sent_at=None) | Q(sent_at__lt=before))
        .order_by("created_at")
        .values_list("pk", flat=True)[:RESEND_AT_ONCE]
    )
    chosen = list(waiting)
    _all(jobs).filter(pk__in=chosen).update(sent_at=timezone.now())
    for pk in chosen:
        ring_for(jobs, pk)
    return len(chosen)


def ring_for(jobs: Jobs, pk: uuid.UUID) -> None:
    """The bell of that kind of work."""
    if jobs is Comparison:
        ring_comparison(pk)
    else:
        ring(pk)
