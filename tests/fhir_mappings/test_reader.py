"""What a reader finds usable: panels, statuses, plans and their days, and why a fact is not there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mappings.case import Evidence, Gap, How, Issue, Sign, Unknown
from fhir_mappings.catalogue import FACTS_SYSTEM
from fhir_mappings.chart import Completeness
from fhir_mappings.read.dates import parse_date
from tests.charts import (
    COMPLETE,
    CPT,
    LOINC,
    SNOMED,
    coded,
    concept,
    local,
    order,
    procedure,
    quantity,
)
from tests.charts import observation as observed
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

RECENT = "2026-06-10"
ECOG, ANSWERED, OTHER = (LOINC, "89247-1"), (LOINC, "89262-0"), (LOINC, "1234-5")
UNREADABLE = "value cannot be read: unit, range or code"
STATUS = "status is none of FHIR's"
DOUBT = "a procedure not certainly done, left out"


def component(code: tuple[str, str], **value: Any) -> dict[str, Any]:
    return {"code": concept(*code)} | value


def panel(code: tuple[str, str], *components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return observed("o", code, {"component": list(components)}, on=RECENT, **more)


LOCAL = (FACTS_SYSTEM, "ecog")
PANELS: list[tuple[str, dict[str, Any], Any, tuple[str, str] | None]] = [
    ("a component stands alone", panel(OTHER, component(ECOG, valueInteger=1)), 1, ECOG),
    ("its code is the panel's", panel(ECOG, component(ECOG, valueInteger=1)), 1, ECOG),
    ("the panel's own value", panel(ECOG, component(ANSWERED, valueInteger=1), valueInteger=2), 2, ECOG),
    ("another code of the fact", panel(ECOG, component(ANSWERED, valueInteger=1)), 1, ANSWERED),
    ("a value of another panel", panel(OTHER, component(ECOG, valueInteger=1), valueInteger=2), 1, ECOG),
    (
        "one of two",
        panel(OTHER, component(OTHER, valueInteger=3), component(ECOG, valueInteger=1)),
        1,
        ECOG,
    ),
    (
        "the same twice",
        panel(OTHER, component(ECOG, valueInteger=1), component(ECOG, valueInteger=1)),
        1,
        ECOG,
    ),
    (
        "two that differ",
        panel(OTHER, component(ECOG, valueInteger=1), component(ECOG, valueInteger=2)),
        "gap: conflicting",
        ECOG,
    ),
    (
        "unknown in the component",
        panel(OTHER, component(ECOG, dataAbsentReason={"text": "unknown"}), valueInteger=2),
        "gap: absent",
        ECOG,
    ),
    (
        "a value in the component that is said to be absent",
        panel(OTHER, component(ECOG, valueInteger=1, dataAbsentReason={"text": "unknown"})),
        "gap: absent",
        ECOG,
    ),
    (
        "absent in the panel alone",
        panel(ECOG, component(ECOG, valueInteger=1), valueInteger=2, dataAbsentReason={"text": "unknown"}),
        1,
        ECOG,
    ),
    ("no value anywhere", panel(ECOG, component(OTHER, valueInteger=1)), "gap: absent", ECOG),
    ("a local component", panel(OTHER, component(LOCAL, valueInteger=1)), 1, LOCAL),
    ("nothing of the fact", panel(OTHER, component(OTHER, valueInteger=1)), "gap: absent", None),
]


@pytest.mark.parametrize(("given", "expected", "coding"), [one[1:] for one in PANELS], ids=[one[0] for one in PANELS])
def test_a_component_is_read_as_if_it_stood_alone(
    given: dict[str, Any], expected: Any, coding: tuple[str, str] | None
) -> None:
    case = read(given)
    how: How = "entered" if coding == LOCAL else "coded"
    proof = Evidence("Observation/o", how, parse_date(RECENT), "|".join(coding)) if coding else None
    assert (shown(case, "ecog"), case.facts["ecog"].evidence, case.issues) == (expected, (proof,) if proof else (), ())


@pytest.mark.parametrize(
    ("fact", "code", "value"),
    [
        ("ecog", ECOG, {"valueInteger": 1}),
        ("ecog", (LOINC, "89243-0"), {"valueInteger": 90}),
        ("primary-t", (LOINC, "21899-0"), {"valueString": "pT3"}),
        ("primary-margin", (SNOMED, "17964000"), coded(SNOMED, "258254000")),
        ("largest-metastasis", (LOINC, "21889-1"), quantity(20, "mm")),
        ("cea", (LOINC, "2039-6"), quantity(5, "ng/mL", comparator="<")),
        ("msi", (LOINC, "81695-9"), {"valueCodeableConcept": {"text": "MSI-H"}}),
        ("ras", (LOINC, "21702-6"), coded(LOINC, "LA9633-4")),
        ("liver-state", (FACTS_SYSTEM, "liver-state"), coded(FACTS_SYSTEM, "treated")),
        ("liver-mri-done", (FACTS_SYSTEM, "liver-mri-done"), {"valueBoolean": False}),
    ],
)
def test_a_value_with_a_reason_for_its_absence_is_not_known(
    fact: str, code: tuple[str, str], value: dict[str, Any]
) -> None:
    of_liver: dict[str, Any] = {"bodySite": concept(SNOMED, "10200004")} if fact == "largest-metastasis" else {}
    said = observed("o", code, value, on=RECENT, **of_liver)
    case = read(said | {"dataAbsentReason": {"text": "unknown"}})
    assert (shown(read(said), fact) == "gap: absent", shown(case, fact), case.issues) == (False, "gap: absent", ())


RESECTION = (CPT, "44160")
OF_RESECTIONS = (
    "primary-in-situ",
    "primary-resection-date",
    "primary-operation-done",
    "metastases-detected",
    "months-primary-to-metastases",
    "adjuvant-status",
    "adjuvant-end-date",
)
HEMICOLECTOMY = {"code": {"text": "Right hemicolectomy"}}
NOTHING_OPEN = {Sign.PROCEDURES_COMPLETE}
LIVER_OPEN = {Sign.PROCEDURES_COMPLETE, Sign.LIVER_OPERATION_IN_DOUBT}
PRIMARY_OPEN = set[Sign]()
BOTH_OPEN = {Sign.LIVER_OPERATION_IN_DOUBT}


def in_doubt(*costs: str) -> Issue:
    return Issue("Procedure/p", DOUBT, "flagged", costs)


DONE: list[tuple[str, dict[str, Any], set[Sign], set[Issue]]] = [
    ("done", procedure("p", RESECTION, on="2026-05-20"), NOTHING_OPEN, set()),
    *(
        (status, procedure("p", RESECTION, status=status), PRIMARY_OPEN, {in_doubt("primary-in-situ")})
        for status in ("in-progress", "on-hold", "stopped", "unknown")
    ),
    *(
        (status, procedure("p", RESECTION, status=status), NOTHING_OPEN, set[Issue]())
        for status in ("not-done", "entered-in-error", "preparation", "not-done-yet")
    ),
    (
        "bogus",
        procedure("p", RESECTION, status="bogus"),
        PRIMARY_OPEN,
        {Issue("Procedure/p", STATUS, costs=OF_RESECTIONS)},
    ),
    (
        "to come",
        procedure("p", RESECTION, on="2026-07-01"),
        PRIMARY_OPEN,
        {Issue("Procedure/p", "dated in the future", "flagged")},
    ),
    (
        "unreadable",
        procedure("p", RESECTION, foo=1),
        PRIMARY_OPEN,
        {Issue("Procedure/p", "not valid FHIR R4", costs=OF_RESECTIONS)},
    ),
    ("liver, in doubt", procedure("p", (CPT, "47125"), status="stopped"), LIVER_OPEN, {in_doubt("liver-state")}),
    ("ablation, in doubt", procedure("p", (CPT, "47382"), status="stopped"), LIVER_OPEN, {in_doubt("liver-state")}),
    (
        "radiotherapy, in doubt",
        procedure("p", (SNOMED, "1217123003"), status="stopped"),
        NOTHING_OPEN,
        {in_doubt()},
    ),
    (
        "radiotherapy, unreadable",
        procedure("p", (SNOMED, "1217123003"), foo=1),
        NOTHING_OPEN,
        {Issue("Procedure/p", "not valid FHIR R4", costs=("rectal-radiotherapy",))},
    ),
    (
        "in text",
        procedure("p", RESECTION) | HEMICOLECTOMY,
        BOTH_OPEN,
        {Issue("Procedure/p", "text only: not mapped", "flagged")},
    ),
    (
        "in text, unreadable",
        procedure("p", RESECTION, foo=1) | HEMICOLECTOMY,
        BOTH_OPEN,
        {Issue("Procedure/p", "not valid FHIR R4")},
    ),
    *(
        (
            f"in text, {status}",
            procedure("p", RESECTION, status=status) | HEMICOLECTOMY,
            open_,
            {Issue("Procedure/p", "text only: not mapped", "flagged")},
        )
        for status, open_ in (
            ("not-done", NOTHING_OPEN),
            ("entered-in-error", NOTHING_OPEN),
            ("preparation", NOTHING_OPEN),
            ("stopped", BOTH_OPEN),
        )
    ),
    (
        "an order, unreadable",
        order("p", RESECTION, foo=1),
        NOTHING_OPEN,
        {Issue("ServiceRequest/p", "not valid FHIR R4", costs=("colorectal-operation",))},
    ),
    ("another operation", procedure("p", (CPT, "27447"), status="stopped"), NOTHING_OPEN, set()),
]


@pytest.mark.parametrize(("given", "signs", "issues"), [one[1:] for one in DONE], ids=[one[0] for one in DONE])
def test_what_may_have_been_an_operation_leaves_open_whether_that_of_the_liver_or_of_the_primary_was_done(
    *,
    given: dict[str, Any],
    signs: set[Sign],
    issues: set[Issue],
) -> None:
    case = read(given)
    assert (case.signs & LIVER_OPEN, set(case.issues)) == (frozenset(signs), issues)


@pytest.mark.parametrize(
    ("given", "costs"),
    [
        (observed("o", ECOG, {"valueInteger": 1}, on=RECENT), ("ecog",)),
        (observed("o", (LOINC, "89243-0"), {"valueInteger": 80}, on=RECENT), ("ecog",)),
        (observed("o", (LOINC, "21900-6"), {"valueString": "pN1"}, on=RECENT), ("primary-n", "primary-pathology")),
        (observed("o", (LOINC, "21906-3"), {"valueString": "cN1"}, on=RECENT), ("primary-n",)),
        (local("flr-percent", 38, on=RECENT, ident="o"), ("flr-percent",)),
        (panel(OTHER, component(ECOG, valueInteger=1), component(LOCAL, valueInteger=1)), ("ecog",)),
    ],
)
@pytest.mark.parametrize("broken", [{"status": "bogus"}, {"foo": 1}])
def test_an_unusable_observation_costs_the_facts_it_could_carry(
    given: dict[str, Any], costs: tuple[str, ...], broken: dict[str, Any]
) -> None:
    case = read(given | broken)
    reason = STATUS if "status" in broken else "not valid FHIR R4"
    lost = {code: fact for code, fact in case.facts.items() if fact != Unknown()}
    named = [
        (code, fact.gap, [proof.reference for proof in fact.evidence])
        for code, fact in lost.items()
        if isinstance(fact, Unknown)
    ]
    assert named == [(code, Gap.UNREADABLE, ["Observation/o"]) for code in costs]
    assert case.issues == (Issue("Observation/o", reason, costs=costs),)


def test_an_unusable_resource_costs_nothing_that_another_one_says() -> None:
    broken = observed("o", ECOG, {"valueInteger": 3}, on=RECENT, foo=1)
    grades = [local("ecog", grade, on=RECENT, ident=f"e{grade}") for grade in (1, 2)]
    found = [shown(read(broken, *grades[:count]), "ecog") for count in (0, 1, 2)]
    assert found == ["gap: unreadable", 1, "gap: conflicting"]


def test_an_explicit_unknown_stays_evidence_where_data_was_not_had() -> None:
    said = observed("o", (FACTS_SYSTEM, "liver-state"), {"dataAbsentReason": {"text": "unknown"}}, on=RECENT)
    proof = Evidence("Observation/o", "entered", parse_date(RECENT), f"{FACTS_SYSTEM}|liver-state")
    partial = {**COMPLETE, "Procedure": Completeness.PARTIAL}
    found = [read(said, completeness=state).facts["liver-state"] for state in (COMPLETE, partial)]
    assert found == [Unknown(Gap.ABSENT, (proof,)), Unknown(Gap.NOT_RETRIEVED, (proof,))]


@pytest.mark.parametrize(
    ("code", "value", "fact"),
    [
        (ECOG, {"valueInteger": 6}, "ecog"),
        (ANSWERED, {"valueString": "poor"}, "ecog"),
        ((LOINC, "89243-0"), {"valueInteger": 85}, "ecog"),
        ((FACTS_SYSTEM, "flr-percent"), {"valueInteger": 38}, "flr-percent"),
        ((LOINC, "21702-6"), {"valueString": "see report"}, "ras"),
        ((LOINC, "81695-9"), {"valueString": "see report"}, "msi"),
        ((LOINC, "21899-0"), {"valueString": "see report"}, "primary-t"),
        ((SNOMED, "17964000"), {"valueString": "see report"}, "primary-margin"),
        ((LOINC, "21893-3"), {"valueString": "many"}, "nodes-positive"),
        ((LOINC, "2039-6"), quantity(5, "nmol/L"), "cea"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_gap_and_a_missing_one_no_issue(
    code: tuple[str, str], value: dict[str, Any], fact: str
) -> None:
    unreadable, unknown = (
        read(observed("o", code, said, on=RECENT)) for said in (value, {"dataAbsentReason": {"text": "unknown"}})
    )
    found = [case.facts[fact] for case in (unreadable, unknown)]
    gaps = [(one.gap, [proof.reference for proof in one.evidence]) for one in found if isinstance(one, Unknown)]
    assert gaps == [(Gap.UNREADABLE, ["Observation/o"]), (Gap.ABSENT, ["Observation/o"])]
    assert (unreadable.issues, unknown.issues) == ((Issue("Observation/o", UNREADABLE, costs=(fact,)),), ())


HEPATECTOMY = (CPT, "47125")
MINOR = local("hepatectomy-extent", "minor", on="2026-06-14", ident="m")
DRAFT = {name: member for name, member in order("o", HEPATECTOMY).items() if name not in ("status", "intent")}


@pytest.mark.parametrize(
    ("plan", "draft", "expected"),
    [
        (order("o", HEPATECTOMY, on="2026-06-13"), False, "minor"),
        (order("o", HEPATECTOMY, on="2026-06-15"), False, "major"),
        (order("o", HEPATECTOMY, on="2026-09-01"), False, "major"),
        (order("o", HEPATECTOMY), False, "minor"),
        (order("o", HEPATECTOMY, on="2026-06-15", doNotPerform=True), False, "minor"),
        (order("o", HEPATECTOMY, on="2026-06-15", doNotPerform=False), False, "major"),
        (procedure("o", HEPATECTOMY, status="preparation", on="2026-06-15"), False, "major"),
        (procedure("o", HEPATECTOMY, status="in-progress", on="2026-06-15"), False, "minor"),
        (DRAFT, True, "major"),
        (DRAFT | {"authoredOn": "2026-06-13"}, True, "minor"),
        (DRAFT | {"authoredOn": "2026-09-01"}, True, "major"),
        (DRAFT, False, "minor"),
    ],
)
def test_a_plan_is_of_the_day_it_was_ordered_and_a_draft_of_today(
    *,
    plan: dict[str, Any],
    draft: bool,
    expected: str,
) -> None:
    case = read(MINOR, *([] if draft else [plan]), drafts=[plan] if draft else [])
    assert shown(case, "hepatectomy-extent") == expected


def test_an_order_of_days_to_come_gives_way_to_what_is_said_tomorrow() -> None:
    tomorrow = local("hepatectomy-extent", "minor", on="2026-06-16")
    assert shown(read(tomorrow, order("o", HEPATECTOMY, on="2026-09-01")), "hepatectomy-extent") == "minor"


def test_an_order_of_a_month_that_begins_today_may_be_of_later_days() -> None:
    today, first = datetime(2026, 6, 1, tzinfo=UTC), local("hepatectomy-extent", "minor", on="2026-06-01")
    found = [
        read(first, order("o", HEPATECTOMY, on=written), now=today) for written in ("2026-06", "2026-06-01", "2026-07")
    ]
    assert [shown(case, "hepatectomy-extent") for case in found] == ["gap: conflicting", "minor", "minor"]


def test_a_chart_without_the_completeness_of_a_type_did_not_have_it() -> None:
    case = read(PRIMARY, LIVER, completeness={})
    assert {shown(case, code) for code in ("ecog", "liver-state", "mdt-decision")} == {"gap: not-retrieved"}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-04-16", "2026-05-01", "intraoperative"),
        ("2026-04-15", "2026-05-01", {"intraoperative", "at-staging"}),
        ("2026-04-01", "2026-04-16", {"intraoperative", "at-staging"}),
        ("2026-04-01", "2026-04-15", "at-staging"),
    ],
)
def test_found_at_operation_fades_day_by_day_of_a_period(start: str, end: str, expected: Any) -> None:
    given = local("metastases-detected", "intraoperative", effectivePeriod={"start": start, "end": end})
    assert shown(read(given), "metastases-detected") == expected


@pytest.mark.parametrize(
    ("code", "value", "fact"),
    [
        (ECOG, {"valueInteger": 6}, "ecog"),
        ((LOINC, "21702-6"), {"valueString": "see report"}, "ras"),
        ((LOINC, "21702-6"), {}, "ras"),
        (ECOG, {}, "ecog"),
    ],
)
def test_what_gave_no_value_is_evidence_in_the_order_of_its_days(
    code: tuple[str, str], value: dict[str, Any], fact: str
) -> None:
    case = read(*(observed(name, code, value, on=day) for name, day in (("b", "2026-06-01"), ("a", RECENT))))
    assert [proof.reference for proof in case.facts[fact].evidence] == ["Observation/b", "Observation/a"]


@pytest.mark.parametrize(("status", "replaces"), [("active", "old"), ("revoked", "old"), ("active", "other")])
def test_a_plan_that_another_one_replaces_is_no_plan(status: str, replaces: str) -> None:
    new = order("new", (SNOMED, "82619000"), on="2026-06-05", status=status)
    new["replaces"] = [{"reference": f"ServiceRequest/{replaces}/_history/1"}]
    case = read(PRIMARY, LIVER, order("old", (CPT, "44145"), on="2026-06-07"), new)
    still = (status, replaces) != ("active", "old")
    assert shown(case, "colorectal-operation") == ("low-anterior-resection" if still else "left-hemicolectomy")
