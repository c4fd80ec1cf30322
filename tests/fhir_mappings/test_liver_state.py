"""The state of the liver metastases: untreated, treated, or back."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue, Sign
from tests.charts import CPT, ICD10CM, condition, local, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

HEPATECTOMY = (CPT, "47125")


def primary(onset: str) -> dict[str, Any]:
    return condition("p", (ICD10CM, "C18.7"), onset=onset)


def liver(onset: str | None = None, ident: str = "l", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, "C78.7"), onset=onset, **more)


def test_an_operation_before_the_metastases_is_not_their_treatment() -> None:
    case = read(PRIMARY, LIVER, procedure("h", HEPATECTOMY, on="2026-05-09"))
    assert (shown(case, "liver-state"), Sign.LIVER_TREATED in case.signs) == ("gap: absent", True)
    reason = "an operation of the liver, not certainly for these metastases"
    assert case.issues == (Issue("Procedure/h", reason, "flagged", ("liver-state",)),)


@pytest.mark.parametrize(("again", "expected"), [("2025-07-01", "treated"), ("2025-07-02", "recurrence")])
def test_a_metastasis_more_than_30_days_after_the_operation_is_a_recurrence(again: str, expected: str) -> None:
    case = read(
        primary("2025-01-01"), liver("2025-02-01"), procedure("h", HEPATECTOMY, on="2025-06-01"), liver(again, "m")
    )
    assert shown(case, "liver-state") == expected


def test_a_treated_metastasis_and_a_new_one_are_a_recurrence() -> None:
    old = liver("2025-02-01", clinical="resolved")
    case = read(primary("2025-01-01"), old, procedure("h", HEPATECTOMY, on="2025-06-01"), liver("2026-05-01", "m"))
    assert shown(case, "liver-state") == "recurrence"


def hepatectomy(on: str, ident: str = "h") -> dict[str, Any]:
    return procedure(ident, HEPATECTOMY, on=on)


STILL_OPEN = frozenset({"treated", "recurrence"})
STATES: list[tuple[str, list[dict[str, Any]], Any]] = [
    ("on the day", [liver("2025-06-01"), hepatectomy("2025-06-01")], "treated"),
    ("in a month of doubt", [liver("2025-06"), hepatectomy("2025-06-01")], "gap: absent"),
    (
        "between one that was refuted and the first",
        [liver("2025-01-01", "r", verification="refuted"), liver("2026-05-10"), hepatectomy("2025-06-01")],
        "gap: absent",
    ),
    ("on its last day", [liver("2025-06"), hepatectomy("2025-06-30")], "treated"),
    ("without date of the metastases", [liver(), hepatectomy("2025-06-30")], "gap: absent"),
    ("resolved", [liver("2025-06-01", clinical="resolved"), hepatectomy("2025-06-02")], "treated"),
    (
        "local date",
        [local("liver-metastasis-date", "2025-06-01", on="2025-06-01"), hepatectomy("2025-06-02")],
        "treated",
    ),
    ("not done", [liver("2025-06-01"), procedure("h", HEPATECTOMY, on="2025-06-02", status="not-done")], "gap: absent"),
    (
        "new between two operations",
        [liver("2025-02-01"), hepatectomy("2025-03-01"), liver("2025-08-01", "m"), hepatectomy("2025-09-01", "g")],
        "treated",
    ),
    (
        "new after two operations",
        [liver("2025-02-01"), hepatectomy("2025-03-01"), hepatectomy("2025-04-01", "g"), liver("2025-05-02", "m")],
        "recurrence",
    ),
    ("30 days after a month began", [liver("2025-02-01"), hepatectomy("2025-06"), liver("2025-07-01", "m")], "treated"),
    ("31 days after it began", [liver("2025-02-01"), hepatectomy("2025-06"), liver("2025-07-02", "m")], STILL_OPEN),
    ("30 days after it ended", [liver("2025-02-01"), hepatectomy("2025-06"), liver("2025-07-30", "m")], STILL_OPEN),
    ("31 days after a month", [liver("2025-02-01"), hepatectomy("2025-06"), liver("2025-07-31", "m")], "recurrence"),
    ("in a month after", [liver("2025-02-01"), hepatectomy("2025-05-31"), liver("2025-07", "m")], "recurrence"),
    ("in a month of doubt after", [liver("2025-02-01"), hepatectomy("2025-06-01"), liver("2025-07", "m")], STILL_OPEN),
    (
        "in a month of doubt after, and surely later",
        [liver("2025-02-01"), hepatectomy("2025-06-01"), liver("2025-07", "m"), liver("2025-10", "n")],
        "recurrence",
    ),
    (
        "in a month of doubt after, said to be treated",
        [
            liver("2025-02-01"),
            hepatectomy("2025-06-01"),
            liver("2025-07", "m"),
            local("liver-state", "treated", on="2025-08-01"),
        ],
        "treated",
    ),
    (
        "in a year that began before",
        [liver("2025-02-01"), hepatectomy("2025-06-01"), liver("2025", "m")],
        "treated",
    ),
    (
        "without date beside what is over",
        [liver("2025-02-01", clinical="resolved"), hepatectomy("2025-06-01"), liver(ident="m")],
        STILL_OPEN,
    ),
    (
        "without date but for the one that was entered",
        [liver(), local("liver-metastasis-date", "2025-02-01", on="2025-06-01"), hepatectomy("2025-06-01")],
        "treated",
    ),
    (
        "new and over",
        [liver("2025-02-01"), hepatectomy("2025-06-01"), liver("2026-02-01", "m", clinical="inactive")],
        "treated",
    ),
    ("new to come", [liver("2025-02-01"), hepatectomy("2025-06-01"), liver("2026-07-01", "m")], "treated"),
    ("new without date", [liver("2025-02-01"), hepatectomy("2025-06-01"), liver(ident="m")], "treated"),
]


@pytest.mark.parametrize(("resources", "expected"), [case[1:] for case in STATES], ids=[case[0] for case in STATES])
def test_the_state_follows_operations_and_later_metastases(resources: list[dict[str, Any]], expected: Any) -> None:
    assert shown(read(primary("2025-01-01"), *resources), "liver-state") == expected


@pytest.mark.parametrize(
    ("again", "expected"), [("2025-06-24", "treated"), ("2025-06-25", "recurrence"), ("2025-06", "treated")]
)
@pytest.mark.parametrize("elsewhere", [[], [hepatectomy("2025-05-02")]], ids=["not in the chart", "before its coding"])
def test_a_metastasis_more_than_30_days_after_it_was_said_that_the_liver_is_treated_is_a_recurrence(
    elsewhere: list[dict[str, Any]], again: str, expected: str
) -> None:
    said = [
        local("liver-state", "untreated", on="2025-05-11", ident="a"),
        local("liver-state", "treated", on="2025-05-25"),
    ]
    case = read(primary("2025-01-01"), liver("2025-05-10"), *elsewhere, *said, liver(again, "m"))
    assert shown(case, "liver-state") == expected


def test_an_undated_liver_operation_is_a_sign_alone() -> None:
    case = read(PRIMARY, LIVER, procedure("h", HEPATECTOMY))
    assert (shown(case, "liver-state"), Sign.LIVER_TREATED in case.signs) == ("gap: absent", True)


def test_a_planned_liver_operation_treats_nothing() -> None:
    case = read(PRIMARY, LIVER, procedure("h", HEPATECTOMY, status="preparation"))
    assert (shown(case, "liver-state"), shown(case, "hepatectomy-extent")) == ("gap: absent", "gap: outdated")
    assert Sign.LIVER_TREATED not in case.signs


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"status": "stopped"}, "gap: absent"),
        ({"status": "in-progress"}, "gap: absent"),
        ({"foo": 1}, "gap: unreadable"),
    ],
)
def test_an_operation_of_the_liver_in_doubt_leaves_the_primary_as_it_is(more: dict[str, Any], state: str) -> None:
    case = read(PRIMARY, LIVER, procedure("h", (CPT, "47130"), on="2026-06-01", **more))
    signs = {Sign.PROCEDURES_COMPLETE, Sign.LIVER_OPERATION_IN_DOUBT, Sign.RECENT_DIAGNOSIS}
    assert (shown(case, "liver-state"), set(case.signs)) == (state, signs)


def test_an_operation_in_text_alone_may_be_one_of_the_liver_or_of_the_primary() -> None:
    case = read(PRIMARY, LIVER, procedure("h", HEPATECTOMY) | {"code": {"text": "partial hepatectomy"}})
    assert case.signs == {Sign.LIVER_OPERATION_IN_DOUBT, Sign.RECENT_DIAGNOSIS}
