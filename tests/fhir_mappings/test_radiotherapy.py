"""Radiotherapy of the rectum, and fluoropyrimidine that is part of it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval, Sign
from tests.charts import (
    CPT,
    HCPCS,
    ICD10CM,
    OPCS,
    PCS,
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
    OXALIPLATIN,
    PRIMARY,
    Given,
    given,
)

OPS = "http://fhir.de/CodeSystem/bfarm/ops"
ICDO = "http://terminology.hl7.org/CodeSystem/icd-o-3"
FRACTION = (OPS, "8-522.91")
BEGUN = {"ongoing", "completed"}
RADIATED, RECTUM, LUNG = (SNOMED, "108290001"), concept(SNOMED, "34402009"), concept(SNOMED, "39607008")


def _in_either(*places: str) -> Given:
    first, *others = (local("primary-site", place, on="2026-06-01") for place in places)
    for other in others:
        first["valueCodeableConcept"]["coding"] += other["valueCodeableConcept"]["coding"]
    return first


def course(site: Given | None = None, *, status: str = "completed", on: str = "2026-02-01") -> Given:
    return procedure("c", RADIATED, on=on, status=status) | ({"bodySite": [LUNG, site]} if site else {})


def fraction(on: str, *, ident: str = "f", status: str = "completed", **more: Any) -> Given:
    return procedure(ident, FRACTION, on=on, status=status, **more)


COURSES: list[tuple[str, list[Given], Any]] = [
    ("site of the rectum", [course(RECTUM)], "completed"),
    ("site elsewhere", [course(LUNG)], "gap: absent"),
    *(
        (f"site in ICD-O-3: {code}", [PRIMARY, course({"coding": [{"system": ICDO, "code": code}]})], said)
        for code, said in (
            ("C20.9", "completed"),
            ("C209", "completed"),
            ("c19.9", "completed"),
            ("C61.9", "gap: absent"),
        )
    ),
    ("site in words", [PRIMARY, course({"text": "rectum"})], "gap: absent"),
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


OF_A_COURSE = [*((SNOMED, code) for code in ("33195004", "448385000", "441799006", "1222565005", "238051000000104"))]
OF_A_COURSE += [(HCPCS, "G6003"), (HCPCS, "G6012"), (HCPCS, "G6015"), (HCPCS, "G6016")]
OF_A_COURSE += [(CPT, "77386"), (CPT, "77412"), (CPT, "77427"), (PCS, "DD070ZZ"), (OPCS, "X65.4"), (OPCS, "X654")]
WHOLE = [*((SNOMED, code) for code in ("1217123003", "1287742003", "168523002", "394934009")), (OPS, "8-52")]


@pytest.mark.parametrize(
    ("code", "said"),
    [*((code, BEGUN) for code in OF_A_COURSE), *((code, "completed") for code in WHOLE)],
    ids=[code for _, code in (*OF_A_COURSE, *WHOLE)],
)
def test_fluoropyrimidine_beside_radiotherapy_in_any_code_is_no_cycle(code: tuple[str, str], said: Any) -> None:
    treated = procedure("c", code, performedPeriod={"start": "2026-02-01", "end": "2026-03-10"}, bodySite=[RECTUM])
    beside, after = (read(PRIMARY, LIVER, treated, given(day, FLUOROURACIL)) for day in ("2026-02-15", "2026-03-12"))
    found = [shown(case, "chemotherapy-cycles") for case in (beside, after)]
    assert (shown(beside, "rectal-radiotherapy"), found) == (said, ["gap: absent", 1])


NAMES = [
    "Radiotherapy rectum 50.4 Gy",
    "Chemoradiotherapy",
    "Bestrahlung Rektum",
    "Radiochemotherapie",
    "Radiothérapie",
]


@pytest.mark.parametrize("name", NAMES)
def test_fluoropyrimidine_beside_radiotherapy_that_is_known_by_its_name_may_be_part_of_it(name: str) -> None:
    named = procedure("c", RADIATED, performedPeriod={"start": "2026-02-01", "end": "2026-03-10"})
    named |= {"code": {"text": name}}
    beside, after, other = given("2026-02-15", FLUOROURACIL), given("2026-03-12", FLUOROURACIL, ident="e"), OXALIPLATIN
    found = [
        shown(read(PRIMARY, LIVER, one, *doses), "chemotherapy-cycles")
        for one, doses in (
            (named, [beside]),
            (named, [after]),
            (named, [beside, after]),
            (named, [given("2026-02-15", other)]),
            (named | {"status": "not-done"}, [beside]),
            (named | {"code": {"text": "Physiotherapy"}}, [beside]),
        )
    ]
    assert found == ["gap: absent", 1, Interval(1), 1, 1, 1]
    assert Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in read(PRIMARY, LIVER, named, beside).signs
    assert shown(read(PRIMARY, LIVER, named), "rectal-radiotherapy") == "gap: absent"


@pytest.mark.parametrize("code", ["77263", "77373", "77290", "77470", "G6001", "G6017"])
def test_what_prepares_radiotherapy_or_is_rather_of_the_liver_is_none_of_the_rectum(code: str) -> None:
    case = read(PRIMARY, LIVER, procedure("c", (CPT, code), on="2026-02-01"), given("2026-02-01", FLUOROURACIL))
    assert (shown(case, "rectal-radiotherapy"), shown(case, "chemotherapy-cycles")) == ("gap: absent", 1)


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
