"""Dates of any precision, by the calendar: what is written is what counts, whatever the zone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import PartialDate, add_months, complete_months
from fhir_mappings.read.dates import (
    ASSERTED,
    clinical_date,
    earlier,
    on,
    parse_date,
    parse_period,
    shifted,
    tomorrow,
    value_of,
)

MAY_4 = on(date(2026, 5, 4))
MAY = PartialDate(date(2026, 5, 1), date(2026, 5, 31))


def days(first: str, last: str | None = None) -> PartialDate:
    return PartialDate(date.fromisoformat(first), date.fromisoformat(last or first))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026", days("2026-01-01", "2026-12-31")),
        (" 2026-05 ", MAY),
        ("2025-02", days("2025-02-01", "2025-02-28")),
        ("2024-02", days("2024-02-01", "2024-02-29")),
        ("2026-12", days("2026-12-01", "2026-12-31")),
        ("2026-05-04", MAY_4),
        (" 2026-05-04", MAY_4),
        ("2026-05-04T", MAY_4),
        ("2026-05-04T23:59:59-11:00", MAY_4),
        ("2026-05-04T00:00:00.000+14:00", MAY_4),
        ("0001-01-01", days("0001-01-01")),
        ("9999", days("9999-01-01", "9999-12-31")),
        *((text, None) for text in ("0000", "0000-05", "0000-05-04", "2026-00", "2026-13", "2026-05-00", "2026-05-32")),
        *((text, None) for text in ("2026-02-29", " 2026-02-29", "2026-5-4", "26-05-04", "2026/05/04", "20260504")),
        *((text, None) for text in ("2026-05-04 10:00", "2026-05T10:00", "x2026", "2026x", "", " ", 2026, None, [5])),
    ],
)
def test_a_date_is_read_in_its_precision_or_not_at_all(written: object, expected: PartialDate | None) -> None:
    assert parse_date(written) == expected


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": "2026-05-04", "end": "2026-06"}, days("2026-05-04", "2026-06-30")),
        ({"start": "2026-05", "end": "2026-05-04"}, MAY),
        ({"start": "2026-05", "end": "2025"}, MAY),
        ({"start": "2026-05-04"}, MAY_4),
        ({"start": "x", "end": "2026-05-04"}, MAY_4),
        ({"start": "2026-05-04", "end": 5}, MAY_4),
        ({"start": None, "end": None}, None),
        ({}, None),
        (["2026"], None),
        (None, None),
    ],
)
def test_a_period_reaches_from_its_start_to_its_end(period: object, expected: PartialDate | None) -> None:
    assert parse_period(period) == expected


def of(kind: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind} | more


def asserted(when: Any, url: str = ASSERTED) -> dict[str, Any]:
    return {"url": url, "valueDateTime": when}


DAY, LATER = "2026-05-04", "2026-06-01"
PERIOD = {"start": "2026-05-04", "end": "2026-05-06"}
FROM_TO = days("2026-05-04", "2026-05-06")
ASSERTED_BY, RECORDED_BY = "from assertedDate", "from recordedDate"
DATED: list[tuple[dict[str, Any], PartialDate | None, str | None]] = [
    (of("CarePlan", created=DAY, period={"start": LATER}), MAY_4, None),
    (of("CarePlan", created="x", period=PERIOD), MAY_4, None),
    (of("CarePlan", period={"start": DAY}), MAY_4, None),
    (of("CarePlan", period={"end": DAY}), None, None),
    (of("MedicationAdministration", effectiveDateTime=DAY, effectivePeriod={"start": LATER}), MAY_4, None),
    (of("MedicationAdministration", effectivePeriod=PERIOD), FROM_TO, None),
    (of("MedicationAdministration", effectiveTiming={"event": [DAY]}), MAY_4, None),
    (of("MedicationRequest", authoredOn=DAY), MAY_4, None),
    (of("MedicationRequest", effectiveDateTime=DAY), None, None),
    (of("Observation", effectiveDateTime=DAY, issued="2026-06-01T10:00:00Z"), MAY_4, None),
    (of("Observation", effectivePeriod=PERIOD, issued="2026-06-01T10:00:00Z"), FROM_TO, None),
    (of("Observation", effectiveInstant="2026-05-04T10:00:00Z", issued="2026-06-01T10:00:00Z"), MAY_4, None),
    (of("Observation", effectiveTiming={"event": [DAY]}, issued="2026-06-01T10:00:00Z"), MAY_4, None),
    (of("Observation", effectiveTiming={"event": ["x", "2026-05-06", DAY]}), FROM_TO, None),
    (of("Observation", effectiveTiming={"repeat": {"boundsPeriod": PERIOD}}), FROM_TO, None),
    (of("Observation", effectiveTiming={"event": DAY, "repeat": 5}, issued=DAY), MAY_4, None),
    (of("Observation", issued="2026-05-04T10:00:00Z"), MAY_4, None),
    (of("Procedure", performedDateTime=DAY), MAY_4, None),
    (of("Procedure", performedPeriod=PERIOD), FROM_TO, None),
    (of("Procedure", performedString=DAY), None, None),
    (of("Procedure", performedTiming={"repeat": {"boundsPeriod": PERIOD}}), FROM_TO, None),
    (of("ServiceRequest", authoredOn=DAY, occurrenceDateTime=LATER), MAY_4, None),
    (of("ServiceRequest", occurrenceDateTime=DAY), MAY_4, None),
    (of("ServiceRequest", occurrencePeriod=PERIOD), FROM_TO, None),
    (of("ServiceRequest", occurrenceTiming={"event": [DAY]}), MAY_4, None),
    (of("Patient", created=DAY), None, None),
    # the onset of a Condition, else when it was asserted, else when it was recorded: said which
    (of("Condition"), None, None),
    (of("Condition", onsetDateTime=DAY, recordedDate=LATER, extension=[asserted(LATER)]), MAY_4, None),
    (of("Condition", onsetPeriod=PERIOD, recordedDate=LATER), MAY_4, None),
    (of("Condition", onsetPeriod={"end": DAY}, recordedDate=LATER), on(date(2026, 6, 1)), RECORDED_BY),
    (of("Condition", onsetPeriod=DAY, recordedDate=LATER), on(date(2026, 6, 1)), RECORDED_BY),
    (of("Condition", onsetDateTime="x", onsetPeriod=PERIOD), MAY_4, None),
    (of("Condition", onsetDateTime="2026-05", onsetPeriod=PERIOD), MAY, None),
    (of("Condition", recordedDate=LATER, extension=[asserted(DAY)]), MAY_4, ASSERTED_BY),
    (of("Condition", extension=["x", {}, asserted(LATER, "u"), asserted("x"), asserted(DAY)]), MAY_4, ASSERTED_BY),
    (of("Condition", recordedDate=DAY, extension=[asserted(LATER, "u"), asserted(None)]), MAY_4, RECORDED_BY),
    (of("Condition", recordedDate="x", extension=None), None, None),
    (of("Condition", effectiveDateTime=DAY), None, None),
]


@pytest.mark.parametrize(("resource", "expected", "remark"), DATED)
def test_the_clinical_date_is_the_first_that_can_be_read(
    resource: dict[str, Any], expected: PartialDate | None, remark: str | None
) -> None:
    assert clinical_date(resource) == (expected, remark)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-06-15", 6, "2025-12-15"),
        ("2026-06-15", 5, "2026-01-15"),
        ("2026-06-15", 0, "2026-06-15"),
        ("2026-12-15", 12, "2025-12-15"),
        ("2026-01-31", 1, "2025-12-31"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2024-03-31", 1, "2024-02-29"),
        ("2026-03-31", 13, "2025-02-28"),
        ("2026-05-31", 6, "2025-11-30"),
    ],
)
def test_months_go_back_by_the_calendar(day: str, months: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), -months) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        (date(2026, 11, 23), 2, date(2027, 1, 23)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 10, 31), 1, date(2026, 11, 30)),
        (date(2026, 11, 30), 1, date(2026, 12, 30)),
    ],
)
def test_months_end_on_the_same_day_or_the_last(start: date, months: int, expected: date) -> None:
    assert add_months(start, months) == expected


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2024-01-31", "2024-02-28", 0),
        ("2025-01-30", "2025-02-27", 0),
        ("2025-06-15", "2025-06-14", 0),
        ("2025-06-15", "2025-06-15", 0),
        ("2025-12-31", "2026-01-30", 0),
        ("2026-01-15", "2026-02-14", 0),
        ("2026-01-31", "2026-02-27", 0),
        ("2026-06-15", "2025-06-15", 0),
        ("2024-01-31", "2024-02-29", 1),
        ("2025-01-30", "2025-02-28", 1),
        ("2025-01-31", "2025-02-28", 1),
        ("2025-06-15", "2025-07-15", 1),
        ("2025-08-31", "2025-09-30", 1),
        ("2025-12-31", "2026-01-31", 1),
        ("2026-01-15", "2026-02-15", 1),
        ("2026-01-31", "2026-02-28", 1),
        ("2025-12-31", "2026-02-28", 2),
        ("2024-02-29", "2025-02-27", 11),
        ("2025-06-15", "2026-06-14", 11),
        ("2023-02-28", "2024-02-28", 12),
        ("2024-02-29", "2025-02-28", 12),
        ("2025-06-15", "2026-06-15", 12),
        ("2024-06-15", "2026-06-14", 23),
        ("2024-06-15", "2026-06-15", 24),
    ],
)
def test_a_month_is_complete_when_its_day_is_reached(start: str, end: str, months: int) -> None:
    assert complete_months(date.fromisoformat(start), date.fromisoformat(end)) == months


def test_one_date_is_earlier_only_on_every_reading_of_both() -> None:
    assert earlier(days("2026-04-30"), MAY)
    assert not earlier(days("2026-05-01"), MAY)
    assert earlier(MAY, days("2026-06-01"))
    assert not earlier(MAY, days("2026-05-31"))
    assert not earlier(MAY_4, MAY_4)


def test_a_date_moves_by_days_as_far_as_the_calendar_reaches() -> None:
    assert shifted(MAY, 1) == days("2026-05-02", "2026-06-01")
    assert shifted(MAY, -30) == days("2026-04-01", "2026-05-01")
    assert shifted(days("9999-12-30", "9999-12-31"), 1) == days("9999-12-31")
    assert shifted(days("0001-01-02", "0001-01-03"), -2) == days("0001-01-01")
    assert shifted(days("0001-01-02", "0001-01-03"), -1) == days("0001-01-01", "0001-01-02")
    assert tomorrow(date(2024, 2, 28)) == date(2024, 2, 29)


@pytest.mark.parametrize("written", ["2026", "2024-02", "2026-05", "2026-05-04", "2026-05-04/2027-06-01"])
def test_the_days_of_a_date_are_found_again_in_what_is_shown_of_it(written: str) -> None:
    found = PartialDate.of(written)
    assert found is not None
    assert (str(found), PartialDate.of(value_of(found))) == (written, found)


@pytest.mark.parametrize("written", ["", "x", "26", "2026-13", "2026-02-30", "2026-05-04/x", "2026-5", None, 2026])
def test_what_is_no_date_has_no_days(written: object) -> None:
    assert PartialDate.of(written) is None


def test_a_date_is_a_day_or_text_in_its_precision() -> None:
    whole_year, over_months = days("2026-01-01", "2026-12-31"), days("2026-05-04", "2026-06-30")
    assert [value_of(one) for one in (MAY_4, MAY, whole_year, over_months)] == [
        date(2026, 5, 4),
        "2026-05",
        "2026",
        "2026-05-04/2026-06-30",
    ]
