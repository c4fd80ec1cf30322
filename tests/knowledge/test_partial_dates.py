"""A chart whose dates are partial is answered by what its days are answered by: no strategy less, none more."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from service.knowledge.decide import decide
from service.knowledge.decision import Assumption
from service.knowledge.guideline import load_guideline
from tests.cases import example
from tests.charts import CPT, ICD10CM, condition, local, procedure
from tests.fhir_mappings.reading import read
from tests.fhir_mappings.therapies import given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.decision import Decision

NOW = datetime(2027, 1, 5, 12, tzinfo=UTC)
TOMORROW = NOW.date() + timedelta(days=1)
DATED = {
    *("primary-site", "primary-in-situ", "primary-margin", "metastases-detected", "months-primary-to-metastases"),
    "adjuvant-status",
}
SYMPTOMS = {"primary-symptoms": "none"}
OTHERS = [local(code, value, on="2026-12-29") for code, value in example("V12").facts.items() if code not in DATED]

Dates = tuple[str | None, str | None, str | None]
"""Of the diagnosis, the resection and the metastases."""

B3, B6, B7 = "liver-before-chemotherapy", "chemotherapy-before-resection", "upfront-hepatectomy"
IN_PLACE = [local(code, value, on="2026-12-28") for code, value in {"primary-in-situ": True, **SYMPTOMS}.items()]


def days(partial: str | None) -> Iterator[str | None]:
    """Give every day that a date may mean, up to the last on which evidence can be dated."""
    if partial is None or len(partial) == len("2026-07-01"):
        yield partial
        return
    year, _, month = partial.partition("-")
    first = date(int(year), int(month or 1), 1)
    last = min(date(int(year), int(month or 12), monthrange(int(year), int(month or 12))[1]), TOMORROW)
    yield from ((first + timedelta(day)).isoformat() for day in range((last - first).days + 1))


def answer(dates: Dates, *more: dict[str, Any]) -> Decision:
    diagnosed, resected, found = dates
    done = [procedure("r", (CPT, "44160"), on=resected)] if resected else []
    diseases = condition("p", (ICD10CM, "C18.2"), onset=diagnosed), condition("l", (ICD10CM, "C78.7"), onset=found)
    return decide(read(*diseases, *done, *OTHERS, *more, now=NOW), load_guideline())


CHARTS: list[tuple[str, Dates, list[str]]] = [
    ("diagnosed in the month after the resection", ("2026-07", "2026-06-01", "2026-08-20"), [B6, B3]),
    ("diagnosed in a month, resected 90 days before", ("2026-07", "2026-05-02", "2026-08-10"), [B6, B3]),
    ("diagnosed on a day, found in a month", ("2026-04-07", "2026-01-25", "2026-05"), [B6, B3]),
    ("diagnosed in a month, too early for staging", ("2026-06", "2026-06-01", "2026-08-20"), [B6]),
    ("resected in the month of the metastases", ("2026-01-10", "2026-07", "2026-07-15"), [B6, B3]),
    ("found in the month of the resection", ("2026-01-10", "2026-07-15", "2026-07"), [B6, B3]),
    ("a year to the day", ("2025-05-10", "2025-07", "2026-07-15"), [B6, B7]),
    ("found in the month that is not over", ("2026-01-10", "2026-01-20", "2027-01"), [B6]),
    ("found in the year that is not over", ("2026-02-10", "2026-03-20", "2027"), [B6]),
    ("diagnosed in the year, resected in it after the metastases", ("2026", "2026-05-15", "2026-04-20"), []),
    ("diagnosed in the year, resected in it before the metastases", ("2025", "2025-05-15", "2026-01-18"), []),
]


@pytest.mark.parametrize(("dates", "steps"), [one[1:] for one in CHARTS], ids=[one[0] for one in CHARTS])
def test_a_chart_leaves_exactly_what_its_days_leave(dates: Dates, steps: list[str]) -> None:
    found = answer(dates)
    completed = [answer((one, other, third)) for one, other, third in product(*map(days, dates))]
    assert set(found.outcomes) == {outcome for one in completed for outcome in one.outcomes}
    assert set(found.advisories) == set.intersection(*(set(one.advisories) for one in completed))
    assert not steps or [outcome.next_step for outcome in found.outcomes] == steps


def test_a_detection_on_which_sources_conflict_is_not_settled_by_the_interval() -> None:
    """Entered before the metastases were dated it gives way to the dates, entered since it does not."""
    dates = ("2025-03-08", "2025-03-20", "2026-03-03")
    said = [local("metastases-detected", "at-staging", on=day) for day in ("2026-03-02", "2026-03-04", "2026-03")]
    steps = [[outcome.next_step for outcome in answer(dates, one).outcomes] for one in said]
    assert steps == [[B6], [B3], [B6, B3]]


def test_what_dates_leave_open_was_not_found_at_operation() -> None:
    """The order is the same whenever the metastases were found, but for those that somebody found at operation."""
    found = answer(("2026-11", None, "2026-12-15"), *IN_PLACE)
    assert [outcome.next_step for outcome in found.outcomes] == ["liver-centre-discussion"]


@pytest.mark.parametrize("resected", ["2025-08-01", "2025-08"])
def test_a_dose_that_was_perhaps_adjuvant_promises_no_gain_from_six_months_of_it(resected: str) -> None:
    """Given in autumn, adjuvant chemotherapy failed within the year; given before the resection, there was none."""
    dates = ("2025-06-10", resected, "2026-09-15")
    in_spring, in_autumn, some_day = (answer(dates, given(day)) for day in ("2025-06-20", "2025-11-20", "2025"))
    code = "adjuvant-6-months-oxaliplatin"
    assert [code in one.advisories for one in (in_spring, in_autumn, some_day)] == [True, False, False]
    assert {B7} == {outcome.next_step for one in (in_spring, in_autumn, some_day) for outcome in one.outcomes}
    assumed = Assumption("adjuvant-status", "none", decides=False)
    assert [assumed in one.assumptions for one in (in_spring, in_autumn, some_day)] == [True, False, False]


def test_adjuvant_chemotherapy_failed_whichever_dose_was_its_last() -> None:
    """What was given in the month of the metastases was given before them or for them; half a year lies between."""
    dates = ("2025-06-10", "2025-07-10", "2026-06")
    doses = given("2026-01-20"), given("2026-06-20", ident="e")
    completed = [answer(("2025-06-10", "2025-07-10", day), *doses) for day in days("2026-06")]
    code = "adjuvant-failure-within-12-months"
    assert (code in answer(dates, *doses).advisories, {code in one.advisories for one in completed}) == (True, {True})
