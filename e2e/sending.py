"""Scans sent through the API of the pages, for tests that begin where uploading ends.

The tests of one run share a site: what another one has sent for its own patient is held back as
the same file again, so whatever is doubted here is confirmed.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page


def csrf_of(page: Page) -> str:
    return next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken")


def send_scan(
    page: Page,
    site: str,
    patient: str,
    path: Path,
    *,
    day: str,
    sequence: str = "FLAIR",
    is_reliable: bool = True,
) -> str:
    """Sends the file of ``path`` for ``patient`` as a person who has looked at it; the scan's id.

    ``is_reliable`` says whether the voxel size in the file is.
    """
    headers = {"X-CSRFToken": csrf_of(page), "Referer": f"{site}/"}
    sent = page.request.post(
        f"{site}/api/v1/patients/{patient}/scans/",
        headers=headers,
        multipart={
            "file": {
                "name": path.name,
                "mimeType": "application/octet-stream",
                "buffer": path.read_bytes(),
            },
            "sequence": sequence,
            "acquired_on": day,
            "spacing_is_reliable": str(is_reliable).lower(),
        },
    )
    assert sent.status == 201, sent.text()
    scan = sent.json()
    if scan["doubts"]:
        confirmed = page.request.post(f"{site}/api/v1/scans/{scan['id']}/confirm/", headers=headers)
        assert confirmed.ok, confirmed.text()
    return str(scan["id"])
