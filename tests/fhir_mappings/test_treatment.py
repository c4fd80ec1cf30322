"""Systemic therapy and radiotherapy."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Interval, Issue, Sign
from fhir_mappings.chart import Completeness
from tests.charts import (
    ATC,
    COMPLETE,
    CPT,
    ICD10CM,
    LOINC,
    RXNORM,
    SNOMED,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    order,
    procedure,
)
from tests.fhir_mappings.reading import proofs, read, shown

OXALIPLATIN, FLUOROURACIL, BEVACIZUMAB = (RXNORM, "32592"), (RXNORM, "4492"), (ATC, "L01FG01")
PRIMARY = condition("p", (ICD10CM, "C20"), onset="2026-01-10")
LIVER = condition("l", (ICD10CM, "C78.7"), onset="2026-01-15")
NO_REQUESTS = {kind: state for kind, state in COMPLETE.items() if kind != "MedicationRequest"}
SINCE = Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS


def doses(*days: str, drug: tuple[str, str] = OXALIPLATIN, prefix: str = "d") -> list[dict[str, Any]]:
    return [dose(f"{prefix}{number}", drug, on=day) for number, day in enumerate(days)]


def request(ident: str, drug: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": ident,
        "status": "completed",
        "intent": "order",
        "medicationCodeableConcept": concept(*drug),
        "subject": {"reference": "Patient/1"},
    } | more


CYCLES: list[tuple[str, list[dict[str, Any]], Any]] = [
    ("two weeks apart", doses("2026-02-01", "2026-02-15", "2026-03-01"), 3),
    ("ten days apart", doses("2026-02-01", "2026-02-11"), 2),
    ("nine days apart", doses("2026-02-01", "2026-02-10"), 1),
    ("two drugs of a day", [*doses("2026-02-01"), *doses("2026-02-01", drug=FLUOROURACIL, prefix="f")], 1),
    ("on the day of the metastases", doses("2026-01-15"), 1),
    ("before the metastases", doses("2026-01-14"), "gap: absent"),
    ("not completed", [dose("d", OXALIPLATIN, on="2026-02-01", status="not-done")], "gap: absent"),
    ("requested only", [request("r", OXALIPLATIN, status="active", authoredOn="2026-02-01")], "gap: absent"),
    ("request completed", [request("r", OXALIPLATIN, authoredOn="2026-02-01")], 1),
    ("in February", doses("2026-02", "2026-03-05"), Interval(1, 2)),
    ("perhaps before the metastases", doses("2026-01", "2026-03-05"), Interval(1)),
    ("undated", [dose("u", OXALIPLATIN), *doses("2026-03-05")], Interval(1)),
    (
        "infusion over two days",
        [dose("i", FLUOROURACIL, effectivePeriod={"start": "2026-02-01", "end": "2026-02-03"})],
        1,
    ),
    (
        "before the liver operation only",
        [*doses("2026-02-01", "2026-04-01"), procedure("h", (CPT, "47120"), on="2026-03-01")],
        1,
    ),
    ("perhaps operated before", [*doses("2026-02-01"), procedure("h", (CPT, "47120"), on="2026")], "gap: absent"),
    ("another drug", doses("2026-02-01", drug=(RXNORM, "860975")), "gap: absent"),
]


@pytest.mark.parametrize(("resources", "expected"), [case[1:] for case in CYCLES], ids=[case[0] for case in CYCLES])
def test_preoperative_cycles_are_counted(resources: list[dict[str, Any]], expected: Any) -> None:
    assert shown(read(PRIMARY, LIVER, *resources), "chemotherapy-cycles") == expected


def test_cycles_are_at_least_those_seen_where_requests_were_not_had() -> None:
    case = read(PRIMARY, LIVER, *doses("2026-02-01", "2026-02-15"), completeness=NO_REQUESTS)
    assert shown(case, "chemotherapy-cycles") == Interval(2)
    assert shown(case, "chemotherapy-last-date") == "gap: not-retrieved"
    assert shown(read(PRIMARY, LIVER, completeness=NO_REQUESTS), "chemotherapy-cycles") == "gap: not-retrieved"


def test_the_drug_of_a_referred_medication_counts() -> None:
    given = dose("d", OXALIPLATIN, on="2026-02-01")
    del given["medicationCodeableConcept"]
    medication = {"resourceType": "Medication", "id": "m", "code": concept(*OXALIPLATIN)}
    spelled = ("https://ehr.example/fhir/Medication/m", "Medication/m/_history/1", "urn:uuid:m")
    apart = [given | {"medicationReference": {"reference": one}} for one in spelled]
    inside = given | {"medicationReference": {"reference": "#m"}, "contained": [medication]}
    assert [shown(read(PRIMARY, LIVER, one, medication), "chemotherapy-cycles") for one in apart] == [1, 1, 1]
    assert shown(read(PRIMARY, LIVER, inside), "chemotherapy-cycles") == 1


METFORMIN = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "6809")}
OXALIPLATIN_READ = {"resourceType": "Medication", "id": "m", "code": concept(*OXALIPLATIN)}


@pytest.mark.parametrize(
    ("named", "others", "cycles", "last", "since"),
    [
        ({"display": "oxaliplatin 5 mg/mL"}, [], "gap: absent", "gap: absent", True),
        ({"reference": "Medication/m", "display": "Oxaliplatin"}, [], "gap: absent", "gap: absent", True),
        ({"reference": "Medication/m", "display": "Oxaliplatin"}, [OXALIPLATIN_READ], 1, "2026-02-01", True),
        ({"reference": "Medication/m", "display": "Metformin"}, [], "gap: absent", "gap: absent", False),
        ({"reference": "Medication/m", "display": 5}, [], "gap: absent", "gap: absent", False),
        ({"reference": "Medication/m"}, [METFORMIN], "gap: absent", "gap: absent", False),
        ([{"display": "Ondansetron"}, {"display": "5-FU"}], [], "gap: absent", "gap: absent", True),
    ],
)
def test_the_display_of_a_referred_drug_that_was_not_read_is_a_sign(
    *, named: Any, others: list[dict[str, Any]], cycles: Any, last: str, since: bool
) -> None:
    given = dose("d", OXALIPLATIN, on="2026-02-01") | {"medicationReference": named}
    del given["medicationCodeableConcept"]
    case = read(PRIMARY, LIVER, given, *others)
    found = (shown(case, "chemotherapy-cycles"), str(shown(case, "chemotherapy-last-date")), SINCE in case.signs)
    assert found == (cycles, last, since)


FOLFOX = {"resourceType": "Medication", "id": "m", "code": {"text": "mFOLFOX6"}}
BAG = {"resourceType": "Medication", "id": "m", "code": {"text": "bag 7"}}
VIAL = {"coding": [{"system": RXNORM, "code": "1736781", "display": "20 ML oxaliplatin 5 MG/ML Injection"}]}
CREAM = {"coding": [{"system": RXNORM, "code": "310428", "display": "fluorouracil 5 % Topical Cream"}]}
TABLET = {"coding": [{"system": RXNORM, "code": "860975", "display": "metformin 500 MG Oral Tablet"}]}
ANTIEMETIC = {"coding": [{"system": RXNORM, "code": "312086"}], "text": "Ondansetron before chemotherapy (FOLFOX)"}
SUBSTANCE = {"coding": [{"system": SNOMED, "code": "999999011", "display": "Oxaliplatin"}]}
OF_M = {"medicationReference": {"reference": "Medication/m"}}
A = {"resourceType": "Medication", "id": "a", "code": concept(*OXALIPLATIN)}
Z = {
    "resourceType": "Medication",
    "id": "z",
    "ingredient": [{"itemReference": {"reference": "Medication/" + x}} for x in "zma"],
}


def made_of(ingredient: dict[str, Any]) -> dict[str, Any]:
    return BAG | {"ingredient": [ingredient]}


@pytest.mark.parametrize(
    ("drug", "medications", "cycles", "since"),
    [
        ({"medicationCodeableConcept": VIAL}, [], "gap: absent", True),
        ({"medicationCodeableConcept": SUBSTANCE}, [], "gap: absent", True),
        ({"medicationCodeableConcept": TABLET}, [], "gap: absent", False),
        ({"medicationCodeableConcept": CREAM}, [], "gap: absent", False),
        ({"medicationCodeableConcept": ANTIEMETIC}, [], "gap: absent", False),
        ({"medicationCodeableConcept": {"text": ANTIEMETIC["text"]}}, [], "gap: absent", True),
        (OF_M, [FOLFOX], "gap: absent", True),
        (OF_M, [BAG], "gap: absent", False),
        (OF_M, [BAG | {"code": VIAL}], "gap: absent", True),
        (OF_M, [BAG | {"ingredient": [{"itemCodeableConcept": concept(RXNORM, "32592")}]}], 1, True),
        (OF_M, [BAG | {"ingredient": [{"item": {"concept": concept(RXNORM, "32592")}}]}], 1, True),
        (OF_M, [BAG | {"ingredient": [{"itemCodeableConcept": {"text": "irinotecan"}}]}], "gap: absent", True),
        ({"contained": [BAG | {"ingredient": [{"itemCodeableConcept": SUBSTANCE}]}]}, [], "gap: absent", True),
        (OF_M, [made_of({"itemReference": {"reference": "Medication/a"}}), A], 1, True),
        (OF_M, [made_of({"item": {"reference": {"reference": "urn:uuid:a"}}}), A], 1, True),
        (OF_M, [made_of({"itemReference": {"reference": "Medication/z"}}), Z, A], 1, True),
        (OF_M, [made_of({"itemReference": {"reference": "#a"}}) | {"contained": [A]}], 1, True),
        ({"contained": [made_of({"itemReference": {"reference": "Medication/a"}})]}, [A], 1, True),
        (OF_M, [made_of({"itemReference": {"reference": "Medication/a", "display": "5-FU"}})], "gap: absent", True),
        (OF_M, [made_of({"itemReference": {"reference": "#a"}}), A], "gap: absent", False),
    ],
)
def test_a_drug_without_a_code_of_ours_is_looked_at_by_its_words_whatever_its_code_and_wherever_it_stands(
    drug: dict[str, Any], medications: list[dict[str, Any]], cycles: Any, *, since: bool
) -> None:
    given = dose("d", OXALIPLATIN, on="2026-05-20")
    del given["medicationCodeableConcept"]
    case = read(PRIMARY, LIVER, *medications, given | ({"medicationReference": {"reference": "#m"}} | drug))
    assert (shown(case, "chemotherapy-cycles"), SINCE in case.signs) == (cycles, since)


def test_fluoropyrimidine_inside_a_radiotherapy_course_is_no_cycle() -> None:
    course = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": "2026-02-01", "end": "2026-03-10"})
    inside = doses("2026-02-02", "2026-03-01", drug=FLUOROURACIL)
    case = read(PRIMARY, LIVER, course, *inside)
    assert (shown(case, "chemotherapy-cycles"), SINCE in case.signs) == ("gap: absent", False)
    beyond = read(PRIMARY, LIVER, course, *inside, *doses("2026-03", drug=FLUOROURACIL, prefix="e"))
    assert (shown(beyond, "chemotherapy-cycles"), SINCE in beyond.signs) == ("gap: absent", True)
    assert shown(read(PRIMARY, LIVER, course, *doses("2026-02-02")), "chemotherapy-cycles") == 1
    assert shown(read(PRIMARY, LIVER, course, *doses("2026-03-11", drug=FLUOROURACIL)), "chemotherapy-cycles") == 1


def test_a_recorded_response_implies_a_cycle() -> None:
    case = read(PRIMARY, LIVER, local("chemotherapy-response", "partial-response", on="2026-06-01"))
    assert shown(case, "chemotherapy-cycles") == Interval(1)


def test_last_dates_are_those_of_the_doses_before_surgery() -> None:
    case = read(
        PRIMARY,
        LIVER,
        *doses("2026-02-01", "2026-02-15"),
        dose("long", FLUOROURACIL, effectivePeriod={"start": "2026-02-15", "end": "2026-02-17"}),
        *doses("2026-02-01", drug=BEVACIZUMAB, prefix="b"),
        *doses("2026-05-01", prefix="after"),
        procedure("h", (CPT, "47120"), on="2026-04-01"),
    )
    assert shown(case, "chemotherapy-last-date").isoformat() == "2026-02-17"
    assert shown(case, "bevacizumab-last-date").isoformat() == "2026-02-01"
    assert proofs(case, "chemotherapy-last-date") == [("MedicationAdministration/long", "derived")]


def status(code: str, on: str = "2026-05-01") -> dict[str, Any]:
    return observation("s", (LOINC, "97509-4"), coded(SNOMED, code), on=on)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("268910001", "partial-response"),
        ("359746009", "stable-disease"),
        ("271299001", "progressive-disease"),
        ("709137006", "gap: absent"),
        ("73211009", "gap: unreadable"),
    ],
)
def test_the_status_after_the_first_cycle_is_the_response(code: str, expected: str) -> None:
    assert shown(read(PRIMARY, LIVER, *doses("2026-02-01"), status(code)), "chemotherapy-response") == expected


@pytest.mark.parametrize(
    ("start", "end", "day", "cycles"),
    [
        ("2026-02-01", "2026-03-10", "2026-01-31", 2),
        ("2026-02-01", "2026-03-10", "2026-02-01", 1),
        ("2026-02-01", "2026-03-10", "2026-03-10", 1),
        ("2026-02-01", "2026-03-10", "2026-03-11", 2),
        ("2026-02", "2026-03", "2026-01-31", 2),
        ("2026-02", "2026-03", "2026-02-01", Interval(1)),
        ("2026-02", "2026-03", "2026-02-28", 1),
        ("2026-02", "2026-03", "2026-03-01", 1),
        ("2026-02", "2026-03", "2026-03-31", Interval(1)),
        ("2026-02", "2026-03", "2026-04-01", 2),
    ],
)
def test_a_course_holds_fluoropyrimidine_from_its_first_day_to_its_last(
    start: str, end: str, day: str, cycles: Any
) -> None:
    course = procedure("rt", (SNOMED, "1217123003"), performedPeriod={"start": start, "end": end})
    given = [*doses(day, drug=FLUOROURACIL), *doses("2026-05-01", prefix="later")]
    assert shown(read(PRIMARY, LIVER, course, *given), "chemotherapy-cycles") == cycles


def test_the_first_cycle_is_that_of_the_first_day_whatever_its_id() -> None:
    given = [dose("a", OXALIPLATIN, on="2026-05-02"), dose("b", OXALIPLATIN, on="2026-04-20")]
    case = read(PRIMARY, LIVER, *given, status("268910001", on="2026-05-01"))
    assert (shown(case, "chemotherapy-response"), case.issues) == ("partial-response", ())


def test_a_status_before_or_without_chemotherapy_is_no_response() -> None:
    before = read(PRIMARY, LIVER, *doses("2026-05-01"), status("268910001"))
    without = read(PRIMARY, LIVER, status("268910001"))
    counted = read(PRIMARY, LIVER, status("268910001"), local("chemotherapy-cycles", 4, on="2026-05-01"))
    found = [shown(case, "chemotherapy-response") for case in (before, without, counted)]
    assert found == ["gap: absent", "gap: absent", "partial-response"]
    reason = "disease status without chemotherapy before it: no response"
    assert without.issues == (Issue("Observation/s", reason, "flagged"),)


@pytest.mark.parametrize(
    ("comparator", "number", "expected"),
    [
        (">=", 2, "stable-disease"),
        (">=", 1, "stable-disease"),
        (">=", 0, "gap: absent"),
        ("<", 5, "gap: absent"),
    ],
)
def test_a_local_bound_of_cycles_counts_as_chemotherapy_from_one_on(
    comparator: str, number: int, expected: str
) -> None:
    some = observation(
        "c",
        ("https://crlm-cds.example/fhir/CodeSystem/case-facts", "chemotherapy-cycles"),
        {"valueQuantity": {"value": number, "comparator": comparator}},
        on="2026-05-01",
    )
    assert shown(read(PRIMARY, LIVER, status("359746009"), some), "chemotherapy-response") == expected


OLD_PRIMARY = condition("p", (ICD10CM, "C20"), onset="2024-01-10")
RESECTED = procedure("r", (CPT, "45110"), on="2024-02-01")


def test_adjuvant_chemotherapy_lies_between_resection_and_metastases() -> None:
    case = read(OLD_PRIMARY, RESECTED, LIVER, *doses("2024-03-01", "2024-08-01"))
    assert (shown(case, "adjuvant-status"), shown(case, "adjuvant-end-date").isoformat()) == ("completed", "2024-08-01")
    assert (shown(case, "chemotherapy-cycles"), SINCE in case.signs) == ("gap: absent", False)


def test_an_active_order_of_before_the_metastases_is_adjuvant_chemotherapy_under_way() -> None:
    running = request("r", OXALIPLATIN, status="active", authoredOn="2025-11-01")
    case = read(OLD_PRIMARY, RESECTED, LIVER, *doses("2025-12-01"), running)
    assert (shown(case, "adjuvant-status"), shown(case, "adjuvant-end-date")) == ("ongoing", "gap: absent")


def test_adjuvant_chemotherapy_needs_both_dates() -> None:
    assert shown(read(OLD_PRIMARY, LIVER, *doses("2024-03-01")), "adjuvant-status") == "gap: absent"


def test_the_end_of_adjuvant_chemotherapy_is_open_where_medication_was_not_had() -> None:
    case = read(OLD_PRIMARY, RESECTED, LIVER, *doses("2024-03-01"), completeness=NO_REQUESTS)
    found = [shown(case, fact) for fact in ("adjuvant-status", "adjuvant-end-date")]
    assert found == [{"ongoing", "completed"}, "gap: not-retrieved"]


def in_text(text: str, on: str, **more: Any) -> dict[str, Any]:
    return procedure("c", (CPT, "44140"), on=on, **more) | {"code": {"text": text}}


@pytest.mark.parametrize(
    ("given", "since"),
    [
        (dose("d", OXALIPLATIN, on="2026-02-01"), True),
        (dose("d", OXALIPLATIN, on="2026-01"), True),
        (dose("d", OXALIPLATIN), True),
        (dose("d", OXALIPLATIN, on="2026-02-01", status="in-progress"), True),
        (dose("d", OXALIPLATIN, on="2026-02-01", status="entered-in-error"), False),
        (dose("d", OXALIPLATIN, on="2026-01-14"), False),
        (request("r", OXALIPLATIN, authoredOn="2026-02-01", status="active"), False),
        (request("r", OXALIPLATIN, authoredOn="2026-02-01", status="stopped"), True),
        (request("r", OXALIPLATIN, authoredOn="2026-02-01", foo="invalid"), True),
        (
            request("r", OXALIPLATIN, authoredOn="2026-02-01") | {"medicationCodeableConcept": {"text": "FOLFOX c1"}},
            True,
        ),
        (
            request("r", OXALIPLATIN, authoredOn="2026-02-01") | {"medicationCodeableConcept": {"text": "aspirin"}},
            False,
        ),
        (procedure("c", (SNOMED, "367336001"), on="2026-02-01"), True),
        (procedure("c", (SNOMED, "367336001"), on="2025-02-01"), False),
        (procedure("c", (SNOMED, "367336001"), on="2026-02-01", foo="invalid"), True),
        (procedure("c", (CPT, "44140"), on="2026-02-01", foo="invalid"), False),
        (in_text("FOLFOX cycle 3", "2026-02-01", foo="invalid"), True),
        (in_text("FOLFOX cycle 3", "2026-02-01"), True),
        (in_text("FOLFOX cycle 3", "2026-01-14"), False),
        (in_text("FOLFOX cycle 3", "2026-02-01", status="not-done"), False),
        (in_text("FOLFOX cycle 3", "2026-02-01", status="preparation"), False),
        (in_text("FOLFOX cycle 3", "2026-02-01", status="in-progress"), True),
        (in_text("Right hemicolectomy", "2026-02-01"), False),
    ],
)
def test_systemic_therapy_since_the_metastases_is_a_sign(given: dict[str, Any], since: bool) -> None:  # noqa: FBT001
    assert (SINCE in read(PRIMARY, LIVER, given).signs) is since


RECTUM: dict[str, Any] = {"bodySite": [concept(SNOMED, "34402009")]}
RADIOTHERAPY: list[tuple[dict[str, Any], str]] = [
    (procedure("c", (SNOMED, "1217123003"), on="2026-02-01", **RECTUM), "completed"),
    (procedure("c", (SNOMED, "108290001"), on="2026-02-01", status="in-progress"), "ongoing"),
    (procedure("c", (SNOMED, "108290001"), status="preparation"), "indicated"),
    (procedure("c", (SNOMED, "108290001"), on="2026-02-01", status="not-done"), "gap: absent"),
    (order("o", (SNOMED, "1217123003"), on="2026-02-01"), "indicated"),
    (procedure("c", (SNOMED, "108290001"), on="2026-02-01", bodySite=[concept(SNOMED, "39607008")]), "gap: absent"),
]


@pytest.mark.parametrize(("given", "expected"), RADIOTHERAPY)
def test_radiotherapy_of_the_rectum(given: dict[str, Any], expected: str) -> None:
    assert shown(read(PRIMARY, given), "rectal-radiotherapy") == expected


def test_radiotherapy_without_site_is_not_the_rectums_in_colon_cancer() -> None:
    colon = condition("p", (ICD10CM, "C18.7"), onset="2026-01-10")
    case = read(colon, procedure("c", (SNOMED, "108290001"), on="2026-02-01"))
    assert shown(case, "rectal-radiotherapy") == "gap: absent"


def test_medication_that_was_not_had_leaves_its_facts_open() -> None:
    partial = {**COMPLETE, "MedicationAdministration": Completeness.PARTIAL}
    case = read(PRIMARY, LIVER, completeness=partial)
    facts = ("chemotherapy-cycles", "chemotherapy-last-date", "bevacizumab-last-date", "adjuvant-status")
    assert {shown(case, fact) for fact in facts} == {"gap: not-retrieved"}
    assert shown(case, "chemotherapy-response") == "gap: absent"


def test_a_dose_that_cannot_be_later_leaves_the_last_day_known() -> None:
    case = read(PRIMARY, LIVER, *doses("2026-01", "2026-01-31"))
    assert shown(case, "chemotherapy-last-date").isoformat() == "2026-01-31"


@pytest.mark.parametrize(("day", "end"), [("2025-02-01", "2025-04-01"), ("2025-02-02", None)])
def test_a_dose_in_text_on_the_day_of_the_resection_is_not_adjuvant(day: str, end: str | None) -> None:
    resected = local("primary-resection-date", "2025-02-01", on="2025-02-10")
    named = dose("t", OXALIPLATIN, on=day) | {"medicationCodeableConcept": {"text": "FOLFOX"}}
    case = read(PRIMARY, LIVER, resected, named, *doses("2025-04-01"))
    assert shown(case, "adjuvant-end-date") == ("gap: absent" if end is None else date.fromisoformat(end))
