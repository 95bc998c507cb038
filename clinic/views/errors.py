"""The pages for what went wrong: one plain sentence and what to do."""

from __future__ import annotations

import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

log = logging.getLogger(__name__)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    reason = str(exception) or "You may not open this page."
    return render(request, "errors/403.html", {"reason": reason}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """A number that support can find in the log; Django logs the trace beside it."""
    number = secrets.token_hex(4)
    log.error("error page %s shown for %s", number, request.path)
    return render(request, "errors/500.html", {"number": number}, status=500)
