"""Administrations that are under way, were interrupted, or whose status is unknown."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Interval
from tests.charts import SNOMED, procedure
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import BEVACIZUMAB, FLUOROURACIL, LIVER, OLD, PRIMARY, Given, given, operated

MAY_BE_GIVEN = ("in-progress", "on-hold", "stopped", "unknown")
CLOSED, OPEN, LATER_OPEN = (1, date(2026, 2, 1)), (Interval(1), date(2026, 2, 1)), (Interval(1), "gap: absent")
COURSE = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2026-02-10", "end": "2026-03-10"})


@pytest.mark.parametrize("status", MAY_BE_GIVEN)
@pytest.mark.parametrize(
    ("unfinished", "more", "expected"),
    [
        (given("2026-03-01"), [], LATER_OPEN),
        (given(), [], (Interval(1), "gap: unreadable")),
        (given("2026-01-20"), [], OPEN),
        (given("2026-02-01"), [], OPEN),
        (given("2025-12-01"), [], CLOSED),
        (given("2026-07-01"), [], CLOSED),
        (given("2026-03-01"), [operated("2026-02-20")], CLOSED),
        (given("2026-03-01", FLUOROURACIL), [COURSE], CLOSED),
    ],
    ids=[
        "later",
        "undated",
        "earlier",
        "of the same day",
        "before the metastases",
        "to come",
        "after the operation",
        "of radiotherapy",
    ],
)
def test_a_dose_that_may_have_been_given_leaves_cycles_and_what_may_be_later_open(
    status: str, unfinished: Given, more: list[Given], expected: Any
) -> None:
    case = read(PRIMARY, LIVER, given("2026-02-01", ident="e"), unfinished | {"status": status}, *more)
    assert (shown(case, "chemotherapy-cycles"), shown(case, "chemotherapy-last-date")) == expected


@pytest.mark.parametrize("status", ["not-done", "entered-in-error"])
def test_a_dose_that_was_not_given_leaves_nothing_open(status: str) -> None:
    case = read(PRIMARY, LIVER, given("2026-02-01", ident="e"), given("2026-03-01", status=status))
    assert (shown(case, "chemotherapy-cycles"), shown(case, "chemotherapy-last-date")) == CLOSED


def test_another_drug_that_may_have_been_given_leaves_the_last_bevacizumab_known() -> None:
    found = [
        read(PRIMARY, LIVER, given("2026-02-01", BEVACIZUMAB, "b"), given("2026-03-01", drug, status="stopped"))
        for drug in (FLUOROURACIL, BEVACIZUMAB)
    ]
    assert [shown(case, "bevacizumab-last-date") for case in found] == [date(2026, 2, 1), "gap: absent"]


@pytest.mark.parametrize("status", MAY_BE_GIVEN)
@pytest.mark.parametrize(("day", "end"), [("2024-04-01", "gap: absent"), ("2024-02-20", date(2024, 3, 1))])
def test_a_dose_that_may_have_been_given_leaves_the_last_adjuvant_day_open(status: str, day: str, end: Any) -> None:
    case = read(*OLD, given("2024-03-01", ident="e"), given(day, status=status))
    assert (shown(case, "adjuvant-status"), shown(case, "adjuvant-end-date")) == ("completed", end)
