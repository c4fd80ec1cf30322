"""A code for "unknown" in place of a value: recorded as unknown, as a reason for absent data is, not unreadable."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.catalogue import FACTS_SYSTEM
from tests.charts import ICD10CM, LOINC, SNOMED, Resource, concept, condition, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, proofs, read, shown

RECENT = "2026-06-01"
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
UNKNOWN = [
    (SNOMED, "261665006"),
    (SNOMED, "373121007"),
    (LOINC, "LA4489-6"),
    (NULL_FLAVOR, "UNK"),
    (NULL_FLAVOR, "NI"),
    (NULL_FLAVOR, "ASKU"),
    ("http://hl7.org/fhir/v3/NullFlavor", "UNK"),
    ("urn:oid:2.16.840.1.113883.5.1008", "UNK"),
    (REASON, "unknown"),
    (REASON, "not-performed"),
    (f"{REASON}/", "Asked-Unknown"),
]
FACTS = {
    "ecog": (LOINC, "89262-0"),
    "asa": (SNOMED, "302132005"),
    "primary-t": (LOINC, "21899-0"),
    "primary-n": (LOINC, "21900-6"),
    "primary-margin": (SNOMED, "17964000"),
    "msi": (LOINC, "81695-9"),
    "ras": (LOINC, "21702-6"),
    "nodes-positive": (LOINC, "21893-3"),
    "r0-achievable": (FACTS_SYSTEM, "r0-achievable"),
    "liver-centre-discussed": (FACTS_SYSTEM, "liver-centre-discussed"),
}


def told(fact: str, value: Resource) -> Any:
    return shown(read(PRIMARY, LIVER, observation("o", FACTS[fact], value, on=RECENT)), fact)


@pytest.mark.parametrize(("system", "code"), UNKNOWN)
def test_a_code_for_unknown_is_no_value(system: str, code: str) -> None:
    assert told("ecog", {"valueCodeableConcept": concept(system, code)}) == "gap: absent"


@pytest.mark.parametrize("fact", FACTS)
def test_what_is_coded_unknown_is_recorded_as_unknown_whatever_it_is_of(fact: str) -> None:
    case = read(
        PRIMARY, LIVER, observation("o", FACTS[fact], {"valueCodeableConcept": concept(SNOMED, "261665006")}, on=RECENT)
    )
    assert shown(case, fact) == "gap: absent"
    assert proofs(case, fact) in ([("Observation/o", "coded")], [("Observation/o", "entered")])


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (NULL_FLAVOR, "MSK"),
        (NULL_FLAVOR, "OTH"),
        (REASON, "masked"),
        (REASON, "as-text"),
        (REASON, "error"),
        (SNOMED, "82334004"),
        ("https://ehr.example.org/answers", "UNK"),
    ],
)
def test_a_value_that_is_withheld_or_stands_elsewhere_cannot_be_read(system: str, code: str) -> None:
    assert told("ecog", {"valueCodeableConcept": concept(system, code)}) == "gap: unreadable"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"coding": [{"system": NULL_FLAVOR, "code": "UNK"}, {"system": LOINC, "code": "LA9623-5"}]}, 1),
        ({"coding": [{"system": NULL_FLAVOR, "code": "UNK"}], "text": "ECOG 2"}, 2),
        ({"coding": [{"system": NULL_FLAVOR, "code": "UNK"}], "text": "see report"}, "gap: unreadable"),
        ({"coding": [{"system": NULL_FLAVOR, "code": "UNK"}, {"code": "x"}]}, "gap: unreadable"),
        ({"coding": [{"system": REASON, "code": "unknown"}], "text": "Unknown"}, "gap: absent"),
        (
            {"coding": [{"system": SNOMED, "code": "261665006", "display": "Unbekannt"}], "text": "unbekannt"},
            "gap: absent",
        ),
        ({"text": "unknown"}, "gap: unreadable"),
    ],
)
def test_what_stands_beside_the_code_counts(value: Resource, expected: Any) -> None:
    assert told("ecog", {"valueCodeableConcept": value}) == expected


def test_a_component_may_be_unknown_by_itself() -> None:
    unknown = {"code": concept(LOINC, "21899-0"), "valueCodeableConcept": concept(SNOMED, "261665006")}
    nodes = {"code": concept(LOINC, "21900-6"), "valueCodeableConcept": {"text": "pN1"}}
    case = read(PRIMARY, LIVER, observation("o", (LOINC, "21902-2"), {"component": [unknown, nodes]}, on=RECENT))
    assert (shown(case, "primary-t"), shown(case, "primary-n")) == ("gap: absent", "N1")


def test_a_grade_that_is_coded_as_unknown_is_not_affirmed() -> None:
    grade = observation("o", (SNOMED, "413498004"), {"valueCodeableConcept": concept(NULL_FLAVOR, "UNK")}, on=RECENT)
    assert shown(read(PRIMARY, LIVER, grade), "asa") == "gap: absent"


def test_an_older_value_stands_beside_one_that_is_not_known() -> None:
    older = observation("a", FACTS["asa"], {"valueInteger": 4}, on="2026-05-01")
    newer = observation("b", FACTS["asa"], {"valueCodeableConcept": concept(SNOMED, "261665006")}, on=RECENT)
    assert shown(read(PRIMARY, LIVER, older, newer), "asa") == 4


@pytest.mark.parametrize(("system", "code"), [(SNOMED, "261665006"), (NULL_FLAVOR, "UNK")])
def test_a_disease_whose_code_is_not_known_is_known_by_its_name(system: str, code: str) -> None:
    named = condition("l", (ICD10CM, "x")) | {
        "code": {"coding": [{"system": system, "code": code}], "text": "Leberfiliae"}
    }
    case = read(PRIMARY, named)
    assert (case.scope, [proof.reference for proof in case.scope_evidence]) == (
        "uncertain",
        ["Condition/primary", "Condition/l"],
    )
