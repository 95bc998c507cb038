"""The same roles as on the pages: viewers read, clinicians also write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from clinic.access import find_membership, holds_role
from clinic.models import Role

if TYPE_CHECKING:
    # rest_framework.views reads the default permissions, so this module, while it is imported.
    from rest_framework.views import APIView


class ClinicMember(BasePermission):
    """Any active member reads and clinicians write, unless the view names other roles:
    ``read_role`` and ``write_role``.
    """

    message = "Your role does not allow this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        member = find_membership(request.user)
        if member is None:
            return False
        request._request._membership = member  # type: ignore[attr-defined]
        if request.method in SAFE_METHODS:
            return holds_role(member, getattr(view, "read_role", Role.VIEWER))
        return holds_role(member, getattr(view, "write_role", Role.CLINICIAN))
