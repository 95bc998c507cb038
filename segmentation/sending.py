"""Sending patients' files, for the pages and the API alike; who may have them is asked before."""

from __future__ import annotations

from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

DOWNLOAD_TYPE = "application/octet-stream"
# Only its reader's browser may keep it, and it has to ask before each use whether it still may.
REVALIDATED = "private, no-cache"


def send_file(path: Path, name: str) -> FileResponse:
    """The file as a download that no browser opens as a page; Http404 where it is gone."""
    return show_file(path, content_type=DOWNLOAD_TYPE, as_attachment=True, filename=name)


def show_file(
    path: Path, *, content_type: str, as_attachment: bool = False, filename: str = ""
) -> FileResponse:
    """The file for the page to show; Http404 where it is not on disk any more."""
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(
        stream, content_type=content_type, as_attachment=as_attachment, filename=filename
    )


def unchanged(request: HttpRequest, tag: str) -> HttpResponseBase | None:
    """An empty 304 where the browser has the version ``tag`` already, else None.

    To be asked after the permission check: what a browser has kept, it may not always show again.
    """
    answer = get_conditional_response(request, etag=quote_etag(tag))
    return None if answer is None else _revalidated(answer, tag)


def send_kept(
    content: Path | bytes, *, tag: str, content_type: str = DOWNLOAD_TYPE
) -> HttpResponseBase:
    """A file or its bytes, for the browser to keep under ``tag``; Http404 where it is gone."""
    if isinstance(content, Path):
        return _revalidated(show_file(content, content_type=content_type), tag)
    return _revalidated(HttpResponse(content, content_type=content_type), tag)


def _revalidated(response: HttpResponseBase, tag: str) -> HttpResponseBase:
    response.headers["ETag"] = quote_etag(tag)
    response.headers["Cache-Control"] = REVALIDATED
    return response
