"""Reading the organisation."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from clinic.models import AccessEvent, Clinic, Membership, Role


def list_members(*, clinic: Clinic) -> QuerySet[Membership]:
    return Membership.objects.filter(clinic=clinic).select_related("user")


def list_clinicians(*, clinic: Clinic) -> QuerySet[Membership]:
    """Those who may attend a patient."""
    return list_members(clinic=clinic).filter(is_active=True, role__in=(Role.CLINICIAN, Role.ADMIN))


def get_member(*, clinic: Clinic, pk: uuid.UUID) -> Membership:
    return get_object_or_404(Membership.objects.select_related("user"), clinic=clinic, pk=pk)


def patient_activity(
    *, clinic: Clinic, patient_id: uuid.UUID, limit: int = 30
) -> list[AccessEvent]:
    """The newest lines of the access log about one patient."""
    events = AccessEvent.objects.filter(clinic=clinic, patient_id=patient_id)
    return list(events.select_related("member__user")[:limit])
