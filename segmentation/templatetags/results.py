"""How results are written on a page: always with their unit, never with a made-up digit."""

from __future__ import annotations

from typing import Any

from django import template

from ml.atlas.words import detail_words
from ml.geometry import ImageKind
from ml.study import SEQUENCES
from patients.models import Scan
from segmentation.models import Lesion, Segmentation
from segmentation.palette import colour_index
from segmentation.selectors.lesion_names import LesionName
from segmentation.selectors.tumour_type import label
from segmentation.thumbnails import thumbnail_path

register = template.Library()


@register.filter
def colour(number: int) -> int:
    """The number of the lesion's colour, for the classes ``lesion-1`` and so on."""
    return colour_index(number)


@register.filter
def millilitres(volume: float | None) -> str:
    """``12.3 mL``; small volumes keep a second place, so that none is shown as nothing."""
    if volume is None:
        return ""
    if 0 < volume < 0.005:
        return "< 0.01 mL"
    return f"{volume:.2f} mL" if volume < 1 else f"{volume:.1f} mL"


@register.filter
def size(result: Segmentation | Lesion) -> str:
    """The volume where there is one, else the area on the largest slice."""
    if result.volume_ml is not None:
        return millilitres(result.volume_ml)
    percent = result.key_area_percent
    area = f"{result.key_area_pixels or 0:,} pixels"
    if percent is None:
        return area
    whole = (result if isinstance(result, Segmentation) else result.segmentation).share_of
    return f"{percent:.1f} % of the {whole} on its largest slice"


@register.filter
def unsure_words(figures: dict[str, Any], kind: str) -> str:
    """``3.1 mL (as much as 7 % of the mask) from 0.5 bit on, in 6 readings``."""
    unit = "pixels" if kind == ImageKind.PICTURE else "voxels"
    rule = f"{figures['from_bits']:g} bit on, in {figures['readings']} readings"
    if not figures["voxels"]:
        return f"nothing from {rule}"
    much = millilitres(figures["volume_ml"]) or f"{figures['voxels']:,} {unit}"
    share = figures["share"]
    of_mask = "" if share is None else f" (as much as {percent(share)} of the mask)"
    return f"{much}{of_mask} from {rule}"


@register.filter
def interval_words(interval: dict[str, float]) -> str:
    """Both ends, and in which share of patients a reader's volume lies between them."""
    return f"{interval_ends(interval)} mL ({percent(interval['level'])})"


@register.filter
def interval_ends(interval: dict[str, float]) -> str:
    """Both ends in mL, without the unit."""
    return f"{interval['low_ml']:.1f}–{interval['high_ml']:.1f}"


@register.filter
def diameters(lesion: Lesion) -> str:
    """Both in millimetres; the longest alone for what was measured before the other was."""
    found = (lesion.longest_diameter_mm, lesion.perpendicular_diameter_mm)
    return " × ".join(f"{length:.1f}" for length in found if length is not None)


@register.filter
def figure(value: float | str | None, places: int = 0) -> str:
    """``9,940``; a dash where a result does not have the figure.

    What a template does not find is an empty text, and a dash too.
    """
    return "–" if value is None or isinstance(value, str) else f"{value:,.{places}f}"


@register.filter
def type_label(name: str) -> str:
    """A type of tumour, for a reader."""
    return label(name)


@register.filter
def named(number: int, names: dict[int, LesionName]) -> str:
    """The lesion's lasting name; its number in a version that does not count."""
    return names[number].label if number in names else str(number)


@register.filter
def yes_or_no(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


@register.filter
def place_details(lesion: Lesion) -> str:
    """Midline, depth and ventricles in words; or why the template does not say them."""
    return detail_words(
        crosses_midline=lesion.crosses_midline,
        depth_mm=lesion.depth_mm,
        ventricle_mm=lesion.ventricle_mm,
        without_atlas=lesion.without_atlas,
    )


@register.filter
def change(percent: float | str | None) -> str:
    """``+12 %``, with a true minus sign; a dash where nothing can be compared.

    What a template does not find is an empty text, and a dash too.
    """
    if percent is None or isinstance(percent, str):
        return "–"
    return f"{percent:+.0f} %".replace("-", "−")


@register.filter
def probability(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@register.filter
def times(values: list[float] | None) -> str:
    """Sizes along axes: ``240 x 240 x 155``."""
    return (
        ""
        if not values
        else " × ".join(
            f"{value:.3g}" if isinstance(value, float) else str(value) for value in values
        )
    )


@register.filter
def signed(value: float | str | None, digits: int = 1) -> str:
    """A difference with its sign, a true minus included; a dash where there is none."""
    if value is None or isinstance(value, str):
        return "–"
    return f"{value:+.{digits}f}".replace("-", "−")


@register.filter
def percent(share: float | None) -> str:
    """A share from 0 to 1 in per cent."""
    return "" if share is None else f"{100 * share:.0f} %"


@register.filter
def share_of(part: int, whole: int | None) -> str:
    """A part of the whole in per cent; a dash where there is no whole."""
    return f"{100 * part / whole:.0f}" if whole else "–"


@register.filter
def by_sequence(facts: dict[str, str]) -> list[tuple[str, str]]:
    """Facts of several sequences in their usual order; the database keeps them in none."""
    return [(name, facts[name]) for name in SEQUENCES if name in facts]


@register.filter
def has_thumbnail(scan: Scan) -> bool:
    """Whether there is a picture of the scan itself; of old ones there is none."""
    return thumbnail_path(scan).exists()
