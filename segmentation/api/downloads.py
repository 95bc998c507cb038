"""Files in the API: sent whatever the caller says it accepts."""

from __future__ import annotations

from collections.abc import Iterable

from drf_spectacular.types import OpenApiTypes
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from segmentation.sending import DOWNLOAD_TYPE

FILE = {(200, DOWNLOAD_TYPE): OpenApiTypes.BINARY}


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
