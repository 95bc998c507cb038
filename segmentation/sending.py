"""Sending patients' files, for the pages and the API alike; who may have them is asked before."""

from __future__ import annotations

from pathlib import Path

from django.http import FileResponse, Http404

DOWNLOAD_TYPE = "application/octet-stream"


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
