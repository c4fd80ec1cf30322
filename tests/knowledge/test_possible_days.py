"""Drawn charts with one partial date get the answers that its days get: facts that come from it go together."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.read.possible_days import MOST_PARTS
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from tests.cases import example
from tests.charts import CPT, ICD10CM, condition, local, procedure
from tests.fhir_mappings.reading import read
from tests.fhir_mappings.therapies import given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.decision import Decision

Json = dict[str, Any]

NOW = datetime(2027, 1, 5, 12, tzinfo=UTC)
TODAY = NOW.date()
LATEST = TODAY - timedelta(days=2)
DERIVED = {
    *("primary-site", "primary-in-situ", "metastases-detected", "months-primary-to-metastases", "adjuvant-status"),
    *("chemotherapy-cycles", "liver-state"),
}
ENTERED = {code: value for code, value in example("V12").facts.items() if code not in DERIVED}


def later(day: date, days: int) -> str:
    return min(day + timedelta(days=days), LATEST).isoformat()


def drawn(random: Random) -> list[Json]:
    """Draw what is dated, at the edges of windows and months too: diseases, operations and doses."""
    diagnosed = TODAY - timedelta(days=random.choice((random.randint(5, 170), random.randint(100, 1200))))
    interval = random.choice((0, 29, 30, 31, 364, 365, 366, random.randint(-60, 100), random.randint(0, 900)))
    found = min(diagnosed + timedelta(days=interval), LATEST)
    chart = [
        condition("p", (ICD10CM, "C18.2"), onset=diagnosed),
        condition("l", (ICD10CM, "C78.7"), onset=found),
    ]
    if random.random() < 0.6:
        chart.append(procedure("r", (CPT, "44160"), on=later(diagnosed, random.choice((-95, -90, 0, 30, 60, 200)))))
    if random.random() < 0.2:
        chart.append(procedure("h", (CPT, "47120"), on=later(found, random.choice((-20, 0, 10, 40, 120)))))
    first = found + timedelta(days=random.choice((-200, -20, -10, 0, 1, 14)))
    doses = range(random.choice((0, 0, 1, 2, 4)))
    return chart + [given(later(first, 14 * number), ident=f"d{number}") for number in doses]


def dated(one: Json) -> str:
    return next(name for name in ("onsetDateTime", "performedDateTime", "effectiveDateTime") if name in one)


def days(partial: str) -> Iterator[str]:
    """Give the days of a month or a year, up to the last on which evidence can be dated."""
    year, _, month = partial.partition("-")
    first, until = date(int(year), int(month or 1), 1), int(month or 12)
    last = min(date(int(year), until, monthrange(int(year), until)[1]), TODAY + timedelta(days=1))
    yield from ((first + timedelta(day)).isoformat() for day in range((last - first).days + 1))


def answer(chart: list[Json], entered: list[Json]) -> Decision:
    return decide(read(*chart, *entered, now=NOW), load_guideline())


@pytest.mark.parametrize("number", range(12))
def test_a_partial_date_is_answered_by_its_days(number: int, seed: int) -> None:
    random = Random(f"{seed} {number}")
    chart = drawn(random)
    entered = [local(code, value, on=LATEST) for code, value in ENTERED.items() if random.random() < 0.9]
    place = random.choice((0, 1, 1, random.randrange(len(chart))))
    one = chart[place]
    partial = one[dated(one)][: len(random.choice(("2026-05",) * 4 + ("2026",)))]

    def on(day: str) -> list[Json]:
        return [*chart[:place], one | {dated(one): day}, *chart[place + 1 :]]

    found = answer(on(partial), entered)
    each = [answer(on(day), entered) for day in days(partial)]
    assert set(found.outcomes) == {outcome for single in each for outcome in single.outcomes}
    assert set(found.advisories) == set.intersection(*(set(single.advisories) for single in each))
    assert {missing.fact for missing in found.missing} >= {fact.fact for single in each for fact in single.missing}
    timings = {single.timing for single in each}
    assert found.timing == (timings.pop() if len(timings) == 1 else None)


def test_dates_of_too_many_parts_are_left_whole() -> None:
    """Fewer answers would be exact, but none is lost: the diagnosis is told apart by nothing but its year."""
    year = [condition("p", (ICD10CM, "C18.2"), onset="2024"), condition("l", (ICD10CM, "C78.7"), onset="2026")]
    doses = [given(f"2026-{month:02}-{day:02}", ident=f"d{month}{day}") for month in range(1, 13) for day in (3, 17)]
    case = read(*year, *doses, now=NOW)
    assert 1 < len(case.possibilities) <= MOST_PARTS
    assert {str(one.facts["primary-diagnosis-date"].value) for one in case.possibilities} == {"2024"}  # type: ignore[union-attr]


def test_a_date_is_told_apart_however_many_days_cut_it() -> None:
    """In so many parts as there may be, and not left whole for one too many."""
    diseases = [
        condition("p", (ICD10CM, "C18.2"), onset="2025-03-20"),
        condition("l", (ICD10CM, "C78.7"), onset="2026"),
    ]
    doses = [given(f"2026-{1 + day // 4:02}-{3 + 7 * (day % 4):02}", ident=f"d{day}") for day in range(40)]
    found = {len(read(*diseases, *doses[:count], now=NOW).possibilities) for count in range(1, 41)}
    assert 1 not in found
    assert 0 not in found
    assert max(found) == MOST_PARTS


def test_dates_that_nothing_tells_apart_are_not_read_again() -> None:
    year = [condition("p", (ICD10CM, "C18.2"), onset="2025"), condition("l", (ICD10CM, "C78.7"), onset="2025")]
    assert read(*year, now=NOW).possibilities == ()


def test_what_contradicts_an_entered_interval_on_some_days_is_not_told_of_these_days() -> None:
    """13 months were entered: on the days on which the metastases would be of staging, there is no such patient."""
    dates = [
        condition("p", (ICD10CM, "C18.2"), onset="2026-03-20"),
        condition("l", (ICD10CM, "C78.7"), onset="2026-04"),
    ]
    entered = [local(code, value, on=LATEST) for code, value in ENTERED.items()]
    months = local("months-primary-to-metastases", 13, on=LATEST)
    assert answer(dates, [*entered, months]).timing == "metachronous"
    assert answer(dates, entered).timing is None


def test_resources_without_an_id_are_told_apart() -> None:
    two = [condition("l", (ICD10CM, "C78.7"), onset=onset) for onset in ("2026-05", "2026-07")]
    nameless = [{name: value for name, value in one.items() if name != "id"} for one in two]
    primary = condition("p", (ICD10CM, "C18.2"), onset="2026-04-20")
    named = read(primary, *two[:1], two[1] | {"id": "m"}, now=NOW)
    assert len(read(primary, *nameless, now=NOW).possibilities) == len(named.possibilities)
