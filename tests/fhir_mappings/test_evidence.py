"""Each fact that standard codes give: its value, and the resource, coding, day and way of reading behind it."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias

import pytest

from fhir_mappings.case import Evidence, Fact, How, Issue, Known, Narrowed, day_of
from fhir_mappings.catalogue import load_catalogue
from fhir_mappings.read.dates import parse_date
from tests.charts import (
    CPT,
    ICD10CM,
    LOINC,
    RXNORM,
    SNOMED,
    STRATEGY,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    order,
    procedure,
    quantity,
)
from tests.fhir_mappings.reading import LIVER, PRIMARY, read

Given: TypeAlias = dict[str, Any]
Read: TypeAlias = tuple[str, list[Given], Any, Fact]
"""A fact, the resources that give it, another value of it, and what is read."""

RECENT = "2026-06-10"
DATES = ("effectiveDateTime", "onsetDateTime", "performedDateTime", "authoredOn", "created")


def said(code: tuple[str, str], value: Given) -> Given:
    return observation("o", code, value, on=RECENT)


def seen(resource: Given, how: How = "coded") -> Evidence:
    """Give the evidence that a resource is, by the last of its codings."""
    concepts = [resource.get("code"), resource.get("medicationCodeableConcept"), *resource.get("category", ())]
    coding = next(found for found in concepts if found)["coding"][-1]
    dated = parse_date(next(resource[name] for name in DATES if name in resource))
    return Evidence(f"{resource['resourceType']}/{resource['id']}", how, dated, f"{coding['system']}|{coding['code']}")


def known(value: Any, *resources: Given) -> Known:
    return Known(value, tuple(seen(one) for one in resources))


def derived(value: Any, *resources: Given) -> Known:
    return Known(value, tuple(seen(one, "derived") for one in resources))


SCORE = said((LOINC, "89247-1"), {"valueInteger": 1})
GRADE = said((LOINC, "89262-0"), coded(LOINC, "LA9623-5"))
KARNOFSKY = said((LOINC, "89243-0"), {"valueInteger": 80})
ASA = said((LOINC, "97816-3"), {"valueInteger": 3})
RECTUM = condition("rectum", (ICD10CM, "C20"), onset="2026-05-01")
OLD = condition("old", (ICD10CM, "C18.7"), onset="2024-05-01")
HISTORY = condition("z", (ICD10CM, "Z85.038"), onset="2026-05-01")
RESECTED = procedure("r", (CPT, "44160"), on="2026-05-20")
RESECTED_BEFORE = RESECTED | {"performedDateTime": "2024-06-01"}
PLANNED = order("o", (CPT, "45126"), on=RECENT)
LOW_ANTERIOR = order("o", (CPT, "44145"), on=RECENT)
OBSTRUCTION = condition("s", (SNOMED, "81060008"), onset="2026-06-01")
PERFORATION = condition("k", (ICD10CM, "K63.1"), onset="2026-06-01")
PERFORATED = local("primary-symptoms", "perforation", on=RECENT)
COURSE = procedure("c", (SNOMED, "1217123003"), on=RECENT)
COURSE_ORDER = order("c", (SNOMED, "1217123003"), on=RECENT)
T = said((LOINC, "21899-0"), {"valueString": "pT3"})
N = said((LOINC, "21900-6"), {"valueString": "pN1"})
N2 = said((LOINC, "21900-6"), {"valueString": "pN2a"})
MARGIN = said((SNOMED, "17964000"), {"valueString": "R1"})
NODES = said((LOINC, "21893-3"), {"valueInteger": 4})
FIRST = condition("first", (ICD10CM, "C78.7"), onset="2025-05-10", clinical="resolved")
HEPATECTOMY = procedure("h", (CPT, "47125"), on="2026-06-01")
HEPATECTOMY_BEFORE = HEPATECTOMY | {"performedDateTime": "2025-06-01"}
HEPATECTOMY_ORDER = order("o", (CPT, "47125"), on=RECENT)
CIRRHOSIS = condition("c", (ICD10CM, "K74.60"), onset="2026-06-01")
SIZE = said((LOINC, "21889-1"), quantity(2, "cm") | {"bodySite": concept(SNOMED, "10200004")})
LUNG = condition("c", (ICD10CM, "C78.00"), onset="2026-06-01")
PLAN = {
    "resourceType": "CarePlan",
    "id": "plan",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "Patient/1"},
    "created": RECENT,
    "category": [{"coding": [{"system": SNOMED, "code": "1234"}, {"system": STRATEGY, "code": "liver-first"}]}],
}
DOSE = dose("d", (RXNORM, "32592"), on="2026-05-20")
BEVACIZUMAB = dose("b", (RXNORM, "253337"), on="2026-05-19")
STABLE = said((LOINC, "97509-4"), coded(SNOMED, "359746009"))
ADJUVANT = DOSE | {"effectiveDateTime": "2024-08-01"}
RUNNING: Given = {
    "resourceType": "MedicationRequest",
    "id": "run",
    "status": "active",
    "intent": "order",
    "authoredOn": "2024-07-20",
    "medicationCodeableConcept": concept(RXNORM, "32592"),
    "subject": {"reference": "Patient/1"},
}
BEFORE = [OLD, LIVER, RESECTED_BEFORE, ADJUVANT]
CEA = said((LOINC, "2039-6"), quantity(4.25, "ng/mL"))
KRAS = said((LOINC, "21702-6"), coded(LOINC, "LA9633-4"))
GENE = {"component": [{"code": concept(LOINC, "48018-6")} | coded("http://www.genenames.org", "HGNC:1097")]}
BRAF = said((LOINC, "69548-6"), coded(LOINC, "LA9633-4") | GENE)
MSI = said((LOINC, "81695-9"), coded(LOINC, "LA26203-2"))

READ: list[Read] = [
    ("ecog", [SCORE], 3, known(1, SCORE)),
    ("ecog", [GRADE], 3, known(1, GRADE)),
    ("ecog", [KARNOFSKY], 3, derived(1, KARNOFSKY)),
    ("asa", [ASA], 2, known(3, ASA)),
    ("primary-site", [PRIMARY], "caecum", known("sigmoid-colon", PRIMARY)),
    ("primary-site", [HISTORY], "rectum-low", known("colon-unspecified", HISTORY)),
    ("primary-diagnosis-date", [PRIMARY], "2026-01-01", known(date(2026, 5, 1), PRIMARY)),
    ("primary-resection-date", [PRIMARY, RESECTED], "2026-01-01", known(date(2026, 5, 20), RESECTED)),
    ("primary-operation-done", [PRIMARY, RESECTED], "hartmann", known("right-hemicolectomy", RESECTED)),
    ("primary-in-situ", [PRIMARY, RESECTED], True, derived(False, RESECTED)),  # noqa: FBT003 - a value
    ("primary-in-situ", [PRIMARY, PLANNED], False, derived(True, PLANNED)),  # noqa: FBT003 - a value
    ("primary-in-situ", [HISTORY], True, derived(False, HISTORY)),  # noqa: FBT003 - a value
    ("primary-symptoms", [PRIMARY, OBSTRUCTION], "none", known("obstruction", OBSTRUCTION)),
    ("colorectal-operation", [LOW_ANTERIOR], "hartmann", known("low-anterior-resection", LOW_ANTERIOR)),
    ("colorectal-multivisceral", [PLANNED], False, known(True, PLANNED)),  # noqa: FBT003 - a value
    ("rectal-radiotherapy", [RECTUM, COURSE], "not-indicated", known("completed", COURSE)),
    ("rectal-radiotherapy", [RECTUM, COURSE_ORDER], "not-indicated", known("indicated", COURSE_ORDER)),
    ("primary-t", [T], "T1", known("T3", T)),
    ("primary-n", [N], "N0", known("N1", N)),
    ("primary-margin", [MARGIN], "r0", known("r1", MARGIN)),
    ("nodes-positive", [NODES], 2, known(4, NODES)),
    ("primary-pathology", [PRIMARY, PERFORATION], "favourable", derived("unfavourable-perforated", PERFORATION)),
    ("primary-pathology", [PERFORATED], "favourable", derived("unfavourable-perforated", PERFORATED)),
    ("primary-pathology", [N2], "favourable", derived("unfavourable-nodal", N2)),
    ("liver-metastasis-date", [LIVER], "2026-01-01", known(date(2026, 5, 10), LIVER)),
    ("metastases-detected", [OLD, LIVER], "at-staging", derived("follow-up", LIVER, OLD)),
    (
        "metastases-detected",
        [OLD, LIVER, RESECTED_BEFORE],
        "at-staging",
        derived("follow-up", LIVER, OLD, RESECTED_BEFORE),
    ),
    ("months-primary-to-metastases", [OLD, LIVER], 3, derived(24, LIVER, OLD)),
    ("liver-state", [LIVER, HEPATECTOMY], "untreated", derived("treated", HEPATECTOMY)),
    ("liver-state", [FIRST, LIVER, HEPATECTOMY_BEFORE], "untreated", derived("recurrence", LIVER)),
    ("liver-condition", [CIRRHOSIS], "normal", known("cirrhosis", CIRRHOSIS)),
    ("largest-metastasis", [SIZE], 60, known(20, SIZE)),
    ("hepatectomy-extent", [HEPATECTOMY_ORDER], "minor", known("major", HEPATECTOMY_ORDER)),
    (
        "extrahepatic-disease",
        [LUNG],
        "none",
        Narrowed(frozenset({"resectable", "unresectable"}), (seen(LUNG, "derived"),)),
    ),
    ("mdt-decision", [PLAN], "staged", known("liver-first", PLAN)),
    ("chemotherapy-cycles", [LIVER, DOSE], 4, derived(1, DOSE)),
    ("chemotherapy-last-date", [LIVER, DOSE, BEVACIZUMAB], "2026-01-01", derived(date(2026, 5, 20), DOSE)),
    ("bevacizumab-last-date", [LIVER, DOSE, BEVACIZUMAB], "2026-01-01", derived(date(2026, 5, 19), BEVACIZUMAB)),
    ("chemotherapy-response", [LIVER, DOSE, STABLE], "partial-response", known("stable-disease", STABLE)),
    ("adjuvant-status", BEFORE, "none", derived("completed", ADJUVANT)),
    ("adjuvant-status", [*BEFORE, RUNNING], "none", derived("ongoing", ADJUVANT, RUNNING)),
    ("adjuvant-end-date", BEFORE, "2024-07-01", derived(date(2024, 8, 1), ADJUVANT)),
    ("cea", [CEA], 9, known(4.25, CEA)),
    ("ras", [KRAS], "wild-type", known("mutated", KRAS)),
    ("braf", [BRAF], "wild-type", known("mutated", BRAF)),
    ("msi", [MSI], "stable", known("msi-high", MSI)),
]
NAMES = [f"{one[0]} {number}" for number, one in enumerate(READ)]


@pytest.mark.parametrize(("fact", "resources", "other", "expected"), READ, ids=NAMES)
def test_a_fact_names_the_resources_codings_and_days_behind_it_and_older_local_values_give_way(
    fact: str, resources: list[Given], other: Any, expected: Fact
) -> None:
    undated, older = local(fact, other, ident="older"), local(fact, other, on="2024-07-31", ident="older")
    found = [read(*resources, *more).facts[fact] for more in ((), (undated,), (older,))]
    assert found == [expected, expected, expected]


def test_an_issue_names_the_facts_that_a_refused_resource_could_have_carried() -> None:
    ecog, cea = (observation("o", (LOINC, code), {"valueInteger": 1}, foo=1) for code in ("89247-1", "2039-6"))
    named = [ecog, cea | {"id": "p"}]
    anonymous = [{name: value for name, value in one.items() if name != "id"} for one in named]
    reason = "not valid FHIR R4"
    assert read(*named).issues == (
        Issue("Observation/o", reason, costs=("ecog",)),
        Issue("Observation/p", reason, costs=("cea",)),
    )
    both = tuple(code for code in load_catalogue().facts if code in ("ecog", "cea"))
    assert read(*anonymous).issues == read(*reversed(anonymous)).issues == (Issue("Observation", reason, costs=both),)


def test_an_issue_that_left_nothing_out_names_no_cost_of_another_resource_without_id() -> None:
    refused = observation("o", (LOINC, "89247-1"), {"valueInteger": 1}, foo=1)
    named = observation("p", (LOINC, "2039-6"), quantity(12, "ng/mL")) | {"code": {"text": "ASA class"}}
    anonymous = [{name: value for name, value in one.items() if name != "id"} for one in (refused, named)]
    assert read(*anonymous).issues == (
        Issue("Observation", "not valid FHIR R4", costs=("ecog",)),
        Issue("Observation", "text only: not mapped", "flagged"),
    )


LATER = procedure("p", (CPT, "44160"), on="2026-06-01")
FOUND = condition("liver", (ICD10CM, "C78.7"), onset="2026-05-10")


@pytest.mark.parametrize("fact", ["metastases-detected", "months-primary-to-metastases"])
def test_what_follows_from_several_days_is_of_the_day_on_which_the_metastases_were_found(fact: str) -> None:
    case = read(PRIMARY, FOUND, LATER)
    days = [proof.dated for proof in case.facts[fact].evidence]
    assert (days, day_of(case.facts[fact])) == (
        [parse_date("2026-05-10"), parse_date("2026-05-01"), parse_date("2026-06-01")],
        parse_date("2026-05-10"),
    )


def test_a_primary_that_is_to_be_resected_is_in_situ_today_and_not_on_the_day_of_the_plan() -> None:
    case = read(PRIMARY, order("o", (CPT, "44145"), occurrenceDateTime="2026-12-01"))
    facts = ("primary-in-situ", "colorectal-operation")
    assert [day_of(case.facts[fact]) for fact in facts] == [parse_date("2026-06-15"), parse_date("2026-12-01")]
