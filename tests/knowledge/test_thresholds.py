"""Each number of the summary just below, exactly at and just above its threshold, as shipped and as a site has it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from tests.cases import case_of, example


def rows(name: str, fact: str, *values: Any, **parameters: float) -> list[tuple[str, ...]]:
    guideline = load_guideline(Policy("site", parameters) if parameters else None)
    return [decide(case_of({**example(name).facts, fact: value}), guideline).rows for value in values]


@pytest.mark.parametrize(
    ("name", "fact", "parameter", "below", "above"),
    [
        ("V01", "flr-percent", "remnant_minimum_percent", "G3", "A12c"),
        ("V16", "largest-metastasis", "simultaneous_maximum_diameter_mm", "A10", "A12c"),
    ],
)
@pytest.mark.parametrize("shipped", [True, False])
def test_a_measure_exactly_on_the_threshold_is_on_its_lower_side(  # noqa: PLR0913 - five columns of a table
    name: str, fact: str, parameter: str, below: str, above: str, *, shipped: bool
) -> None:
    at = 30 if shipped else 42.5
    other = {} if shipped else {parameter: at}
    values = (at - 0.1, at - 1e-9, at, float(at), at + 1e-9, at + 0.1)
    assert rows(name, fact, *values, **other) == [(below,)] * 4 + [(above,)] * 2


def test_three_nodules_are_few_and_four_are_many() -> None:
    assert rows("V16", "metastasis-count", 1, 2, 3, 4, 5) == [("A10",)] * 3 + [("A9",)] * 2
    five = {"simultaneous_maximum_nodules": 5, "upfront_maximum_nodules": 5}
    assert rows("V16", "metastasis-count", 4, 5, 6, **five) == [("A10",), ("A10",), ("A9",)]


def test_twelve_months_are_no_short_interval() -> None:
    assert rows("V27", "months-primary-to-metastases", 0, 11, 12, 13) == [("B6",), ("B6",), ("B7",), ("B7",)]
    assert rows("V27", "months-primary-to-metastases", 5, 6, short_interval_months=6) == [("B6",), ("B7",)]


@pytest.mark.parametrize(
    ("end", "metastasis", "fails"),
    [
        ("2025-03-15", "2026-03-14", True),
        ("2025-03-15", "2026-03-15", False),
        ("2024-02-29", "2025-02-27", True),
        ("2024-02-29", "2025-02-28", False),
        ("2023-02-28", "2024-02-28", False),
        ("2023-03-01", "2024-02-29", True),
    ],
)
def test_adjuvant_failure_counts_twelve_months_by_the_calendar(end: str, metastasis: str, *, fails: bool) -> None:
    advisories = _after_adjuvant(date.fromisoformat(end), date.fromisoformat(metastasis))
    assert ("adjuvant-failure-within-12-months" in advisories) is fails
    assert ("adjuvant-6-months-oxaliplatin" in advisories) is not fails


@pytest.mark.parametrize(
    ("end", "metastasis", "expected"),
    [
        ("2025-03", date(2026, 2, 28), {"adjuvant-failure-within-12-months"}),
        ("2025-03", date(2026, 3, 1), set()),
        ("2025-03", date(2026, 3, 30), set()),
        ("2025-03", date(2026, 3, 31), {"adjuvant-6-months-oxaliplatin"}),
        ("2025", date(2025, 12, 31), {"adjuvant-failure-within-12-months"}),
        ("2024", date(2025, 12, 31), {"adjuvant-6-months-oxaliplatin"}),
        (date(2025, 3, 1), "2026-02", {"adjuvant-failure-within-12-months"}),
        (date(2025, 3, 2), "2026-03", set()),
        ("2022", "2026", {"adjuvant-6-months-oxaliplatin"}),
        ("2025-01-10/2025-02-20", date(2026, 2, 20), {"adjuvant-6-months-oxaliplatin"}),
        ("2025-01-10/2025-02-20", date(2026, 2, 19), set()),
        ("soon", date(2026, 2, 19), set()),
    ],
)
def test_partial_dates_tell_adjuvant_failure_where_all_their_days_agree(
    end: Any, metastasis: Any, expected: set[str]
) -> None:
    assert set(_after_adjuvant(end, metastasis)) & ADJUVANT == expected


ADJUVANT = {"adjuvant-failure-within-12-months", "adjuvant-6-months-oxaliplatin"}


def _after_adjuvant(end: Any, metastasis: Any) -> tuple[str, ...]:
    facts = {
        **example("V27").facts,
        "months-primary-to-metastases": 30,
        "adjuvant-status": "completed",
        "adjuvant-end-date": end,
        "liver-metastasis-date": metastasis,
    }
    return decide(case_of(facts), load_guideline()).advisories
