"""How intervals of numbers compare with a number, at their ends, too."""

from __future__ import annotations

import pytest

from fhir_mappings.case import Interval


@pytest.mark.parametrize(
    ("interval", "over", "at_least"),
    [
        (Interval(3, 4), True, True),
        (Interval(2.5), True, True),
        (Interval(2, low_included=False), True, True),
        (Interval(2, 4), False, True),
        (Interval(1, low_included=False), False, False),
        (Interval(1, 4), False, False),
        (Interval(high=4), False, False),
    ],
)
def test_an_interval_is_over_what_all_of_it_is_over(interval: Interval, *, over: bool, at_least: bool) -> None:
    assert (interval.is_over(2), interval.is_at_least(2)) == (over, at_least)


@pytest.mark.parametrize(
    ("interval", "under", "at_most"),
    [
        (Interval(0, 1), True, True),
        (Interval(high=1.5), True, True),
        (Interval(high=2, high_included=False), True, True),
        (Interval(0, 2), False, True),
        (Interval(high=3, high_included=False), False, False),
        (Interval(0, 3), False, False),
        (Interval(low=0), False, False),
    ],
)
def test_an_interval_is_under_what_all_of_it_is_under(interval: Interval, *, under: bool, at_most: bool) -> None:
    assert (interval.is_under(2), interval.is_at_most(2)) == (under, at_most)
