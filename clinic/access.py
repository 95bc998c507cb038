"""Who may do what: asked in one place by pages, files and the API alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from clinic.models import Clinic, Membership, Role

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

RANK = {Role.VIEWER: 0, Role.CLINICIAN: 1, Role.ADMIN: 2}


def find_membership(user: Any) -> Membership | None:
    """The active membership of a signed-in user, or None."""
    if not getattr(user, "is_authenticated", False):
        return None
    return (
        Membership.objects.select_related("clinic", "user")
        .filter(user=user, is_active=True, user__is_active=True)
        .first()
    )


def membership_of(request: HttpRequest) -> Membership | None:
    """The active membership of who asks, looked up once a request; None where there is none."""
    if not hasattr(request, "_membership"):
        request._membership = find_membership(getattr(request, "user", None))  # type: ignore[attr-defined]
    return cast(Membership | None, request._membership)  # type: ignore[attr-defined]


def member_of(request: HttpRequest) -> Membership:
    """The member who asks. Raises PermissionDenied where there is none."""
    member = membership_of(request)
    if member is None:
        raise PermissionDenied("This account does not belong to a clinic, or was deactivated.")
    return member


def clinic_of(request: HttpRequest) -> Clinic:
    return member_of(request).clinic


def holds_role(member: Membership, least: Role) -> bool:
    """Whether ``member`` is active and at least of the role ``least``."""
    return member.is_active and RANK[Role(member.role)] >= RANK[least]


def require_role(least: Role) -> Callable[[View[P]], View[P]]:
    """A view that only members of at least this role may open; others get a plain refusal."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not holds_role(member_of(request), least):
                raise PermissionDenied(f"This needs the role {least.label.lower()}.")
            return view(request, *args, **kwargs)

        checked.least_role = least  # type: ignore[attr-defined]
        return cast(View[P], checked)

    return decorate


viewer_required = require_role(Role.VIEWER)
clinician_required = require_role(Role.CLINICIAN)
admin_required = require_role(Role.ADMIN)


def open_to_all(view: View[P]) -> View[P]:
    """Marks the few views that need nobody signed in: sign-in, one-time links and health."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view
