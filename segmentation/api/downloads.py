"""Sending files: only after the permission check, and whatever the caller says it accepts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.http import FileResponse, Http404
from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

CONTENT_TYPE = "application/octet-stream"
FILE = {(200, CONTENT_TYPE): OpenApiTypes.BINARY}


class FileNegotiation(DefaultContentNegotiation):
    """Never refuses an ``Accept`` header: a file is what it is, and errors are JSON."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def send_file(path: Path, name: str) -> FileResponse:
    """The file as a download; Http404 where it is not on disk any more."""
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(stream, as_attachment=True, filename=name, content_type=CONTENT_TYPE)
