"""The liver metastases: dates, detection, interval, size, and disease elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval, Sign
from fhir_mappings.chart import Completeness
from fhir_mappings.policy import MappingPolicy
from tests.charts import (
    COMPLETE,
    CPT,
    ICD10CM,
    condition,
    local,
    procedure,
)
from tests.fhir_mappings.reading import read, shown

RESECTION = (CPT, "44140")
HEPATECTOMY = (CPT, "47125")
NO_PROCEDURES = {**COMPLETE, "Procedure": Completeness.PARTIAL}


def primary(onset: str | None = None, **more: Any) -> dict[str, Any]:
    return condition("p", (ICD10CM, "C18.7"), onset=onset, **more)


def liver(onset: str | None = None, ident: str = "l", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, "C78.7"), onset=onset, **more)


def resected(on: str | None) -> dict[str, Any]:
    return procedure("r", RESECTION, on=on)


def test_the_first_of_several_metastasis_dates_counts() -> None:
    case = read(liver("2026-05-10"), liver("2026-03-01", "b"), liver("2025-01-01", "c", clinical="resolved"))
    assert shown(case, "liver-metastasis-date").isoformat() == "2026-03-01"


EITHER = {"at-staging", "follow-up"}
DETECTED: list[tuple[str, list[dict[str, Any]], Any]] = [
    ("before the primary", [primary("2026-05-01"), liver("2026-04-01")], "at-staging"),
    ("same day", [primary("2026-05-01"), liver("2026-05-01")], "at-staging"),
    ("last day of the window", [primary("2026-05-01"), liver("2026-05-31")], "at-staging"),
    ("day after the window, in place", [primary("2026-05-01"), liver("2026-06-01")], "follow-up"),
    ("before the resection", [primary("2025-05-01"), liver("2025-09-01"), resected("2025-09-01")], "at-staging"),
    ("after the resection", [primary("2025-05-01"), liver("2025-09-02"), resected("2025-09-01")], "follow-up"),
    ("month inside the window", [primary("2026-04-30"), liver("2026-05")], EITHER),
    ("month before", [primary("2026-05-01"), liver("2026-04")], "at-staging"),
    ("month after", [primary("2025-05-01"), liver("2026-04")], "follow-up"),
    ("month of the resection", [primary("2025-05-01"), liver("2025-09-15"), resected("2025-09")], EITHER),
    ("undated resection", [primary("2025-05-01"), liver("2026-04-01"), resected(None)], EITHER),
    ("month that may be too early", [primary("2025-04-25"), liver("2026-04-11"), resected("2025-01")], "follow-up"),
    ("no date of the primary", [primary(), liver("2026-04-01")], "gap: absent"),
    ("no date of the metastases", [primary("2026-04-01"), liver()], "gap: absent"),
    ("recorded on one day", [primary(recordedDate="2026-05-01"), liver(recordedDate="2026-05-01")], "gap: absent"),
    ("metastases recorded", [primary("2026-05-01"), liver(recordedDate="2026-05-02")], "gap: absent"),
    ("primary recorded", [primary(recordedDate="2026-05-01"), liver("2026-05-02")], "gap: absent"),
    (
        "metastases recorded and said",
        [
            primary("2026-05-01"),
            liver(recordedDate="2026-05-02"),
            local("liver-metastasis-date", "2026-05-02", on="2026-05-02"),
        ],
        "at-staging",
    ),
    (
        "primary recorded and said",
        [
            primary(recordedDate="2026-05-01"),
            local("primary-diagnosis-date", "2026-05-01", on="2026-05-01"),
            liver("2026-05-02"),
        ],
        "at-staging",
    ),
    (
        "recorded before the resection",
        [primary("2026-01-01"), liver(recordedDate="2026-05-02"), resected("2026-05-10")],
        "gap: absent",
    ),
    (
        "primary recorded, found before the resection",
        [primary(recordedDate="2026-05-01"), liver("2026-05-02"), resected("2026-05-10")],
        "at-staging",
    ),
    ("recorded years later", [primary("2024-05-01"), liver(recordedDate="2026-05-02")], "follow-up"),
    ("diagnosed in a month, first day of doubt", [primary("2026-04"), liver("2026-05-02")], EITHER),
    ("diagnosed in a month, last sure day", [primary("2026-04"), liver("2026-05-01")], "at-staging"),
    ("diagnosed in a month, last day of doubt", [primary("2026-04"), liver("2026-05-30")], EITHER),
    ("diagnosed in a month, after it", [primary("2026-04"), liver("2026-05-31")], "follow-up"),
    ("no date of the primary, resected after", [primary(), liver("2026-04-01"), resected("2026-04-02")], "at-staging"),
    (
        "no date of the primary, resected before",
        [primary(), liver("2026-04-02"), resected("2026-04-01")],
        EITHER,
    ),
    # its diagnosis is at most 90 days after its resection, and staging takes 30 more
    (
        "no date of the primary, resected 120 days before",
        [primary(), liver("2026-04-01"), resected("2025-12-02")],
        EITHER,
    ),
    (
        "no date of the primary, resected 121 days before",
        [primary(), liver("2026-04-01"), resected("2025-12-01")],
        "follow-up",
    ),
    (
        "a past primary, resected in a month",
        [condition("z", (ICD10CM, "Z85.038")), liver("2026-04-01"), resected("2025-11")],
        "follow-up",
    ),
    (
        "a past primary, resected in a month of doubt",
        [condition("z", (ICD10CM, "Z85.038")), liver("2026-04-01"), resected("2025-12")],
        EITHER,
    ),
    (
        "a past primary, resected at an unknown time",
        [condition("z", (ICD10CM, "Z85.038")), liver("2026-04-01")],
        "gap: absent",
    ),
    ("resected in the month", [primary("2025-05-01"), liver("2025-09"), resected("2025-09-30")], "at-staging"),
    ("resected on its first day", [primary("2025-05-01"), liver("2025-09"), resected("2025-09-01")], EITHER),
    (
        "in doubt",
        [primary("2025-05-01"), liver("2026-04-01"), procedure("r", RESECTION, status="unknown")],
        EITHER,
    ),
    ("recorded in doubt", [primary("2026-04"), liver(recordedDate="2026-05-10")], "gap: absent"),
    ("primary recorded in doubt", [primary(recordedDate="2026-04"), liver("2026-05-10")], "gap: absent"),
    # diagnosed up to 90 days after the resection, or so late that the window holds the metastases
    (
        "a resection of no sure primary, after the metastases",
        [primary("2025"), liver("2025-04-20"), resected("2025-05-15")],
        "at-staging",
    ),
    (
        "a resection of no sure primary, on their day",
        [primary("2025"), liver("2025-05-15"), resected("2025-05-15")],
        "at-staging",
    ),
    (
        "a resection of no sure primary, before the metastases",
        [primary("2025"), liver("2025-05-16"), resected("2025-05-15")],
        EITHER,
    ),
    (
        "not done",
        [primary("2025-05-01"), liver("2026-04-01"), procedure("r", RESECTION, status="not-done")],
        "follow-up",
    ),
    (
        "recorded, resected before",
        [primary(recordedDate="2025-05-01"), liver(recordedDate="2026-04-01"), resected("2025-06-01")],
        "follow-up",
    ),
    (
        "resected by a local date, before",
        [primary("2024-05-01"), liver("2026-05-02"), local("primary-in-situ", False, on="2024-08-01")],  # noqa: FBT003
        "follow-up",
    ),
    (
        "resected at an unknown time",
        [primary("2024-05-01"), liver("2026-05-02"), local("primary-in-situ", False, on="2026-06-01")],  # noqa: FBT003
        "follow-up",
    ),
]


@pytest.mark.parametrize(("resources", "expected"), [case[1:] for case in DETECTED], ids=[case[0] for case in DETECTED])
def test_detection_is_derived_from_the_dates(resources: list[dict[str, Any]], expected: Any) -> None:
    assert shown(read(*resources), "metastases-detected") == expected


def test_detection_is_open_where_the_dates_of_the_resection_conflict() -> None:
    said = [local("primary-resection-date", day, on="2026-06-01", ident=day) for day in ("2025-06-20", "2026-05-25")]
    case = read(primary("2025-01-01"), liver("2026-05-20"), *said)
    facts = ("primary-resection-date", "metastases-detected", "months-primary-to-metastases")
    assert [shown(case, fact) for fact in facts] == ["gap: conflicting", EITHER, "gap: absent"]


def test_a_wider_staging_window_is_a_policy() -> None:
    policy = MappingPolicy(staging_window_days=90)
    case = read(primary("2026-03-01"), liver("2026-05-30"), policy=policy)
    assert shown(case, "metastases-detected") == "at-staging"


def test_late_detection_is_not_derived_without_procedures() -> None:
    case = read(primary("2025-05-01"), liver("2026-04-01"), completeness=NO_PROCEDURES)
    assert shown(case, "metastases-detected") == "gap: not-retrieved"
    assert shown(case, "months-primary-to-metastases") == "gap: not-retrieved"


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2026-04-16", "intraoperative"),
        ("2026-04-15", "at-staging"),
        ("2026-04", {"intraoperative", "at-staging"}),
        (None, {"intraoperative", "at-staging"}),
    ],
)
def test_found_at_operation_holds_for_its_window(on: str | None, expected: Any) -> None:
    assert shown(read(local("metastases-detected", "intraoperative", on=on)), "metastases-detected") == expected


FOUND_AT_OPERATION: list[tuple[str, str | None, str, Any]] = [
    ("imaged a week later", "2026-05-20", "2026-05-27", "intraoperative"),
    ("of the month", "2026-05-20", "2026-05", "intraoperative"),
    ("on the last day of its window", "2026-04-16", "2026-06-15", "intraoperative"),
    ("imaged a week later, long ago", "2026-01-20", "2026-01-27", "at-staging"),
    ("on the last day of a window long ago", "2026-01-20", "2026-03-21", "at-staging"),
    ("other metastases after the window", "2026-01-20", "2026-03-22", "follow-up"),
    ("an operation of some month", "2026-01", "2026-04-01", "at-staging"),
    ("an operation of some month, after it", "2026-01", "2026-04-02", "follow-up"),
    ("an operation of no day", None, "2026-05-27", "follow-up"),
]


@pytest.mark.parametrize(
    ("said", "dated", "expected"),
    [case[1:] for case in FOUND_AT_OPERATION],
    ids=[case[0] for case in FOUND_AT_OPERATION],
)
def test_dates_of_the_window_do_not_speak_against_found_at_operation(
    said: str | None, dated: str, expected: Any
) -> None:
    found = local("metastases-detected", "intraoperative", on=said)
    case = read(primary("2025-10-01"), liver(dated), found, resected("2025-12-01"))
    assert shown(case, "metastases-detected") == expected


def test_found_at_operation_stands_beside_dates_that_say_at_staging() -> None:
    found = local("metastases-detected", "intraoperative", on="2026-05-20")
    case = read(primary("2026-05-10"), liver("2026-05-27"), found)
    assert shown(case, "metastases-detected") == "intraoperative"


def test_found_at_an_operation_of_no_day_is_not_forgotten_for_dates_that_leave_the_detection_open() -> None:
    found = local("metastases-detected", "intraoperative")
    case = read(primary("2026-04"), liver("2026-05-15"), found)
    assert shown(case, "metastases-detected") == {"intraoperative", "at-staging"}


TEXT_RESECTION = procedure("r", RESECTION, on="2025-06-01") | {"code": {"text": "Right hemicolectomy"}}
TWICE = [procedure("a", RESECTION, on="2025-06"), procedure("b", RESECTION, on="2025-06-20")]
MONTHS: list[tuple[str, list[dict[str, Any]], Any]] = [
    ("from the diagnosis", [primary("2025-05-15"), liver("2026-05-15")], 12),
    ("a day less", [primary("2025-05-15"), liver("2026-05-14")], 11),
    ("from the resection", [primary("2025-05-15"), liver("2026-05-15"), resected("2025-07-01")], 10),
    ("resected later", [primary("2026-05-01"), liver("2026-05-05"), resected("2026-06-01")], 0),
    ("partial dates that agree", [primary("2025-05-01"), liver("2026-05")], 12),
    ("partial dates that differ", [primary("2025-05-15"), liver("2026-05")], Interval(11, 12)),
    ("undated resection", [primary("2025-05-15"), liver("2026-05-15"), resected(None)], Interval(0, 15)),
    ("undated, by the window", [primary("2025-06-15"), liver("2026-05-10"), resected(None)], Interval(0, 13)),
    ("a month on the window", [primary("2025-04-25"), liver("2026-04-11"), resected("2025-01")], Interval(11, 14)),
    # of a year's first 231 days the resection is of this primary, and the interval counts from it; then from the others
    ("a day of the year", [primary("2025"), liver("2026-01-18"), resected("2025-05-15")], Interval(0, 8)),
    ("a month of the year", [primary("2025"), liver("2026-01-18"), resected("2025-05")], Interval(0, 8)),
    ("a day of the year, undated", [primary("2025"), liver("2026-01-18"), resected(None)], Interval(0, 15)),
    (
        "a day of the year and an undated one",
        [primary("2025"), liver("2026-01-18"), resected("2025-05-15"), procedure("s", RESECTION)],
        Interval(0, 15),
    ),
    ("recorded on one day", [primary(recordedDate="2026-05-01"), liver(recordedDate="2026-05-01")], "gap: absent"),
    ("no dates", [primary(), liver("2026-05-01")], "gap: absent"),
    ("no date of the metastases", [primary("2025-05-01"), liver()], "gap: absent"),
    ("no date of the primary but of its resection", [primary(), liver("2026-05-01"), resected("2025-05-01")], 12),
    ("recorded years later", [primary("2024-05-15"), liver(recordedDate="2026-05-15")], 24),
    ("primary recorded years before", [primary(recordedDate="2024-05-15"), liver("2026-05-15")], 24),
    ("metastases recorded at staging", [primary("2026-05-01"), liver(recordedDate="2026-05-15")], "gap: absent"),
    ("primary recorded at staging", [primary(recordedDate="2026-05-01"), liver("2026-05-15")], "gap: absent"),
    (
        "primary recorded, resected",
        [primary(recordedDate="2026-05-01"), liver("2026-05-15"), resected("2026-05-15")],
        0,
    ),
    (
        "primary recorded, resected before the metastases",
        [primary(recordedDate="2026-05-01"), liver("2026-05-20"), resected("2026-05-10")],
        0,
    ),
    ("resected in a month", [primary("2025-01-01"), liver("2026-05-15"), resected("2025-05")], Interval(11, 12)),
    ("metastases first, undated", [primary("2026-05-01"), liver("2026-04-01"), resected(None)], Interval(0, 2)),
    ("text of an operation", [primary("2025-05-15"), liver("2026-05-15"), TEXT_RESECTION], "gap: absent"),
    (
        "in doubt",
        [primary("2025-05-15"), liver("2026-05-15"), procedure("r", RESECTION, status="unknown")],
        "gap: absent",
    ),
    ("resections whose order is open", [primary("2025-01-01"), liver("2026-05-15"), *TWICE], "gap: absent"),
]


@pytest.mark.parametrize(("resources", "expected"), [case[1:] for case in MONTHS], ids=[case[0] for case in MONTHS])
def test_months_run_from_the_resection_else_the_diagnosis(resources: list[dict[str, Any]], expected: Any) -> None:
    assert shown(read(*resources), "months-primary-to-metastases") == expected


def said_resected(day: str, ident: str) -> dict[str, Any]:
    return local("primary-resection-date", day, on="2026-06-01", ident=ident)


UNCLEAR: list[tuple[str, list[dict[str, Any]]]] = [
    ("two days said", [said_resected("2025-06-01", "a"), said_resected("2025-07-01", "b")]),
    ("a month and a day done", [resected("2025-06"), resected("2025-06-15") | {"id": "s"}]),
    ("unreadable", [said_resected("2025-06-01", "a") | {"valueDateTime": "in June"}]),
]


@pytest.mark.parametrize("resections", [one[1] for one in UNCLEAR], ids=[one[0] for one in UNCLEAR])
def test_a_resection_whose_date_is_unclear_does_not_count_the_interval_from_the_diagnosis(
    resections: list[dict[str, Any]],
) -> None:
    late = read(primary("2025-05-01"), liver("2026-05-15"), *resections)
    staged = read(primary("2025-05-01"), liver("2025-05-15"), *resections)
    found = [
        (shown(case, "metastases-detected"), shown(case, "months-primary-to-metastases")) for case in (late, staged)
    ]
    assert found == [(EITHER, "gap: absent"), ("at-staging", "gap: absent")]


def test_a_resolved_metastasis_elsewhere_is_none() -> None:
    case = read(condition("c", (ICD10CM, "C78.00"), onset="2026-06-01", clinical="resolved"))
    assert (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs) == ("gap: absent", False)


def test_an_old_active_metastasis_elsewhere_is_outdated_and_stays_a_sign() -> None:
    case = read(condition("c", (ICD10CM, "C78.00"), onset="2025-06-01"))
    assert (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs) == ("gap: outdated", True)
