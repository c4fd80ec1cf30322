"""Systemic therapy by its dates: what is before, after, inside a course or in doubt."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Interval, Sign
from tests.charts import (
    SNOMED,
    local,
    procedure,
)
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import (
    BEVACIZUMAB,
    FLUOROURACIL,
    HEPATECTOMY,
    LIVER,
    LIVER_IN_JANUARY,
    METASTASES_OF_2025,
    METFORMIN,
    OLD,
    PRIMARY,
    TEXT,
    Given,
    given,
    operated,
    period,
    request,
    taken,
)

PREOPERATIVE: list[tuple[str, list[Given], Any, str, bool]] = [
    ("one", [LIVER, given("2026-02-01")], 1, "2026-02-01", True),
    ("day of the metastases", [LIVER, given("2026-01-15")], 1, "2026-01-15", True),
    ("day before", [LIVER, given("2026-01-14")], "gap: absent", "gap: absent", False),
    ("month of doubt", [LIVER_IN_JANUARY, given("2026-01-30")], "gap: absent", "gap: absent", True),
    ("last day of it", [LIVER_IN_JANUARY, given("2026-01-31")], 1, "2026-01-31", True),
    ("before it", [LIVER_IN_JANUARY, given("2025-12-31")], "gap: absent", "gap: absent", False),
    (
        "doubt beside",
        [LIVER_IN_JANUARY, given("2026-01-01"), given("2026-02-01", ident="e")],
        Interval(1),
        "2026-02-01",
        True,
    ),
    (
        "a pump of doubt that may end later",
        [LIVER_IN_JANUARY, given("2026-02-01", ident="e"), given(**period("2026-01-30", "2026-02-02"))],
        Interval(1),
        "gap: absent",
        True,
    ),
    ("undated beside", [LIVER, given(), given("2026-02-01", ident="e")], Interval(1), "gap: unreadable", True),
    (
        "text beside",
        [LIVER, given("2026-02-01"), given("2026-02-20", ident="e") | TEXT],
        Interval(1),
        "gap: absent",
        True,
    ),
    ("text before alone", [LIVER, given("2025-02-20") | TEXT], "gap: absent", "gap: absent", False),
    ("text before", [LIVER, given("2026-02-01"), given("2025-02-20", ident="e") | TEXT], 1, "2026-02-01", True),
    (
        "text not done",
        [LIVER, given("2026-02-01"), given("2026-02-20", ident="e", status="not-done") | TEXT],
        1,
        "2026-02-01",
        True,
    ),
    (
        "unreadable beside",
        [LIVER, given("2026-02-01"), given("2026-02-20", ident="e", foo=1)],
        Interval(1),
        "gap: unreadable",
        True,
    ),
    (
        "unreadable text beside",
        [LIVER, given("2026-02-01"), given("2026-02-20", ident="e", foo=1) | TEXT],
        Interval(1),
        "gap: absent",
        True,
    ),
    ("another unreadable", [LIVER, given("2026-02-01"), procedure("x", HEPATECTOMY, foo=1)], 1, "2026-02-01", True),
    ("before the operation", [LIVER, given("2026-02-28"), operated("2026-03-01")], 1, "2026-02-28", True),
    ("day of the operation", [LIVER, given("2026-03-01"), operated("2026-03-01")], "gap: absent", "gap: absent", True),
    ("month of the operation", [LIVER, given("2026-03-05"), operated("2026-03")], "gap: absent", "gap: absent", True),
    (
        "for new metastases after an operation",
        [METASTASES_OF_2025, operated("2025-06-01"), LIVER, given("2026-02-01"), given("2026-02-15", ident="e")],
        2,
        "2026-02-15",
        True,
    ),
    (
        "before the operation of new metastases",
        [
            METASTASES_OF_2025,
            operated("2025-06-01"),
            LIVER,
            given("2026-02-01"),
            operated("2026-02-15") | {"id": "i"},
            given("2026-03-15", ident="e"),
        ],
        1,
        "2026-02-01",
        True,
    ),
    (
        "day of the new metastases and of an operation",
        [METASTASES_OF_2025, operated("2026-01-15"), LIVER, given("2026-02-01")],
        "gap: absent",
        "gap: absent",
        True,
    ),
    (
        "before the first of two",
        [LIVER, given("2026-03-15"), operated("2026-03-01"), operated("2026-04-01") | {"id": "i"}],
        "gap: absent",
        "gap: absent",
        True,
    ),
    (
        "doubt by the operation",
        [LIVER, given("2026-02-01"), given("2026-03-05", ident="e"), operated("2026-03")],
        Interval(1),
        "gap: absent",
        True,
    ),
    (
        "after the operation",
        [LIVER, given("2026-02-01"), given("2026-04-05", ident="e"), operated("2026-03")],
        1,
        "2026-02-01",
        True,
    ),
    (
        "no date of the metastases",
        [LIVER | {"onsetDateTime": None}, given("2026-02-01")],
        "gap: absent",
        "gap: absent",
        True,
    ),
    ("tomorrow", [LIVER, given("2026-06-16")], 1, "2026-06-16", True),
    ("to come", [LIVER, given("2026-06-17")], "gap: absent", "gap: absent", True),
    ("infusion", [LIVER, given(**period("2026-02-01", "2026-02-03"))], 1, "2026-02-03", True),
    ("open infusion", [LIVER, given(**period("2026-02-01"))], 1, "2026-02-01", True),
    ("infusion by its end", [LIVER, given(**period(end="2026-02-03"))], 1, "2026-02-03", True),
    (
        "references against their dates",
        [LIVER, given("2026-03-01", ident="a"), given("2026-02-01", ident="b")],
        2,
        "2026-03-01",
        True,
    ),
    (
        "one on the day of the operation",
        [LIVER, given("2026-02-01"), given("2026-03-01", ident="e"), operated("2026-03-01")],
        1,
        "2026-02-01",
        True,
    ),
    (
        "another drug unreadable beside",
        [LIVER, given("2026-02-01"), given("2026-02-20", METFORMIN, ident="e", foo=1)],
        1,
        "2026-02-01",
        True,
    ),
    (
        "chemotherapy in doubt",
        [LIVER, procedure("x", (SNOMED, "367336001"), on="2026-02-01", status="unknown")],
        "gap: absent",
        "gap: absent",
        True,
    ),
    (
        "two infusions",
        [LIVER, given(**period("2026-02-01", "2026-02-03")), given(ident="e", **period("2026-02-15", "2026-02-17"))],
        2,
        "2026-02-17",
        True,
    ),
    (
        "a pump that runs on after another drug of its day",
        [LIVER, given(ident="a", **period("2026-02-15", "2026-02-17")), given("2026-02-15", ident="z")],
        1,
        "2026-02-17",
        True,
    ),
    (
        "a pump that runs on after what started later",
        [LIVER, given(**period("2026-02-15", "2026-02-17")), given("2026-02-16", ident="e")],
        1,
        "2026-02-17",
        True,
    ),
    (
        "a day in the month that ends last",
        [LIVER, given("2026-03", ident="a"), given("2026-03-05", ident="b")],
        Interval(1, 2),
        "2026-03",
        True,
    ),
    (
        "infusion into the metastases",
        [LIVER, given(**period("2026-01-14", "2026-01-16"))],
        "gap: absent",
        "gap: absent",
        True,
    ),
    ("requests stopped", [LIVER, request("stopped", "2026-02-01")], "gap: absent", "gap: absent", True),
    ("request open", [LIVER, request("active", "2026-02-01")], "gap: absent", "gap: absent", False),
    (
        "request not to give it",
        [LIVER, request("completed", "2026-02-01", doNotPerform=True)],
        "gap: absent",
        "gap: absent",
        False,
    ),
    (
        "request in text not to give it",
        [LIVER, request("completed", "2026-02-01", doNotPerform=True, **TEXT)],
        "gap: absent",
        "gap: absent",
        False,
    ),
    ("request to give it", [LIVER, request("completed", "2026-02-01", doNotPerform=False)], 1, "2026-02-01", True),
    (
        "request to its last day",
        [LIVER, request("completed", "2026-02-01", **taken("2026-02-02", "2026-05-30"))],
        1,
        "2026-05-30",
        True,
    ),
    (
        "request into the metastases",
        [LIVER, request("completed", "2026-01-02", **taken("2026-01-05", "2026-02-28"))],
        "gap: absent",
        "gap: absent",
        True,
    ),
    (
        "request until the metastases",
        [LIVER, request("completed", "2026-01-02", **taken("2026-01-05", "2026-01-14"))],
        "gap: absent",
        "gap: absent",
        False,
    ),
    ("request undated", [LIVER, request("completed", None)], "gap: absent", "gap: absent", True),
]


@pytest.mark.parametrize(
    ("resources", "cycles", "last", "since"), [one[1:] for one in PREOPERATIVE], ids=[one[0] for one in PREOPERATIVE]
)
def test_preoperative_therapy_lies_between_metastases_and_operation(
    *, resources: list[Given], cycles: Any, last: str, since: bool
) -> None:
    case = read(PRIMARY, *resources)
    found = (shown(case, "chemotherapy-cycles"), str(shown(case, "chemotherapy-last-date")))
    assert (*found, Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs) == (cycles, last, since)


DOSES: list[tuple[list[str], Any]] = [
    (["2026-02-01", "2026-02-11", "2026-02-21"], 3),
    (["2026-02-01", "2026-02-10", "2026-02-19"], 2),
    (["2026-02-01", "2026-02-09", "2026-02-11"], 2),
    (["2026-02-21", "2026-02-01"], 2),
    (["2026-02", "2026-03"], Interval(1, 2)),
    (["2026-02", "2026-03-05", "2026-03-20"], Interval(2, 3)),
    (["2026-02"], 1),
]


@pytest.mark.parametrize(("days", "cycles"), DOSES)
def test_a_cycle_starts_ten_days_after_the_last_start(days: list[str], cycles: Any) -> None:
    doses = [given(day, ident=f"d{number}") for number, day in enumerate(days)]
    assert shown(read(PRIMARY, LIVER, *doses), "chemotherapy-cycles") == cycles


COURSE = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2026-02-01", "end": "2026-03-10"})
SENSITISED: list[tuple[str, list[Given], Any]] = [
    ("first day", [given("2026-02-01", FLUOROURACIL)], "gap: absent"),
    ("last day", [given("2026-03-10", FLUOROURACIL)], "gap: absent"),
    ("day before", [given("2026-01-31", FLUOROURACIL)], 1),
    ("day after", [given("2026-03-11", FLUOROURACIL)], 1),
    ("month over its end", [given("2026-03", FLUOROURACIL)], "gap: absent"),
    (
        "month over its end beside another drug",
        [given("2026-03", FLUOROURACIL), given("2026-04-10", ident="e")],
        Interval(1),
    ),
    ("month over its start", [given("2026-02", FLUOROURACIL)], "gap: absent"),
    ("another drug", [given("2026-02-10")], 1),
    ("both drugs beside", [given("2026-02-10", FLUOROURACIL), given("2026-02-10", ident="e")], 1),
]


@pytest.mark.parametrize(("doses", "cycles"), [one[1:] for one in SENSITISED], ids=[one[0] for one in SENSITISED])
def test_fluoropyrimidine_within_a_course_is_part_of_it(doses: list[Given], cycles: Any) -> None:
    undone = COURSE | {"id": "x", "status": "not-done", "performedPeriod": {"start": "2025-01-01", "end": "2026-06-01"}}
    assert shown(read(PRIMARY, LIVER, COURSE, undone, *doses), "chemotherapy-cycles") == cycles


def radiated(status: str, **when: Any) -> Given:
    return procedure("rt", (SNOMED, "1217123003"), status=status, **when)


def lasting(start: str | None = None, end: str | None = None) -> Given:
    return {"performedPeriod": period(start, end)["effectivePeriod"]}


BEGUN: list[tuple[str, Given, Any]] = [
    ("under way", radiated("in-progress", **lasting("2026-02-01")), "gap: absent"),
    ("under way, a day", radiated("in-progress", on="2026-02-01"), "gap: absent"),
    ("under way, planned to end", radiated("in-progress", **lasting("2026-02-01", "2026-02-10")), "gap: absent"),
    ("under way, ended", radiated("in-progress", **lasting("2026-02-01", "2026-02-09")), 1),
    ("under way since later", radiated("in-progress", **lasting("2026-02-11")), 1),
    ("under way, undated", radiated("in-progress"), 1),
    ("interrupted", radiated("on-hold", **lasting("2026-02-01")), "gap: absent"),
    ("stopped", radiated("stopped", **lasting("2026-02-01", "2026-02-28")), "gap: absent"),
    ("stopped before", radiated("stopped", **lasting("2026-02-01", "2026-02-08")), 1),
    ("done", radiated("completed", on="2026-02-10"), "gap: absent"),
    ("done on another day", radiated("completed", on="2026-02-01"), 1),
    ("done in the month", radiated("completed", on="2026-02"), "gap: absent"),
    ("begun in the month", radiated("completed", **lasting("2026-02", "2026-03-10")), "gap: absent"),
    ("begun in the month before", radiated("completed", **lasting("2026-01", "2026-03-10")), "gap: absent"),
    ("known by its end", radiated("completed", **lasting(end="2026-02-10")), "gap: absent"),
    ("to come", radiated("in-progress", **lasting("2026-07-01")), 1),
    ("prepared", radiated("preparation", **lasting("2026-02-01", "2026-03-10")), 1),
    ("in doubt", radiated("unknown", **lasting("2026-02-01", "2026-03-10")), 1),
]


@pytest.mark.parametrize(("course", "cycles"), [one[1:] for one in BEGUN], ids=[one[0] for one in BEGUN])
def test_a_course_that_began_holds_its_fluoropyrimidine(course: Given, cycles: Any) -> None:
    case = read(PRIMARY, LIVER, course, given("2026-02-10", FLUOROURACIL))
    assert shown(case, "chemotherapy-cycles") == cycles


def test_fluoropyrimidine_after_the_resection_within_a_course_is_not_adjuvant() -> None:
    courses = [radiated("in-progress", **lasting("2024-02-20")), radiated("completed", on="2024-03")]
    found = [read(*OLD, course, given("2024-03-01", FLUOROURACIL)) for course in courses]
    # of some day of March the course may be over, or still to come
    assert [shown(case, "adjuvant-status") for case in found] == ["gap: absent", {"none", "completed"}]


def test_bevacizumab_is_dated_apart_and_open_where_another_drug_is_in_text() -> None:
    both = [given("2026-02-01", BEVACIZUMAB), given("2026-03-01", ident="e")]
    found = [read(PRIMARY, LIVER, *more) for more in (both, both[1:], [*both, given("2026-03-20", ident="t") | TEXT])]
    assert [str(shown(case, "bevacizumab-last-date")) for case in found] == ["2026-02-01", "gap: absent", "gap: absent"]
    unreadable = given("2026-03-20", ident="u", foo=1)
    refused = [read(PRIMARY, LIVER, *both, one) for one in (unreadable, procedure("x", HEPATECTOMY, foo=1))]
    assert [str(shown(case, "bevacizumab-last-date")) for case in refused] == ["2026-02-01", "2026-02-01"]


REFERENCES = ("MedicationRequest/r", "https://ehr.example/fhir/MedicationRequest/r/_history/2", "urn:uuid:r")


@pytest.mark.parametrize("reference", REFERENCES)
def test_an_order_is_no_dose_beside_the_doses_that_were_given_for_it(reference: str) -> None:
    for_it = {"request": {"reference": reference}}
    doses = [given("2026-02-01") | for_it, given("2026-02-15", ident="e") | for_it]
    before, after = (read(*OLD, request("completed", day), *doses) for day in ("2026-01-10", "2026-01-20"))
    facts = ("adjuvant-status", "chemotherapy-cycles")
    assert [[shown(case, fact) for fact in facts] for case in (before, after)] == [["gap: absent", 2]] * 2


@pytest.mark.parametrize(
    "dose",
    [given("2026-02-01"), given("2026-02-01", request={"reference": "MedicationRequest/other"})],
)
def test_an_order_that_no_dose_refers_to_counts_as_given(dose: Given) -> None:
    case = read(*OLD, request("completed", "2026-01-20"), dose)
    assert shown(case, "chemotherapy-cycles") == 2


def test_an_order_whose_dose_was_not_given_counts_as_given() -> None:
    for_it = {"request": {"reference": "MedicationRequest/r"}}
    case = read(*OLD, request("completed", "2026-01-20"), given("2026-02-01", status="entered-in-error") | for_it)
    assert shown(case, "chemotherapy-cycles") == 1


@pytest.mark.parametrize(("dose", "last"), [("2026-03-10", "2026-03-10"), ("2026-02-25", "2026-02-20")])
def test_what_was_entered_of_the_last_day_gives_way_to_a_dose_of_later(dose: str, last: str) -> None:
    entered = local("chemotherapy-last-date", date(2026, 2, 20), on="2026-03-01")
    assert str(shown(read(PRIMARY, LIVER, entered, given(dose)), "chemotherapy-last-date")) == last
