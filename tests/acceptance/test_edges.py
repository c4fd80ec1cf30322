"""The edges of the summary over HTTP: each number exactly on its threshold and beside it, months, and days by zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.charts import ICD10CM, LOINC, condition, observation, procedure
from tests.hooks.serving import ADVICE, PATIENT, chart, message, prefetch_of, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.checked_client import CheckedClient

LIVER_FIRST = ("liver-first", "liver-resection-or-ablation-then-primary")
SIMULTANEOUS = ("simultaneous", "liver-centre-discussion")
NOT_RESECTABLE = ("systemic-first", "reassess-resectability")
TOO_MANY = ("systemic-first", "chemotherapy-then-reassess")
UNFIT = ("mdt", "no-elective-surgery")
EARLY = ("metachronous", "chemotherapy-before-resection")
LATE = ("metachronous", "upfront-hepatectomy")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[CheckedClient]:
    async with served(tmp_path) as client:
        yield client


async def answer(service: CheckedClient, resources: list[dict[str, Any]]) -> tuple[str, str]:
    [card] = (await service.call(message(prefetch=prefetch_of(resources)))).json()["cards"]
    advice = card["extension"][ADVICE]
    return advice["strategy"], advice["nextStep"]


@pytest.mark.parametrize(
    ("example", "fact", "answers"),
    [
        # S21: a remnant of strictly more than 30 %
        ("V01", "flr_percent", {29.9: NOT_RESECTABLE, 30: NOT_RESECTABLE, 30.1: LIVER_FIRST}),
        # S20: up to three nodules
        ("V16", "metastasis_count", {3: SIMULTANEOUS, 4: TOO_MANY}),
        # R9: small up to 30 mm; S28 and R9: performance
        ("V16", "largest_metastasis", {29.9: SIMULTANEOUS, 30: SIMULTANEOUS, 30.1: LIVER_FIRST}),
        ("V16", "ecog", {1: SIMULTANEOUS, 2: LIVER_FIRST, 3: UNFIT}),
        ("V16", "asa", {3: SIMULTANEOUS, 4: UNFIT}),
        # S22, R6: strictly less than 12 months
        ("V27", "months_primary_to_metastases", {11: EARLY, 12: LATE}),
    ],
)  # fmt: skip
async def test_each_edge_of_the_summary_falls_on_its_side(
    service: CheckedClient, example: str, fact: str, answers: dict[float, tuple[str, str]]
) -> None:
    changes: list[dict[str, Any]] = [{fact: value} for value in answers]
    found = [await answer(service, chart(example, **change)) for change in changes]
    assert found == list(answers.values())


async def test_the_pathology_of_a_resected_primary_is_assumed_from_its_nodes(service: CheckedClient) -> None:
    nodes = observation("pn", (LOINC, "21900-6"), {"valueString": "pN1a"}, on="2026-10-01", patient_id=PATIENT)
    [card] = (await service.call(message(prefetch=prefetch_of([*chart("V12", primary_pathology=...), nodes])))).json()[
        "cards"
    ]
    advice = card["extension"][ADVICE]
    assert (advice["strategy"], advice["nextStep"]) == ("staged", "liver-before-chemotherapy")
    assert {"fact": "primary-pathology", "value": "favourable"} in advice["assumptions"]
    assert "missing" not in advice


def metachronous(resected: str, found: str) -> list[dict[str, Any]]:
    """Chart late metastases whose interval follows from two dates."""
    dated = ("metastases_detected", "months_primary_to_metastases", "primary_in_situ")
    left_out: dict[str, Any] = dict.fromkeys(dated, ...)
    facts = [one for one in chart("V27", **left_out) if one["resourceType"] == "Observation"]
    return [
        *facts,
        condition("primary", (ICD10CM, "C18.7"), onset="2023-01-10", clinical="resolved", patient_id=PATIENT),
        procedure("resection", ("http://www.ama-assn.org/go/cpt", "44145"), on=resected, patient_id=PATIENT),
        condition("liver", (ICD10CM, "C78.7"), onset=found, patient_id=PATIENT),
    ]


@pytest.mark.parametrize(
    ("resected", "found", "expected"),
    [
        ("2025-03-15", "2026-03-14", EARLY),
        ("2025-03-15", "2026-03-15", LATE),
        # a leap day has its anniversary on the last day of February
        ("2024-02-29", "2025-02-27", EARLY),
        ("2024-02-29", "2025-02-28", LATE),
        ("2023-02-28", "2024-02-28", LATE),
        # the day of the chart counts, wherever it was written
        ("2025-03-15T23:30:00-10:00", "2026-03-15T00:30:00+14:00", LATE),
        ("2025-03-15T00:30:00+14:00", "2026-03-14T23:30:00-10:00", EARLY),
    ],
)
async def test_twelve_months_are_counted_by_the_calendar(
    service: CheckedClient, resected: str, found: str, expected: tuple[str, str]
) -> None:
    assert await answer(service, metachronous(resected, found)) == expected


@pytest.mark.parametrize("time", ["T00:00:00Z", "T23:59:59+14:00", "T00:00:00-12:00", "T12:00:00.000+05:30", ""])
async def test_a_day_is_that_of_the_chart_in_any_time_zone(service: CheckedClient, time: str) -> None:
    resources = [
        {**one, "effectiveDateTime": one["effectiveDateTime"] + time} if "effectiveDateTime" in one else one
        for one in chart("V01")
    ]
    assert resources != chart("V01") or not time
    assert await answer(service, resources) == LIVER_FIRST
