"""What every template knows: who is signed in, and what that person may do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from clinic.access import membership_of


def membership(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "")
    return {
        "member": membership_of(request),
        "theme": theme if theme in ("light", "dark") else "",
    }
