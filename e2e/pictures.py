"""Pictures of the demo patient for the documents: with ``SULCUS_SCREENSHOTS=docs/images``."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Locator, Page

FOLDER = os.environ.get("SULCUS_SCREENSHOTS", "")
SETTLED_MS = 1500


def keep_picture(shown: Page | Locator, name: str) -> None:
    """A screenshot of the window or of one part of the page, if they were asked for."""
    if FOLDER:
        page = shown if isinstance(shown, Page) else shown.page
        page.wait_for_timeout(SETTLED_MS)
        shown.screenshot(path=Path(FOLDER) / f"{name}.png")


def keep_file(content: bytes, name: str) -> None:
    if FOLDER:
        (Path(FOLDER) / name).write_bytes(content)
