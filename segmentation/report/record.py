"""What a report says, in words: the page and the PDF only lay it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from segmentation.models import Segmentation
from segmentation.report.pictures import KeySlice
from segmentation.selectors.lesion_names import LesionName

Facts = tuple[tuple[str, str], ...]
NOTICE = (
    "Research software, not a medical device: not for diagnosis. Measures follow from the masks "
    "named here; a draft has been confirmed by nobody."
)


COLUMNS = (
    "Lesion", "Volume (mL)", "Diameters (mm)", "Product (mm²)", "3D max (mm)", "Place",
)  # fmt: skip


@dataclass(frozen=True)
class LesionLine:
    """One lesion of the table; ``colour`` is that of its outline, as ``#rrggbb``."""

    name: str
    colour: str
    volume: str
    diameters: str
    product: str
    longest_3d: str
    place: str
    place_details: str


@dataclass(frozen=True)
class ScanPart:
    """One scan of the study with the result that counts.

    ``names`` are its lesions' by their numbers; ``status`` says who signed it, or that nobody has;
    ``totals`` are figures of the whole mask, ``naming`` what a model says of the tumour's type.
    """

    result: Segmentation
    names: Mapping[int, LesionName]
    title: str
    facts: Facts
    status: str
    is_signed: bool
    totals: Facts
    lesions: tuple[LesionLine, ...]
    notes: tuple[str, ...]
    slices: tuple[KeySlice, ...]
    has_size: bool
    naming: Facts = ()


@dataclass(frozen=True)
class CoursePart:
    """The course up to the study: a drawing (SVG) and sentences under it."""

    chart: str
    lines: Facts
    source: str


@dataclass(frozen=True)
class StudyReport:
    """A whole report; ``missing`` names scans of the study that have no result."""

    title: str
    clinic: str
    patient: Facts
    examination: Facts
    is_demo: bool
    scans: tuple[ScanPart, ...]
    missing: tuple[str, ...]
    course: CoursePart | None
    made: str
    notice: str = NOTICE

    @property
    def is_signed(self) -> bool:
        """Whether every result in it is."""
        return bool(self.scans) and all(part.is_signed for part in self.scans)
