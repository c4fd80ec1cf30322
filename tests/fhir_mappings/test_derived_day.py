"""The day of what was derived from resources of other days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.case import Evidence, Interval, Known, Narrowed, day_of
from fhir_mappings.read.dates import on, parse_date
from fhir_mappings.read.settle import Candidate, settle

if TYPE_CHECKING:
    from fhir_mappings.case import How
    from fhir_mappings.read.settle import Found

TODAY = date(2026, 6, 15)
FOUND, LATER, LATEST = (on(date(2026, 5, number)) for number in (10, 20, 30))


def derived(value: Found, *names: str, how: How = "derived", dated: bool = True, days: int = 0) -> Candidate:
    """Give what follows on the day of the finding from resources of later days."""
    proof = tuple(Evidence(f"Procedure/{name}", how, on(date(2026, 5, 20 + days))) for name in names)
    return Candidate(value, FOUND if dated else None, proof)


@pytest.mark.parametrize(
    ("candidates", "day"),
    [
        ([derived("at-staging", "a")], FOUND),
        ([derived("at-staging", "a", "b")], FOUND),
        ([derived("at-staging", "a"), derived("at-staging", "b", days=10)], FOUND),
        ([derived("at-staging", "a", how="coded")], LATER),
        ([derived("at-staging", "a", dated=False)], LATER),
        ([derived("at-staging")], None),
        ([derived(Interval(1, 2), "a")], FOUND),
        (
            [derived(Interval(1, 2), "a"), Candidate(2, on(date(2026, 5, 1)), (Evidence("o", "derived", LATEST),))],
            LATEST,
        ),
    ],
    ids=[
        "one source",
        "of two resources",
        "two sources of one day",
        "coded",
        "no day",
        "no resource",
        "narrowed",
        "sources of two days",
    ],
)
def test_what_is_derived_is_of_its_own_day(candidates: list[Candidate], day: object) -> None:
    assert day_of(settle(candidates, as_of=TODAY)) == day


def test_a_day_that_the_evidence_has_is_not_kept_twice() -> None:
    same = Candidate(1, LATER, (Evidence("Procedure/a", "derived", LATER),))
    narrowed = Candidate(Interval(1, 2), LATER, (Evidence("Procedure/a", "derived", LATER),))
    assert [settle([one], as_of=TODAY) for one in (same, narrowed)] == [
        Known(1, same.evidence),
        Narrowed(Interval(1, 2), same.evidence),
    ]


def test_the_latest_of_partial_dates_is_the_one_that_ends_last() -> None:
    month, day, year = (parse_date(text) for text in ("2026-05", "2026-05-31", "2025"))
    proof = tuple(Evidence(f"Procedure/{number}", "coded", one) for number, one in enumerate((year, day, month, None)))
    assert day_of(Known(1, proof)) == day
