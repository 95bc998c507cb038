"""Gives results from before a figure was worked out that figure; signed ones stay as they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from segmentation.services.remeasuring import remeasure_result, unmeasured_results


class Command(BaseCommand):
    help = "Fills sizes and places that older results do not have, from their stored masks."

    def handle(self, *args: Any, **options: Any) -> None:
        outcomes = Counter(
            remeasure_result(segmentation=segmentation) for segmentation in unmeasured_results()
        )
        for outcome, count in sorted(outcomes.items()):
            self.stdout.write(f"{outcome}: {count}")
        if not outcomes:
            self.stdout.write("Every result has its sizes and places.")
