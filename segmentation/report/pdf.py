"""The report as PDF, set by Typst: text to select, fonts within, tagged for screen readers.

Typst comes as one wheel and needs nothing of the system, and the letters are those that matplotlib
brings, so a report looks the same on every server and nothing is fetched.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typst

from segmentation.report.pictures import draw_key_slice, fonts_folder
from segmentation.report.record import COLUMNS, ScanPart, StudyReport

log = logging.getLogger(__name__)
TEMPLATE = Path(__file__).with_name("report.typ")


def render_pdf(report: StudyReport) -> bytes:
    """The report on A4."""
    values = {**vars(report), "course": asdict(report.course) if report.course else None}
    values["scans"] = [_part(part) for part in report.scans]
    # Its stubs leave a type variable open that nothing of ours could settle.
    compiler = typst.Compiler(  # type: ignore[misc]
        TEMPLATE.read_bytes(), font_paths=[str(fonts_folder())], ignore_system_fonts=True
    )
    pdf = compiler.compile(
        format="pdf",
        pdf_standards=["ua-1"],
        sys_inputs={"report": json.dumps(values, default=str)},
    )
    if not isinstance(pdf, bytes):
        raise TypeError(f"Typst gave {type(pdf).__name__}, not one PDF")
    return pdf


def _part(part: ScanPart) -> dict[str, Any]:
    drawn = (_picture(part, one.number) for one in part.slices)
    pictures = [picture for picture in drawn if picture is not None]
    values = {name: value for name, value in vars(part).items() if name not in ("result", "names")}
    values["lesions"] = [asdict(lesion) for lesion in part.lesions]
    return {**values, "pictures": pictures, "columns": COLUMNS}


def _picture(part: ScanPart, number: int) -> dict[str, Any] | None:
    """One slice; None, and a line in the log, where its picture is gone from the disk."""
    try:
        content = draw_key_slice(part.result, number, part.names)
    except (OSError, ValueError):
        log.exception("no picture of slice %s of %s for its report", number, part.result.pk)
        return None
    return {"jpeg": list(content), "words": f"Slice {number} with the lesions outlined"}
