"""The number beside "Worklist" on every page."""

from __future__ import annotations

from django import template

from clinic.models import Membership
from segmentation.selectors.worklist import count_new

register = template.Library()


@register.simple_tag
def new_on_worklist(member: Membership) -> int:
    return count_new(clinic=member.clinic)
