"""What may matter, by type and codes: asked of the scan and of the dictionary, alone and after other resources."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from fhir_mappings import relevance
from fhir_mappings.relevance import Head, Relevance
from tests.charts import CPT, ICD10CM, LOINC, RXNORM, SNOMED, concept
from tests.fhir_mappings.reading import terminology

SIZE = concept(LOINC, "33728-7")
DRUG = concept(RXNORM, "4492")
CANCER = concept(ICD10CM, "C20")
FLU = concept(ICD10CM, "J10.1")
"""Of a system that is read, in no value set: something else for certain."""
FOREIGN = concept("urn:oid:1.2.3", "1")
METASTASES = {"text": "liver mets"}
VAGUE = {"text": "liver, secondary"}
VIAL = concept(RXNORM, "161") | {"text": "oxaliplatin 5 MG/ML Injection"}
"""Of a system that has codes without number for one drug: its words are looked at."""
WITHHELD = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
REFERENCE = {"reference": "Medication/1"}
HUGE = 2**63


def both(*concepts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give one concept with the codings of several."""
    return {"coding": [one for found in concepts for one in found["coding"]]} | more


def of(system: Any, code: Any, **more: Any) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | more]}


ASKED: list[tuple[str, dict[str, Any], bool]] = [
    # by type alone
    *((kind, {}, True) for kind in ("Patient", "BodyStructure", "CarePlan", "Specimen")),
    *((kind, {"code": CANCER}, False) for kind in ("Claim", "condition", "", "FamilyMemberHistory")),
    # by code
    ("Condition", {"code": CANCER}, True),
    ("Condition", {"code": FLU}, False),
    ("Condition", {"code": both(FLU, CANCER)}, True),
    ("Condition", {"code": both(CANCER, FLU)}, True),
    ("Condition", {"code": both(FOREIGN, FLU, CANCER)}, True),
    ("Condition", {"medicationReference": REFERENCE}, False),
    ("Condition", {"code": FLU | {"reference": REFERENCE}}, False),
    ("Procedure", {"code": concept(CPT, "47130")}, True),
    ("ServiceRequest", {"code": concept(CPT, "47130")}, True),
    ("ServiceRequest", {"code": {"concept": concept(CPT, "47130")}}, True),
    ("ServiceRequest", {"code": {"concept": concept(CPT, "99213")}}, False),
    ("Medication", {"code": DRUG}, True),
    ("Medication", {"code": concept(RXNORM, "161")}, False),
    # by component, whatever the code
    ("Observation", {"code": concept(LOINC, "718-7")}, False),
    ("Observation", {"code": concept(LOINC, "718-7"), "component": [{"code": SIZE}]}, True),
    ("Observation", {"code": concept(LOINC, "718-7"), "component": [None, {}, {"code": None}, {"code": SIZE}]}, True),
    ("Observation", {"code": concept(LOINC, "718-7"), "component": [{"code": concept(LOINC, "8480-6")}]}, False),
    ("Observation", {"component": [{"code": {"text": "CEA"}}]}, True),
    ("Observation", {"code": FOREIGN, "component": [{"code": {"text": "CEA"}}]}, True),
    ("Observation", {"code": of("urn:oid:1.2.3", "CEA")}, False),
    ("Observation", {"code": {"text": "CEA"}, "component": [{"code": concept(LOINC, "8480-6")}]}, False),
    ("Observation", {"code": {"text": "CEA"}, "component": None}, True),
    ("Observation", {"code": None, "component": {"code": SIZE}}, True),
    ("Observation", {"code": [concept(LOINC, "718-7")], "component": [{"code": SIZE}]}, True),
    ("Observation", {"code": 5, "component": "x"}, False),
    # drugs: by each element that may hold them, and where they stand elsewhere
    *(
        row
        for kind in ("MedicationRequest", "MedicationAdministration")
        for row in (
            (kind, {"code": DRUG}, True),
            (kind, {"medicationCodeableConcept": DRUG}, True),
            (kind, {"medicationCodeableConcept": [DRUG]}, True),
            (kind, {"medicationCodeableConcept": concept(RXNORM, "161")}, False),
            (kind, {"medicationCodeableConcept": concept(RXNORM, "161") | {"text": "before FOLFOX"}}, False),
            (kind, {"medicationCodeableConcept": FOREIGN | {"text": "before FOLFOX"}}, True),
            (kind, {"medicationCodeableConcept": {"text": "Oxaliplatin 85 mg/m2"}}, True),
            (kind, {"medication": DRUG}, True),
            (kind, {"medication": [DRUG]}, True),
            (kind, {"medication": {"concept": DRUG}}, True),
            (kind, {"medication": {"concept": {"text": "aspirin"}}}, False),
            (kind, {"medication": {"reference": REFERENCE}}, True),
            (kind, {"medication": [{"reference": REFERENCE}]}, True),
            (kind, {"medication": {"reference": None}}, False),
            (kind, {"medicationReference": REFERENCE}, True),
            (kind, {"medicationReference": "Medication/1"}, True),
            (kind, {"medicationReference": None}, False),
            (kind, {"medicationReference": None, "medication": 5}, False),
            (kind, {"medicationReference": REFERENCE, "medicationCodeableConcept": 5}, True),
            (kind, {"medicationReference": REFERENCE, "medicationCodeableConcept": concept(RXNORM, "161")}, True),
            (kind, {"medication": 5, "medicationCodeableConcept": DRUG}, True),
            (kind, {"medication": DRUG, "medicationCodeableConcept": 5}, True),
            (kind, {"code": 5, "medication": {"concept": DRUG}}, True),
            (kind, {}, False),
        )
    ),
    # text counts where no coding is understood
    ("Condition", {"code": METASTASES}, True),
    ("Condition", {"code": FOREIGN | METASTASES}, True),
    # and beside a code that is, where it names a cancer or a metastasis
    ("Condition", {"code": FLU | METASTASES}, True),
    ("Condition", {"code": {"concept": FLU} | METASTASES}, True),
    ("Condition", {"code": FLU | {"concept": METASTASES}}, True),
    ("Condition", {"code": FLU | VAGUE}, False),
    ("Condition", {"code": FOREIGN | VAGUE}, True),
    ("Condition", {"code": both(FLU, FOREIGN) | VAGUE}, False),
    ("Condition", {"code": both(FOREIGN, FLU) | VAGUE}, False),
    ("Condition", {"code": {"concept": FLU} | VAGUE}, False),
    ("Condition", {"code": FLU | {"concept": VAGUE}}, False),
    ("Condition", {"code": {"concept": METASTASES}}, True),
    ("Condition", {"code": {"concept": {"text": 5, "coding": [{"display": "liver mets"}]}}}, True),
    ("Condition", {"code": {"concept": [METASTASES]}}, False),
    ("Procedure", {"code": METASTASES}, True),
    ("Procedure", {"code": {"text": "flu"}}, False),
    ("Medication", {"code": {"text": "oxaliplatin"}}, True),
    ("Medication", {"code": {"text": "aspirin"}}, False),
    ("Medication", {"code": VIAL}, True),
    ("Medication", {"code": {"text": "bag 7"}, "ingredient": []}, True),
    ("Medication", {"code": {"text": "bag 7"}, "ingredient": None}, False),
    ("Procedure", {"code": concept(CPT, "99213"), "ingredient": []}, False),
    ("MedicationRequest", {"medicationCodeableConcept": VIAL}, True),
    ("Condition", {"code": {"text": "liver", "coding": [{"display": "mets"}]}}, True),
    ("Condition", {"code": {"coding": [{"display": "liver"}, None, {"display": ""}, {"display": "mets"}]}}, True),
    ("Condition", {"code": {"text": "", "coding": [{"display": None}, {"display": "liver mets"}]}}, True),
    ("Condition", {"code": {"text": 5, "coding": [{"display": 5}, {"display": "liver mets"}]}}, True),
    ("Condition", {"code": {"text": "liver", "coding": [{"display": 5}]}}, False),
    ("Condition", {"code": [METASTASES]}, True),
    ("Condition", {"code": [5, METASTASES]}, True),
    ("Condition", {"code": []}, False),
    ("Condition", {"code": "liver mets"}, True),
    # a coding without a code, or with none that all decoders read alike, is not understood
    ("Condition", {"code": of(ICD10CM, None) | VAGUE}, True),
    ("Condition", {"code": of(ICD10CM, "") | VAGUE}, True),
    ("Condition", {"code": of(None, "J10.1") | VAGUE}, True),
    # of a Condition what stands there in its place counts as text
    ("Condition", {"code": of(5, "C20")}, True),
    ("Condition", {"code": of(None, "C78.7")}, True),
    ("Condition", {"code": of("urn:x", "197.7")}, True),
    ("Condition", {"code": of(None, "C22.0")}, False),
    ("Condition", {"code": both(of("urn:x", "197.7"), FLU)}, False),
    ("Procedure", {"code": of(None, "C78.7")}, True),
    ("Condition", {"code": of(SNOMED, 94381002)}, True),
    ("Condition", {"code": of(SNOMED, 94381003) | VAGUE}, False),
    ("Condition", {"code": of(SNOMED, HUGE - 1) | VAGUE}, False),
    ("Condition", {"code": of(SNOMED, HUGE) | VAGUE}, True),
    ("Condition", {"code": of(SNOMED, 94381002.0) | VAGUE}, True),
    ("Condition", {"code": of(SNOMED, code=True) | VAGUE}, True),
    ("Condition", {"code": of(SNOMED, ["94381002"]) | VAGUE}, True),
    # a Condition whose code is withheld could be any
    ("Condition", {"code": WITHHELD}, True),
    ("Condition", {"code": [WITHHELD]}, True),
    ("Condition", {"code": {"extension": []}}, False),
    ("Condition", {"code": WITHHELD | {"text": "flu"}}, False),
    ("Condition", {"code": WITHHELD | FLU}, False),
    ("Condition", {"code": WITHHELD | FOREIGN}, False),
    ("Condition", {"code": {"text": "flu", "concept": WITHHELD}}, True),
    ("Observation", {"code": WITHHELD}, False),
    # the code counts beside components that another resource has too
    ("Observation", {"code": of(LOINC, "89247-1"), "component": [{"code": of(LOINC, "8480-6")}]}, True),
    ("Observation", {"code": of(LOINC, "8867-4"), "component": [{"code": of(LOINC, "8480-6")}]}, False),
    # elements that only another type has do not count, or the first of two alike would decide for both
    ("Observation", {"code": concept(LOINC, "718-7"), "medicationCodeableConcept": METASTASES}, False),
    ("Observation", {"code": concept(LOINC, "718-7")}, False),
    ("Observation", {"code": [concept(LOINC, "718-7")], "medication": SIZE}, False),
    ("MedicationRequest", {"medicationCodeableConcept": of(RXNORM, "1"), "component": [{"code": SIZE}]}, False),
    ("MedicationRequest", {"medicationCodeableConcept": of(RXNORM, "1")}, False),
    # any shape
    ("Condition", {"code": {"coding": {"system": ICD10CM, "code": "C20"}}}, True),
    ("Condition", {"code": [FLU, CANCER]}, True),
    ("Condition", {"code": [{"coding": 5}, "x", CANCER]}, True),
    ("Condition", {"code": {"coding": ["x", {"system": ICD10CM, "code": "C20"}]}}, True),
    ("Condition", {}, False),
    ("Condition", {"code": None}, False),
    ("Condition", {"code": {}}, False),
]


