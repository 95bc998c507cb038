"""Errors of the API: our own exceptions as one plain sentence, the rest as DRF has it."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import exception_handler


class ApiProblem(Exception):  # noqa: N818 - it is an answer, not a fault
    """A refusal with its HTTP status; ``detail`` is the sentence for the caller."""

    def __init__(self, detail: str, status_code: int = status.HTTP_400_BAD_REQUEST) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status_code = status_code


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    if isinstance(error, ApiProblem):
        return Response({"detail": error.detail}, status=error.status_code)
    return exception_handler(error, context)
