"""Sending files: only after the permission check, and whatever the caller says it accepts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

CONTENT_TYPE = "application/octet-stream"
FILE = {(200, CONTENT_TYPE): OpenApiTypes.BINARY}


class FileNegotiation(BaseContentNegotiation):
    """Never refuses an ``Accept`` header: a file is what it is, and errors are JSON."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:
        return next(iter(parsers), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], str(renderers[0].media_type)


def send_file(path: Path, name: str) -> FileResponse:
    """The file as a download; Http404 where it is not on disk any more."""
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(stream, as_attachment=True, filename=name, content_type=CONTENT_TYPE)
