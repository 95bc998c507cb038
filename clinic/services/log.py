"""Writing the access log."""

from __future__ import annotations

import uuid
from typing import Any

from clinic.models import AccessEvent, Clinic, Membership


def record_access(
    *,
    member: Membership | None,
    action: str,
    clinic: Clinic | None = None,
    subject: Any = None,
    patient_id: uuid.UUID | None = None,
    detail: str = "",
) -> AccessEvent:
    """One line of the log; the clinic is the member's unless nobody is signed in."""
    if clinic is None:
        if member is None:
            raise ValueError("an access needs a member or a clinic")
        clinic = member.clinic
    return AccessEvent.objects.create(
        clinic=clinic,
        member=member,
        action=action,
        subject_kind="" if subject is None else type(subject).__name__.lower(),
        subject_id=None if subject is None else subject.pk,
        patient_id=patient_id,
        detail=detail[:300],
    )
