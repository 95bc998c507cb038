"""Growth rates against courses whose growth is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml.course import growth_between, growth_over
from ml.tests.test_course_response import START, seen


def test_a_volume_that_doubles_in_a_hundred_days_has_that_doubling_time() -> None:
    course = [seen(0, 10.0 * 2 ** (d / 100), day=START + timedelta(days=d)) for d in (0, 50, 170)]
    found = growth_over(course)
    assert found is not None
    assert found.doubling_days == pytest.approx(100.0)
    assert found.halving_days is None
    assert found.rate_percent_a_month == pytest.approx(0.693147 / 100 * 30.4375 * 100, rel=1e-5)
    assert (found.examinations, found.days) == (3, 170)


def test_a_volume_that_shrinks_has_a_halving_time_instead() -> None:
    found = growth_between(seen(0, 40.0), seen(4, 20.0))
    assert found is not None
    assert (found.halving_days, found.doubling_days) == (pytest.approx(28.0), None)
    assert found.expansion_mm_a_year < 0


def test_the_mean_diameter_of_a_growing_glioma_expands_linearly() -> None:
    diameters = {0: 40.0, 1: 44.0, 2: 48.0}
    course = [
        seen(0, (d**3) / 2000.0, day=START + timedelta(days=365.25 * year))
        for year, d in diameters.items()
    ]
    found = growth_over(course)
    assert found is not None
    assert found.expansion_mm_a_year == pytest.approx(4.0, rel=2e-3)


def test_an_unchanged_volume_neither_doubles_nor_halves() -> None:
    found = growth_between(seen(0, 10.0), seen(4, 10.0))
    assert found is not None
    assert (found.rate_percent_a_month, found.doubling_days, found.halving_days) == (0, None, None)


def test_there_is_no_rate_without_two_days_with_a_volume() -> None:
    assert growth_over([]) is None
    assert growth_between(seen(0, 10.0), seen(0, 20.0)) is None
    assert growth_between(seen(0, 0.0), seen(4, 20.0)) is None
    assert growth_between(seen(0, None), seen(4, 20.0)) is None
