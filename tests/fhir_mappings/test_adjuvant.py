"""Adjuvant chemotherapy between resection and metastases, and radiotherapy of the rectum."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts import (
    ICD10CM,
    RXNORM,
    SNOMED,
    concept,
    condition,
    local,
    order,
    procedure,
)
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import (
    FLUOROURACIL,
    HEPATECTOMY,
    LIVER,
    OLD,
    OXALIPLATIN,
    PRIMARY,
    TEXT,
    Given,
    given,
    period,
    request,
    taken,
)

PERHAPS = {"none", "completed"}
ADJUVANT: list[tuple[str, list[Given], Any, str]] = [
    ("between", [given("2024-03-01")], "completed", "2024-03-01"),
    ("day after the resection", [given("2024-02-02")], "completed", "2024-02-02"),
    ("day of the resection", [given("2024-02-01")], "gap: absent", "gap: absent"),
    ("day before the metastases", [given("2026-01-14")], "completed", "2026-01-14"),
    ("day of the metastases", [given("2026-01-15")], "gap: absent", "gap: absent"),
    ("the last of two", [given("2024-09-01"), given("2024-03-01", ident="a")], "completed", "2024-09-01"),
    ("the end of an infusion", [given(**period("2024-03-01", "2024-03-03"))], "completed", "2024-03-03"),
    (
        "the end of a pump with another drug of its day",
        [given(ident="a", **period("2024-03-01", "2024-03-03")), given("2024-03-01", ident="z")],
        "completed",
        "2024-03-03",
    ),
    (
        "perhaps another before the metastases",
        [given("2024-03-01"), given("2026-01", ident="e")],
        "completed",
        "2024-03-01/2026-01-15",
    ),
    (
        "some day of a year, another in November",
        [given("2025"), given("2025-11", ident="e")],
        "completed",
        "2025-11-01/2025-12-31",
    ),
    ("some day of a year, another before", [given("2025"), given("2024-11-02", ident="e")], "completed", "2025"),
    (
        "perhaps an order to its last day",
        [given("2024-03-01"), request("completed", "2024-02", **taken(end="2024-09-01"))],
        "completed",
        "2024-03-01/2024-09-01",
    ),
    (
        "perhaps another after the resection",
        [given("2024-03-01"), given("2024-02", ident="e")],
        "completed",
        "2024-03-01",
    ),
    ("another after the metastases", [given("2024-03-01"), given("2026-01-15", ident="e")], "completed", "2024-03-01"),
    ("another before the resection", [given("2024-03-01"), given("2024-02-01", ident="e")], "completed", "2024-03-01"),
    (
        "another in radiotherapy or after it",
        [
            procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2024-02-20", "end": "2024-03-10"}),
            given("2024-02-10"),
            given("2024-03", FLUOROURACIL, ident="e"),
        ],
        "completed",
        "2024-02-10/2024-03-31",
    ),
    ("another in text", [given("2024-03-01"), given("2024-08-01", ident="e") | TEXT], "completed", "gap: absent"),
    ("another in text, since", [given("2024-03-01"), given("2026-02-01", ident="e") | TEXT], "completed", "2024-03-01"),
    (
        "another unreadable",
        [given("2024-03-01"), given("2024-08-01", ident="e", foo=1)],
        "completed",
        "gap: unreadable",
    ),
    ("another undated", [given("2024-03-01"), request("completed", None)], "completed", "gap: absent"),
    ("undated", [given()], "gap: unreadable", "gap: unreadable"),
    ("perhaps after the resection", [given("2024-02")], PERHAPS, "gap: absent"),
    ("perhaps before the metastases", [given("2026-01")], PERHAPS, "gap: absent"),
    ("perhaps in the year of the resection", [given("2024"), given("2023-12-01", ident="e")], PERHAPS, "gap: absent"),
    ("begun", [given("2024-03-01", status="in-progress")], PERHAPS, "gap: absent"),
    ("an undated order that was done", [request("completed", None)], PERHAPS, "gap: absent"),
    (
        "perhaps, and an order still open",
        [given("2024-02"), request("active", "2024-03-01")],
        {"none", "ongoing"},
        "gap: absent",
    ),
    (
        "perhaps, and another in text surely",
        [given("2024-02"), given("2024-08-01", ident="e") | TEXT],
        "gap: unreadable",
        "gap: absent",
    ),
    ("an order still open alone", [request("active", "2024-03-01")], "gap: absent", "gap: absent"),
    (
        "an order to its last day",
        [request("completed", "2024-03-01", **taken("2024-03-04", "2024-08-19"))],
        "completed",
        "2024-08-19",
    ),
    (
        "an order to the last day of its last part",
        [
            request(
                "completed",
                "2024-03-01",
                dosageInstruction=[
                    {"text": "with food"},
                    *taken("2024-06-03", "2024-08-19")["dosageInstruction"],
                    *taken("2024-03-04", "2024-05-27")["dosageInstruction"],
                ],
            )
        ],
        "completed",
        "2024-08-19",
    ),
    (
        "an order from its first day",
        [request("completed", "2024-01-20", **taken("2024-03-04"))],
        "completed",
        "2024-03-04",
    ),
    (
        "an order that was done before its last day",
        [request("completed", "2024-03-01", **taken(end="2027-03-01"))],
        "completed",
        "2024-03-01",
    ),
    ("an order still open", [given("2024-03-01"), request("active", "2024-03-01")], "ongoing", "gap: absent"),
    (
        "an open order not to give it",
        [given("2024-03-01"), request("active", "2024-03-01", doNotPerform=True)],
        "completed",
        "2024-03-01",
    ),
    (
        "an order of the day after the resection",
        [given("2024-03-01"), request("active", "2024-02-02")],
        "ongoing",
        "gap: absent",
    ),
    (
        "an order from before the resection",
        [given("2024-03-01"), request("active", "2024-02-01")],
        "completed",
        "2024-03-01",
    ),
    ("an order of the metastases", [given("2024-03-01"), request("active", "2026-01-15")], "completed", "2024-03-01"),
    ("an undated order", [given("2024-03-01"), request("active", None)], "completed", "2024-03-01"),
    ("an order on hold", [given("2024-03-01"), request("on-hold", "2024-03-01")], "completed", "2024-03-01"),
    (
        "an order of another drug",
        [given("2024-03-01"), request("active", "2024-03-01", medicationCodeableConcept=concept(RXNORM, "860975"))],
        "completed",
        "2024-03-01",
    ),
]


@pytest.mark.parametrize(
    ("resources", "status", "end"), [one[1:] for one in ADJUVANT], ids=[one[0] for one in ADJUVANT]
)
def test_adjuvant_therapy_lies_between_resection_and_metastases(resources: list[Given], status: Any, end: str) -> None:
    case = read(*OLD, *resources)
    assert (shown(case, "adjuvant-status"), str(shown(case, "adjuvant-end-date"))) == (status, end)


def _in_either(*places: str) -> Given:
    first, *others = (local("primary-site", place, on="2026-06-01") for place in places)
    for other in others:
        first["valueCodeableConcept"]["coding"] += other["valueCodeableConcept"]["coding"]
    return first


RADIATED, RECTUM, LUNG = (SNOMED, "108290001"), concept(SNOMED, "34402009"), concept(SNOMED, "39607008")


def course(site: Given | None = None, *, status: str = "completed", on: str = "2026-02-01") -> Given:
    return procedure("c", RADIATED, on=on, status=status) | ({"bodySite": [LUNG, site]} if site else {})


OPS = "http://fhir.de/CodeSystem/bfarm/ops"
FRACTION = (OPS, "8-522.91")
BEGUN = {"ongoing", "completed"}


def fraction(on: str, *, ident: str = "f", status: str = "completed", **more: Any) -> Given:
    return procedure(ident, FRACTION, on=on, status=status, **more)


COURSES: list[tuple[str, list[Given], Any]] = [
    ("site of the rectum", [course(RECTUM)], "completed"),
    ("site elsewhere", [course(LUNG)], "gap: absent"),
    ("no primary", [course()], "gap: absent"),
    ("primary in the rectum", [PRIMARY, course()], "completed"),
    ("primary in the colon", [condition("p", (ICD10CM, "C18.7")), course()], "gap: absent"),
    ("under way", [PRIMARY, course(status="in-progress")], "ongoing"),
    ("prepared", [PRIMARY, course(status="preparation")], "indicated"),
    ("prepared for a day to come", [PRIMARY, course(status="preparation", on="2026-07-01")], "indicated"),
    ("not done yet", [PRIMARY, course(status="not-done-yet", on="2026-07-01")], "indicated"),
    ("stopped", [PRIMARY, course(status="stopped")], "gap: absent"),
    ("to come", [PRIMARY, course(on="2026-07-01")], "gap: absent"),
    ("ordered", [PRIMARY, order("o", RADIATED, on="2026-06-01")], "indicated"),
    ("ordered elsewhere", [PRIMARY, order("o", RADIATED, on="2026-06-01", bodySite=[LUNG])], "gap: absent"),
    ("another procedure", [PRIMARY, procedure("c", HEPATECTOMY, on="2026-02-01", bodySite=[RECTUM])], "gap: absent"),
    ("done after an order", [PRIMARY, order("o", RADIATED, on="2026-01-20"), course()], "completed"),
    ("primary in the upper or mid rectum", [_in_either("rectum-high", "rectum-mid"), course()], "completed"),
    ("primary in rectum or sigmoid", [_in_either("rectum-high", "sigmoid-colon"), course()], "gap: absent"),
    ("a fraction", [PRIMARY, fraction("2026-02-01")], BEGUN),
    ("fractions", [PRIMARY, *(fraction(f"2026-02-0{day}", ident=f"f{day}") for day in range(1, 6))], BEGUN),
    ("a fraction of the rectum", [fraction("2026-02-01", bodySite=[RECTUM])], BEGUN),
    ("a fraction elsewhere", [PRIMARY, fraction("2026-02-01", bodySite=[LUNG])], "gap: absent"),
    ("a fraction without a primary", [fraction("2026-02-01")], "gap: absent"),
    ("a fraction that was not given", [PRIMARY, fraction("2026-02-01", status="not-done")], "gap: absent"),
    ("a fraction to come", [PRIMARY, fraction("2026-07-01")], "gap: absent"),
    ("a fraction of a course", [PRIMARY, fraction("2026-02-01"), course(status="in-progress")], "ongoing"),
    ("a fraction before the course ended", [PRIMARY, fraction("2026-01-31"), course()], "completed"),
    ("fractions ordered", [PRIMARY, order("o", FRACTION, on="2026-02-01")], "indicated"),
    ("fractions prepared", [PRIMARY, fraction("2026-07-01", status="preparation")], "indicated"),
    *(
        (f"no treatment: {code}", [PRIMARY, procedure("f", (OPS, code), on="2026-02-01")], "gap: absent")
        for code in ("8-523.00", "8-527.0", "8-528.6", "8-529.8")
    ),
    (
        "primary in two places of the rectum",
        [
            condition("p", (ICD10CM, "C20"), bodySite=[RECTUM]),
            local("primary-site", "rectum-low", on="2026-01-01"),
            course(),
        ],
        "completed",
    ),
]


@pytest.mark.parametrize(("resources", "expected"), [one[1:] for one in COURSES], ids=[one[0] for one in COURSES])
def test_radiotherapy_is_of_the_rectum_by_site_or_by_the_primary(resources: list[Given], expected: Any) -> None:
    assert shown(read(*resources), "rectal-radiotherapy") == expected


def test_fluoropyrimidine_on_the_day_of_a_fraction_is_no_cycle() -> None:
    """A fraction that nobody closed lasts for its day alone."""
    for status in ("completed", "in-progress"):
        fractions = [fraction("2026-02-01", status=status), fraction("2026-02-20", ident="g")]
        found = [
            shown(read(PRIMARY, LIVER, *fractions, given(day, drug)), "chemotherapy-cycles")
            for day, drug in (("2026-02-01", FLUOROURACIL), ("2026-02-10", FLUOROURACIL), ("2026-02-01", OXALIPLATIN))
        ]
        assert found == ["gap: absent", 1, 1]


@pytest.mark.parametrize(
    ("days", "drug_on", "expected"),
    [
        (("2026-02-06", "2026-02-09"), "2026-02-07", "gap: absent"),
        (("2026-02-01", "2026-02-08"), "2026-02-05", "gap: absent"),
        (("2026-02-01", "2026-02-09"), "2026-02-05", 1),
        (("2026-02-01", "2026-02-08", "2026-02-15"), "2026-02-14", "gap: absent"),
        (("2026-02-01", "2026-02-08", "2026-02-15"), "2026-02-03", "gap: absent"),
        (("2026-02-01", "2026-02-08"), "2026-02-09", 1),
        (("2026-02-01", "2026-02-01", "2026-02-04"), "2026-02-03", "gap: absent"),
    ],
)
def test_fractions_that_follow_each_other_within_a_week_are_one_course(
    days: tuple[str, ...], drug_on: str, expected: Any
) -> None:
    fractions = [fraction(day, ident=f"f{number}") for number, day in enumerate(days)]
    case = read(PRIMARY, LIVER, *fractions, given(drug_on, FLUOROURACIL))
    assert shown(case, "chemotherapy-cycles") == expected


def test_a_fraction_that_takes_days_ends_its_course_where_the_last_one_ends() -> None:
    long = fraction("2026-02-01", performedPeriod={"start": "2026-02-01", "end": "2026-02-10"})
    del long["performedDateTime"]
    first, last, end, after = "2026-02-01", "2026-02-10", "2026-02-17", "2026-02-18"
    for day, expected in ((first, "gap: absent"), (last, "gap: absent"), (end, "gap: absent"), (after, 1)):
        fractions = [long, fraction("2026-02-02", ident="g"), fraction("2026-02-17", ident="h")]
        case = read(PRIMARY, LIVER, *fractions, given(day, FLUOROURACIL))
        assert shown(case, "chemotherapy-cycles") == expected


def test_fractions_without_a_date_hide_no_others() -> None:
    undated = fraction("2026-02-01", ident="a")
    del undated["performedDateTime"]
    case = read(PRIMARY, LIVER, undated, fraction("2026-02-01"), given("2026-02-01", FLUOROURACIL))
    assert shown(case, "chemotherapy-cycles") == "gap: absent"


def test_a_fraction_of_a_month_joins_no_others() -> None:
    fractions = [fraction(day, ident=day) for day in ("2026-02-01", "2026-02", "2026-02-20")]
    case = read(PRIMARY, LIVER, *fractions, given("2026-03-01", FLUOROURACIL))
    assert shown(case, "chemotherapy-cycles") == 1


WEEKS = {"performedPeriod": {"start": "2026-03-01", "end": "2026-04-05"}}
OVER_WEEKS: list[tuple[str, str, tuple[str, str], str]] = [
    ("done, said to be under way in its course", "completed", ("ongoing", "2026-03-20"), "completed"),
    ("done, indicated on its first day", "completed", ("indicated", "2026-03-01"), "completed"),
    ("done, indicated again after it", "completed", ("indicated", "2026-04-06"), "indicated"),
    ("under way, indicated before it", "in-progress", ("indicated", "2026-02-28"), "ongoing"),
    ("under way, said to be done since", "in-progress", ("completed", "2026-04-01"), "completed"),
]


@pytest.mark.parametrize(
    ("status", "said", "expected"), [one[1:] for one in OVER_WEEKS], ids=[one[0] for one in OVER_WEEKS]
)
def test_a_course_of_weeks_is_done_at_its_end_and_under_way_from_its_start(
    status: str, said: tuple[str, str], expected: str
) -> None:
    course_of_weeks = procedure("c", RADIATED, status=status, bodySite=[RECTUM]) | WEEKS
    value, day = said
    case = read(PRIMARY, course_of_weeks, local("rectal-radiotherapy", value, on=day))
    assert shown(case, "rectal-radiotherapy") == expected
