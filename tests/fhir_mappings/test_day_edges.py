"""Windows and ages that span a leap day, and days written with times and zones: the day of the chart counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.charts import ICD10CM, condition, local
from tests.fhir_mappings.reading import PRIMARY, read, shown


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # 30 days over 29 February 2024 end on 1 March, without a leap day on 2 March
        (("2024-01-31", "2024-03-01"), "at-staging"),
        (("2024-01-31", "2024-03-02"), "follow-up"),
        (("2025-01-31", "2025-03-02"), "at-staging"),
        (("2025-01-31", "2025-03-03"), "follow-up"),
        (("2024-01-30", "2024-02-29"), "at-staging"),
        (("2024-02-29", "2024-03-30"), "at-staging"),
        (("2024-02-29", "2024-03-31"), "follow-up"),
        # the 30th day from whichever zones it was written in, and the 31st though fewer hours lie between
        (("2026-01-31T23:30:00-10:00", "2026-03-02T23:30:00+14:00"), "at-staging"),
        (("2026-01-31T00:30:00+14:00", "2026-03-02T23:30:00-10:00"), "at-staging"),
        (("2026-01-31T23:30:00-10:00", "2026-03-03T00:10:00+14:00"), "follow-up"),
    ],
)
def test_the_staging_window_is_counted_in_days_of_the_calendar(found: tuple[str, str], expected: str) -> None:
    diagnosed, seen = found
    case = read(condition("p", (ICD10CM, "C18.7"), onset=diagnosed), condition("l", (ICD10CM, "C78.7"), onset=seen))
    assert shown(case, "metastases-detected") == expected


@pytest.mark.parametrize(
    ("now", "measured", "expected"),
    [
        # 90 days before 30 May, once over a leap day and once not
        ("2024-05-30", "2024-03-01", 1),
        ("2024-05-30", "2024-02-29", "gap: outdated"),
        ("2024-05-29", "2024-02-29", 1),
        ("2024-05-28", "2024-02-28", 1),
        ("2025-05-29", "2025-02-28", 1),
        ("2025-05-30", "2025-02-28", "gap: outdated"),
        # written late in the west or early in the east: its own day counts
        ("2026-06-15", "2026-03-17T00:05:00+14:00", 1),
        ("2026-06-15", "2026-03-17T23:55:00-11:00", 1),
        ("2026-06-15", "2026-03-16T23:55:00-11:00", "gap: outdated"),
    ],
)
def test_a_maximum_age_is_counted_in_days_of_the_calendar(now: str, measured: str, expected: object) -> None:
    noon = datetime.fromisoformat(f"{now}T12:00:00").replace(tzinfo=UTC)
    assert shown(read(PRIMARY, local("ecog", 1, on=measured), now=noon), "ecog") == expected


@pytest.mark.parametrize(("hour", "expected"), [(0, 1), (23, 1)])
def test_the_hour_of_the_call_does_not_age_a_value(hour: int, expected: int) -> None:
    now = datetime(2026, 6, 15, hour, 59, tzinfo=UTC)
    assert shown(read(PRIMARY, local("ecog", 1, on="2026-03-17"), now=now), "ecog") == expected