def scanned(kind: str, parts: dict[str, Any]) -> Head | None:
    """Scan a resource; `None` where the scan cannot: its dictionary is asked then."""
    try:
        return msgspec.json.decode(orjson.dumps({"resourceType": kind} | parts), type=Head)
    except msgspec.ValidationError:
        return None


@pytest.mark.parametrize(("kind", "parts", "expected"), ASKED)
def test_a_resource_may_matter_by_its_type_and_codes(kind: str, parts: dict[str, Any], *, expected: bool) -> None:
    head = scanned(kind, parts)
    asked = Relevance(terminology())
    if head is None:
        assert not isinstance(parts["component"], list)
    else:
        assert [asked.matters(head), asked.matters(head)] == [expected] * 2
        assert type(asked.matters(head)) is bool
    assert asked.matters_as_dictionary({"resourceType": kind} | parts) is expected
    assert Relevance(terminology()).matters_as_dictionary({"resourceType": kind} | parts) is expected


def test_what_was_asked_before_makes_no_difference() -> None:
    asked_of = [(scanned(kind, parts), expected) for kind, parts, expected in ASKED]
    heads = [(head, expected) for head, expected in asked_of if head is not None]
    asked, backwards = Relevance(terminology()), Relevance(terminology())
    for head, expected in (*heads, *heads):
        assert asked.matters(head) is expected
    for head, expected in reversed(heads):
        assert backwards.matters(head) is expected


def test_panels_that_differ_in_their_values_alone_are_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    def looked_at(_: str, text: str, **__: bool) -> bool:
        texts.append(text)
        return False

    monkeypatch.setattr(relevance, "is_worth_a_look", looked_at)
    parts: list[dict[str, Any]] = [{"code": {"text": "systolic"}, "valueInteger": at} for at in range(3)]
    panels: list[dict[str, Any]] = [{"code": {"text": "panel"}, "component": [part]} for part in parts]
    asked = Relevance(terminology())
    heads = [scanned("Observation", panel) for panel in (*panels, {"code": {"text": "panel"}, "component": []})]
    assert [head and asked.matters(head) for head in heads] == [False] * 4
    assert texts == ["panel systolic", "panel"]


@pytest.mark.parametrize("kind", [None, 5, ["Condition"]])
def test_what_has_no_type_does_not_matter(kind: Any) -> None:
    assert Relevance(terminology()).matters_as_dictionary({"resourceType": kind, "code": CANCER}) is False
    assert Relevance(terminology()).matters(Head(code=msgspec.Raw(orjson.dumps(CANCER)))) is False
