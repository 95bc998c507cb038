"""Versions on a page."""

from __future__ import annotations

from collections.abc import Iterable

from django import template

from segmentation.models import Segmentation
from segmentation.selectors.timeline import ScanRow
from segmentation.selectors.versions import may_be_made_current

register = template.Library()


@register.filter
def parent_of(versions: Iterable[Segmentation], version: Segmentation) -> Segmentation | None:
    """The version that this one was made from, out of those that are read already."""
    return next((v for v in versions if v.pk == version.parent_id), None)


@register.filter
def offers(row: ScanRow, version: Segmentation) -> bool:
    """Whether the version may be chosen as the one that counts."""
    return may_be_made_current(row, version)
