"""What every template knows: who is signed in, and what that person may do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from clinic.access import find_membership


def membership(request: HttpRequest) -> dict[str, Any]:
    if not hasattr(request, "_membership"):
        user = getattr(request, "user", None)
        request._membership = find_membership(user)  # type: ignore[attr-defined]
    theme = request.COOKIES.get("theme", "")
    return {
        "member": request._membership,  # type: ignore[attr-defined]
        "theme": theme if theme in ("light", "dark") else "",
    }
