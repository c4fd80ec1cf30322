"""Operations and site of the primary: what several codes leave, and which operations were of this primary."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from fhir_mappings.case import Interval, Scope, Sign
from tests.charts import CPT, ICD10CM, OPCS, SNOMED, concept, condition, local, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

Given: TypeAlias = dict[str, Any]
RIGHT, HARTMANN, SEGMENTAL, ANTERIOR = (CPT, "44160"), (CPT, "44143"), (CPT, "44140"), (SNOMED, "4558008")
LOW, MULTIVISCERAL, LEFT = (CPT, "44145"), (CPT, "45126"), (SNOMED, "82619000")
SEGMENTS = {"right-hemicolectomy", "left-hemicolectomy", "transverse-colectomy", "sigmoid-or-high-anterior-resection"}
COLON_OPERATIONS = SEGMENTS | {"hartmann", "total-colectomy"}


def coded(*codes: tuple[str, str]) -> Given:
    return {"code": {"coding": [{"system": system, "code": code} for system, code in codes]}}


@pytest.mark.parametrize(
    ("codes", "site", "expected"),
    [
        ([SEGMENTAL], None, SEGMENTS),
        ([SEGMENTAL, RIGHT], None, "right-hemicolectomy"),
        ([RIGHT, SEGMENTAL], None, "right-hemicolectomy"),
        ([RIGHT, HARTMANN], None, {"right-hemicolectomy", "hartmann"}),
        ([SEGMENTAL, HARTMANN], None, SEGMENTS | {"hartmann"}),
        ([SEGMENTAL, ANTERIOR], None, "sigmoid-or-high-anterior-resection"),
        ([MULTIVISCERAL, LOW], None, "low-anterior-resection"),
        ([MULTIVISCERAL], "rectum-low", {"low-anterior-resection", "abdominoperineal-resection", "hartmann"}),
        ([ANTERIOR], "rectum-low", "low-anterior-resection"),
        ([ANTERIOR], "rectum-mid", "low-anterior-resection"),
        ([ANTERIOR], "rectosigmoid", {"low-anterior-resection", "sigmoid-or-high-anterior-resection"}),
        ([ANTERIOR], None, {"low-anterior-resection", "sigmoid-or-high-anterior-resection"}),
        ([(OPCS, "H33.2")], None, "low-anterior-resection"),
    ],
)
def test_codes_of_one_operation_are_taken_together(
    codes: list[tuple[str, str]], site: str | None, expected: Any
) -> None:
    known = [local("primary-site", site, on="2026-06-01")] if site else []
    done = read(*known, procedure("p", RIGHT, on="2026-06-01") | coded(*codes))
    planned = read(*known, order("p", RIGHT, on="2026-06-01") | coded(*codes))
    found = (shown(done, "primary-operation-done"), shown(planned, "colorectal-operation"))
    assert found == (expected, expected)


OPS = "http://fhir.de/CodeSystem/bfarm/ops"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, "right-hemicolectomy") for code in ("5-455.21", "5-455.41", "5-455.45", "5-455.92")),
        ("5-455.51", "transverse-colectomy"),
        *((code, "left-hemicolectomy") for code in ("5-455.61", "5-455.a1")),
        *((code, "sigmoid-or-high-anterior-resection") for code in ("5-455.71", "5-455.75", "5-455.7")),
        *((code, "hartmann") for code in ("5-455.72", "5-455.76", "5-484.32", "5-484.36")),
        *((code, {"total-colectomy", "proctocolectomy"}) for code in ("5-456", "5-456.x")),
        ("5-458.01", COLON_OPERATIONS),
        ("5-455.01", SEGMENTS),
        *((code, COLON_OPERATIONS) for code in ("5-455.x1", "5-455")),
        ("5-456.00", "total-colectomy"),
        ("5-456.11", "proctocolectomy"),
        *(
            (code, {"sigmoid-or-high-anterior-resection", "low-anterior-resection"})
            for code in ("5-484.35", "5-484.31", "5-484.21", "5-484.3")
        ),
        *((code, "low-anterior-resection") for code in ("5-484.52", "5-484.55", "5-484.61")),
        *((code, {"low-anterior-resection", "abdominoperineal-resection"}) for code in ("5-484.x", "5-484")),
        ("5-485.01", "abdominoperineal-resection"),
        ("5-455.b1", "total-colectomy"),
        ("5-455.d1", "total-colectomy"),
        ("5-455.c1", "left-hemicolectomy"),
        *((code, "gap: absent") for code in ("5-482.90", "5-484.27", "5-452.61", "5-460.10")),
    ],
)
@pytest.mark.parametrize("system", [OPS, "http://fhir.de/CodeSystem/dimdi/ops"])
def test_a_german_code_names_the_operation_done_or_planned(system: str, code: str, expected: Any) -> None:
    done = read(PRIMARY, LIVER, procedure("p", (system, code), on="2026-06-01"))
    planned = read(PRIMARY, LIVER, order("p", (system, code), on="2026-06-01"))
    found = (shown(done, "primary-operation-done"), shown(planned, "colorectal-operation"))
    assert (*found, shown(done, "primary-in-situ") is False) == (expected, expected, expected != "gap: absent")


@pytest.mark.parametrize(
    ("code", "state", "extent"),
    [
        ("5-501.00", "treated", "minor"),
        ("5-501.10", "treated", "gap: absent"),
        ("5-501.21", "treated", "minor"),
        ("5-501.53", "treated", "gap: absent"),
        ("5-502.0", "treated", "minor"),
        ("5-502.1", "treated", "major"),
        ("5-502.2", "treated", "major"),
        ("5-502.5", "treated", "gap: absent"),
        ("1-442.0", "gap: absent", "gap: absent"),
    ],
)
def test_a_german_code_names_the_operation_of_the_liver(code: str, state: str, extent: str) -> None:
    done = read(PRIMARY, LIVER, procedure("p", (OPS, code), on="2026-06-01"))
    planned = read(PRIMARY, LIVER, order("p", (OPS, code), on="2026-06-01"))
    assert (shown(done, "liver-state"), shown(planned, "hepatectomy-extent")) == (state, extent)


def test_chemotherapy_in_a_german_code_is_a_sign_and_a_stoma_a_relief() -> None:
    chemotherapy = read(PRIMARY, LIVER, procedure("p", (OPS, "8-542.11"), on="2026-06-01"))
    ileus = condition("s", (ICD10CM, "K56.609"), onset="2026-06-05")
    relieved = read(PRIMARY, LIVER, ileus, procedure("p", (OPS, "5-462.1"), on="2026-06-01"))
    found = (Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in chemotherapy.signs, shown(relieved, "primary-symptoms"))
    assert found == (True, "gap: absent")


TOTAL = ("26390003", "307667004", "307669001", "36192008", "456004", "713165008", "787874000", "787875004", "787876003")
PROCTOCOLECTOMIES = ("303401008", "31130001", "44751009", "787108001", "787109009", "80294005", "858579005")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("84604002", "sigmoid-or-high-anterior-resection"),
        ("315324009", "left-hemicolectomy"),
        ("359571009", "right-hemicolectomy"),
        ("23968004", COLON_OPERATIONS),
        *((code, "total-colectomy") for code in TOTAL),
        *((code, "proctocolectomy") for code in PROCTOCOLECTOMIES),
    ],
)
def test_a_colectomy_in_snomed_is_one_of_the_primary_done_or_planned(code: str, expected: Any) -> None:
    done = read(PRIMARY, LIVER, procedure("p", (SNOMED, code), on="2026-06-01"))
    planned = read(PRIMARY, LIVER, order("p", (SNOMED, code), on="2026-06-01"))
    found = (shown(done, "primary-operation-done"), shown(planned, "colorectal-operation"))
    assert (*found, shown(done, "primary-in-situ")) == (expected, expected, False)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("285312008", "sigmoid-colon"),
        ("301756000", "sigmoid-colon"),
        ("312111009", "ascending-colon"),
        ("312112002", "transverse-colon"),
        ("312113007", "descending-colon"),
        ("312114001", "hepatic-flexure"),
        ("312115000", "splenic-flexure"),
        ("269533000", "colon-unspecified"),
        ("187757001", "colon-unspecified"),
        ("1701000119104", "colon-unspecified"),
        ("269544008", "rectosigmoid"),
        ("425178004", "rectosigmoid"),
        ("254582000", "rectum-unspecified"),
    ],
)
def test_a_carcinoma_in_snomed_is_a_primary_of_its_site(code: str, expected: str) -> None:
    case = read(condition("p", (SNOMED, code), onset="2026-05-01"), LIVER)
    assert (case.scope, shown(case, "primary-site")) == (Scope.IN, expected)


def primary(onset: str | None) -> Given:
    return condition("p", (ICD10CM, "C18.7"), onset=onset)


PLAN = order("o", RIGHT, on="2026-06-01")
IN_PLACE: list[tuple[str, list[Given], Any, bool]] = [
    ("90 days before a day", [primary("2026-05-01"), procedure("r", RIGHT, on="2026-01-31")], False, True),
    ("91 days before a day", [primary("2026-05-01"), procedure("r", RIGHT, on="2026-01-30")], "gap: absent", True),
    ("surely after a month", [primary("2026-05"), procedure("r", RIGHT, on="2026-03-02")], False, True),
    ("perhaps after a month", [primary("2026-05"), procedure("r", RIGHT, on="2026-03-01")], "gap: absent", True),
    ("no date of the primary", [primary(None), procedure("r", RIGHT, on="2001-01-01")], False, True),
    ("no date at all", [primary(None), procedure("r", RIGHT)], "gap: absent", True),
    ("planned", [PRIMARY, PLAN], True, False),
    ("planned twice", [PRIMARY, PLAN, procedure("p", RIGHT, status="preparation")], True, False),
    ("planned, resected long before", [PRIMARY, PLAN, procedure("r", RIGHT, on="2001-01-01")], "gap: absent", True),
    ("planned, undated resection", [PRIMARY, PLAN, procedure("r", RIGHT)], "gap: absent", True),
    ("planned, other operation", [PRIMARY, PLAN, procedure("r", (CPT, "47125"), on="2026-05-20")], True, False),
    ("planned, stoma", [PRIMARY, PLAN, procedure("r", (CPT, "44320"), on="2026-05-20")], True, False),
    ("planned, resection in doubt", [PRIMARY, PLAN, procedure("r", RIGHT, status="stopped")], "gap: absent", False),
    ("planned, liver in doubt", [PRIMARY, PLAN, procedure("r", (CPT, "47125"), status="stopped")], True, False),
    ("history and plan", [condition("z", (ICD10CM, "Z85.038")), PLAN], False, False),
    ("history of an active primary and plan", [PRIMARY, condition("z", (ICD10CM, "Z85.038")), PLAN], True, False),
    (
        "history of a past primary",
        [PRIMARY | condition("primary", (ICD10CM, "C18.7"), clinical="resolved"), condition("z", (ICD10CM, "Z85.038"))],
        False,
        False,
    ),
    ("resection said", [PRIMARY, local("primary-resection-date", "2026-05-20", on="2026-06-01")], False, False),
    ("resection said in a month", [PRIMARY, local("primary-resection-date", "2026-05", on="2026-06-01")], False, False),
]


@pytest.mark.parametrize(
    ("resources", "expected", "resected"), [one[1:] for one in IN_PLACE], ids=[one[0] for one in IN_PLACE]
)
def test_the_primary_is_out_by_its_resection_and_in_place_by_a_plan(
    *, resources: list[Given], expected: Any, resected: bool
) -> None:
    case = read(*resources)
    assert (shown(case, "primary-in-situ"), Sign.PRIMARY_RESECTED in case.signs) == (expected, resected)


@pytest.mark.parametrize(
    ("start", "end", "resected", "months"),
    [
        ("2025-05-20", "2025-05-21", "2025-05-20", 11),
        ("2025-05-10T22:00:00Z", "2025-05-11T01:30:00Z", "2025-05-10", 12),
        ("2025-05-31", "2025-06-02", "2025-05-31", 11),
        ("2025-12-31", "2026-01-01", "2025-12-31", 4),
        ("2025-11", "2025-12", "2025-11", Interval(5, 6)),
        ("2025-05-10", None, "2025-05-10", 12),
        (None, "2025-05-10", "2025-05-10", 12),
    ],
)
def test_a_resection_over_several_days_is_dated_by_the_first(
    *, start: str | None, end: str | None, resected: str, months: Any
) -> None:
    period = {name: day for name, day in (("start", start), ("end", end)) if day is not None}
    done = procedure("r", RIGHT, performedPeriod=period)
    case = read(primary("2025-05-01"), condition("l", (ICD10CM, "C78.7"), onset="2026-05-18"), done)
    assert (str(shown(case, "primary-resection-date")), shown(case, "months-primary-to-metastases")) == (
        resected,
        months,
    )


@pytest.mark.parametrize(
    ("resected", "flagged"),
    [
        ("2026-02-01", False),
        ("2026-01", True),
        ("2026-01-30", False),
        ("2025-12", False),
        (None, True),
    ],
)
def test_a_resection_that_no_date_places_is_flagged(*, resected: str | None, flagged: bool) -> None:
    case = read(primary("2026-05-01"), procedure("r", RIGHT, on=resected))
    reasons = [(issue.reason, issue.severity, issue.costs) for issue in case.issues]
    expected = [("recorded without a date that places it, not used", "flagged", ("primary-in-situ",))]
    assert reasons == (expected if flagged else [])


OBSTRUCTION, PERFORATION = (SNOMED, "81060008"), (ICD10CM, "K63.1")


@pytest.mark.parametrize(
    ("diagnosed", "began", "relieved", "placed"),
    [
        ("2026-05-01", "2026-01-31", None, True),
        ("2026-05-01", "2026-01-30", None, False),
        ("2026-05", "2026-03-02", None, True),
        ("2026-05", "2026-03-01", None, False),
        ("2026-05-01", "2026-02", None, True),
        ("2026-05-01", "2026-01", None, False),
        ("2026-05-01", "2026-05-20", "2026-05-20", True),
        ("2026-05-01", "2026-05-20", "2026-05-19", False),
        ("2026-05-01", "2026-05", "2026-05-20", False),
        ("2026-05-01", "2026-05-20", "2026-05", False),
        ("2026-05-01", "2026-05-20", "2026", False),
        ("2026-05-01", "2026-05-01", "2026-05", True),
        (None, "2026-05-20", None, False),
    ],
)
def test_a_perforation_is_of_the_primary_around_its_diagnosis_and_before_any_relief(
    *, diagnosed: str | None, began: str, relieved: str | None, placed: bool
) -> None:
    relief = [procedure("s", (CPT, "44320"), on=relieved)] if relieved else [procedure("s", (CPT, "44320"))]
    case = read(primary(diagnosed), condition("k", PERFORATION, onset=began), *relief)
    assert shown(case, "primary-pathology") == ("unfavourable-perforated" if placed else "gap: absent")


@pytest.mark.parametrize(("resected", "placed"), [("2026-05-20", True), ("2026-05-19", False), ("2026-05", False)])
def test_what_began_after_a_resection_that_was_entered_is_not_of_the_primary(*, resected: str, placed: bool) -> None:
    said = local("primary-resection-date", resected, on="2026-06-01")
    case = read(PRIMARY, said, *(condition(code[1], code, onset="2026-05-20") for code in (OBSTRUCTION, PERFORATION)))
    found = (shown(case, "primary-symptoms"), shown(case, "primary-pathology"))
    assert found == (("gap: conflicting", "unfavourable-perforated") if placed else ("gap: absent", "gap: absent"))


@pytest.mark.parametrize(
    ("codes", "body", "expected"),
    [
        (["C18.0", "C18.7"], [], {"caecum", "sigmoid-colon"}),
        (["C18.9", "C18.7"], [], "sigmoid-colon"),
        (["C18.9"], ["60184004"], "sigmoid-colon"),
        (["C18.9"], ["60184004", "32713005"], {"sigmoid-colon", "caecum"}),
        (["C18.9"], ["34402009"], "colon-unspecified"),
        (["C18.9", "C20"], [], {"colon-unspecified", "rectum-unspecified"}),
        (["C18.9", "C20"], ["60184004"], "sigmoid-colon"),
        (["C19"], ["60184004"], "rectosigmoid"),
        (["C20"], ["60184004"], "rectum-unspecified"),
        (["C20"], ["34402009"], "rectum-unspecified"),
    ],
)
def test_a_body_site_refines_an_unspecified_code_of_its_organ(codes: list[str], body: list[str], expected: Any) -> None:
    given = condition("c", (ICD10CM, codes[0]), bodySite=[concept(SNOMED, one) for one in body] or None)
    given = {name: member for name, member in given.items() if member is not None}
    assert shown(read(given | coded(*((ICD10CM, code) for code in codes))), "primary-site") == expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["C18.7", "C18.9"], "sigmoid-colon"),
        (["C18.9", "C18.7"], "sigmoid-colon"),
        (["C18.0", "C18.7"], "sigmoid-colon"),
        (["C18.7", "Z85.038"], "sigmoid-colon"),
        (["C20", "Z85.038"], "rectum-unspecified"),
        (["C18.9", "C20"], "rectum-unspecified"),
        (["C18.7", "C20"], "rectum-unspecified"),
        (["C20", "C18.7"], "sigmoid-colon"),
        (["C19", "C18.9"], "colon-unspecified"),
        (["C18.0", "C20", "C18.9"], "rectum-unspecified"),
        (["Z85038"], "colon-unspecified"),
        (["z85.038"], "colon-unspecified"),
        (["C18.2+C18.3", "C18.9"], {"ascending-colon", "hepatic-flexure"}),
        (["C18.2+C18.3", "C20"], "rectum-unspecified"),
        (["Z85.048", "C20"], "rectum-unspecified"),
    ],
)
def test_a_segment_counts_before_what_names_none_and_the_newest_of_its_kind(codes: list[str], expected: Any) -> None:
    conditions = [
        condition(f"c{number}", (ICD10CM, "C18.9"), onset=f"2026-05-0{number + 1}")
        | coded(*((ICD10CM, code) for code in several.split("+")))
        for number, several in enumerate(codes)
    ]
    assert shown(read(*conditions), "primary-site") == expected


@pytest.mark.parametrize(
    ("more", "expected", "issues"),
    [
        ({"onset": "2026-06-01"}, "obstruction", 0),
        ({"onset": "2026-06-16"}, "obstruction", 0),
        ({"onset": "2026-06-17"}, "gap: unreadable", 1),
        ({}, "gap: absent", 1),
        ({"clinical": "resolved"}, "gap: absent", 0),
        ({"onset": "2026-06-01", "verification": "differential"}, "gap: absent", 0),
    ],
)
def test_a_symptom_counts_by_its_day_and_is_flagged_without(more: Given, expected: str, issues: int) -> None:
    case = read(PRIMARY, condition("s", OBSTRUCTION, **more))
    assert (shown(case, "primary-symptoms"), len(case.issues)) == (expected, issues)


def test_one_symptom_without_use_does_not_end_the_search() -> None:
    over = condition("a", OBSTRUCTION, onset="2026-05-02", clinical="resolved")
    other = condition("b", (ICD10CM, "I10"), onset="2026-05-03")
    undated = condition("c", OBSTRUCTION)
    case = read(PRIMARY, LIVER, over, other, undated, condition("d", PERFORATION, onset="2026-06-01"))
    assert shown(case, "primary-symptoms") == "perforation"


def test_two_operations_of_one_day_are_both_read() -> None:
    case = read(PRIMARY, *(procedure(f"p{code}", (CPT, code), on="2026-05-20") for code in ("44160", "44143")))
    assert shown(case, "primary-operation-done") == "gap: conflicting"


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        ("C20", "rectum-low", "rectum-low"),
        ("C18.9", "sigmoid-colon", "sigmoid-colon"),
        ("Z85.038", "caecum", "caecum"),
        ("C20", "sigmoid-colon", "rectum-unspecified"),
        ("C18.7", "caecum", "sigmoid-colon"),
    ],
)
def test_a_segment_that_was_entered_counts_before_a_newer_code_that_names_none(
    code: str, said: str, expected: str
) -> None:
    case = read(condition("c", (ICD10CM, code), onset="2026-05-20"), local("primary-site", said, on="2026-05-01"))
    assert shown(case, "primary-site") == expected


def test_a_multivisceral_plan_counts_with_its_day() -> None:
    said = local("colorectal-multivisceral", False, on="2026-06-05")  # noqa: FBT003 - a value
    newer, older = (order("o", MULTIVISCERAL, on=day) for day in ("2026-06-06", "2026-06-04"))
    left = order("l", LEFT, on="2026-06-07")
    assert [shown(read(said, one, left), "colorectal-multivisceral") for one in (newer, older)] == [True, False]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([(CPT, "47120")], "minor"),
        ([(CPT, "47125")], "major"),
        ([(CPT, "47120"), (CPT, "47125")], {"minor", "major"}),
        ([(SNOMED, "107963000")], "gap: absent"),
        ([(SNOMED, "107963000"), (CPT, "47125")], "major"),
        ([RIGHT], "gap: absent"),
    ],
)
def test_the_codes_of_a_plan_say_the_extent_together(codes: list[tuple[str, str]], expected: Any) -> None:
    plans = [order("h", RIGHT, on="2026-06-01"), procedure("h", RIGHT, on="2026-06-01", status="preparation")]
    assert [shown(read(plan | coded(*codes)), "hepatectomy-extent") for plan in plans] == [expected, expected]
