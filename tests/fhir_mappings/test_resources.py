"""What is repaired, accepted, read as R5 or refused: the whole body, and what is said of it."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.resources import (
    AS_R5,
    DEEP,
    INVALID,
    MODIFIED,
    OLDER,
    REPAIRED,
    VALIDATED,
    Checked,
    canonical,
    check,
    mend,
    newest_version,
)
from tests.charts import CPT, ICD10CM, LOINC, RXNORM, SNOMED, concept

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT: dict[str, Any] = {"subject": {"reference": "Patient/1"}}
PATIENT: dict[str, Any] = {"patient": {"reference": "Patient/1"}}
CODE: dict[str, Any] = concept(LOINC, "89247-1")
EXTENSION = {"url": "http://x.example", "valueString": "x"}


def of(kind: str, **more: Any) -> dict[str, Any]:
    required: dict[str, Any] = {
        "Condition": SUBJECT,
        "Observation": {"status": "final", "code": CODE},
        "Procedure": {"status": "completed"} | SUBJECT,
        "MedicationAdministration": {"status": "completed"} | SUBJECT,
        "MedicationRequest": {"status": "active", "intent": "order"} | SUBJECT,
        "ServiceRequest": {"status": "active", "intent": "order"} | SUBJECT,
        "CarePlan": {"status": "active", "intent": "plan"} | SUBJECT,
        "BodyStructure": PATIENT,
        "Specimen": {},
        "Medication": {},
    }[kind]
    return {"resourceType": kind, "id": "x"} | required | more


def without(resource: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != name}


ACCEPTED: list[dict[str, Any]] = [
    *(of(kind) for kind in ("Condition", "Observation", "Procedure", "Medication", "CarePlan", "ServiceRequest")),
    of("Observation", code=CODE | {"text": " as it was written "}, valueString=" 1 "),
    of("Observation", valueQuantity={"value": 1, "unit": " mm "}),
    of(
        "Condition",
        subject=SUBJECT["subject"] | {"identifier": {"value": "4711"}},
        asserter={"identifier": {"value": "9"}},
    ),
    of(
        "Observation",
        contained=[{"resourceType": "QuestionnaireResponse", "status": "completed", "identifier": {"value": "9"}}],
    ),
    of("CarePlan", instantiatesUri=[None, "urn:a"], _instantiatesUri=[{"extension": [EXTENSION]}, None]),
]
REPAIRS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # spaces around codes
    (of("Observation", status=" final"), of("Observation")),
    (of("ServiceRequest", intent="order "), of("ServiceRequest")),
    (of("Observation", code={"coding": [{"system": f" {LOINC} ", "code": " 89247-1\n"}]}), of("Observation")),
    (
        of("Observation", valueQuantity={"value": 1, "comparator": " <", "system": "urn:x ", "code": "mm "}),
        of("Observation", valueQuantity={"value": 1, "comparator": "<", "system": "urn:x", "code": "mm"}),
    ),
    # numbers as codes
    (of("Condition", code=concept(SNOMED, 94381002)), of("Condition", code=concept(SNOMED, "94381002"))),  # type: ignore[arg-type]
    # objects where lists belong
    (of("Observation", code={"coding": CODE["coding"][0]}), of("Observation")),
    (of("Observation", category=CODE, note={"text": "n"}), of("Observation", category=[CODE], note=[{"text": "n"}])),
    (
        of("Condition", bodySite=CODE, stage={"summary": CODE}),
        of("Condition", bodySite=[CODE], stage=[{"summary": CODE}]),
    ),
    (of("Procedure", reasonCode=CODE), of("Procedure", reasonCode=[CODE])),
    (
        of("Observation", component={"code": {"coding": CODE["coding"][0]}}),
        of("Observation", component=[{"code": CODE}]),
    ),
    (of("BodyStructure", locationQualifier=CODE), of("BodyStructure", locationQualifier=[CODE])),
    (of("Condition", evidence={"code": CODE}), of("Condition", evidence=[{"code": [CODE]}])),
    (
        of("Procedure", contained={"resourceType": "Condition", "id": "c", "category": CODE} | SUBJECT),
        of("Procedure", contained=[{"resourceType": "Condition", "id": "c", "category": [CODE]} | SUBJECT]),
    ),
    # codes beside status and intent
    (of("ServiceRequest", priority="routine "), of("ServiceRequest", priority="routine")),
    (of("Observation", language=" en"), of("Observation", language="en")),
    # nulls: what stands after them stays
    (of("Condition", code=None, id="x", onsetDateTime="2026"), of("Condition", onsetDateTime="2026")),
    ({"id": None} | of("Observation", method=None, valueInteger=1), of("Observation", valueInteger=1)),
    (of("Observation", code={"coding": [None, *CODE["coding"], None], "text": None}), of("Observation")),
    (
        of("Observation", note=[{"text": "a", "time": None}, {"text": "b"}]),
        of("Observation", note=[{"text": "a"}, {"text": "b"}]),
    ),
    (of("CarePlan", instantiatesUri=["urn:a", None, "urn:b"]), of("CarePlan", instantiatesUri=["urn:a", "urn:b"])),
    (
        of(
            "Observation",
            bodySite={"coding": [{"system": " urn:x", "code": "1"}, {"code": "2"}], "text": "t"},
            issued=None,
        ),
        of("Observation", bodySite={"coding": [{"system": "urn:x", "code": "1"}, {"code": "2"}], "text": "t"}),
    ),
    (
        of("Observation", status=" final", subject={"reference": "Patient/1"}, note=[{"text": "n"}]),
        of("Observation", subject={"reference": "Patient/1"}, note=[{"text": "n"}]),
    ),
]
NEGATED = {"url": "https://ehr.example/negated", "valueBoolean": True}
REFUSED: list[tuple[dict[str, Any], str]] = [
    *((without(of("Observation"), name), INVALID) for name in ("status", "code")),
    (of("Observation", foo=1), INVALID),
    (of("Observation", valueInteger="x"), INVALID),
    (of("Observation", valueInteger=1, valueString="x"), INVALID),
    (of("Condition", code=concept(SNOMED, 94381002.5)), INVALID),  # type: ignore[arg-type]
    (of("Observation", status=1), INVALID),
    (of("Observation", device=[{"display": "x"}]), INVALID),
    (of("Observation", contained=[{"resourceType": "Unheard"}]), INVALID),
    (of("Observation", contained=[{"resourceType": ["Specimen"]}]), INVALID),
    (of("Observation", contained=[{"resourceType": {"value": "Specimen"}}]), INVALID),
    (of("Medication", reason="x"), INVALID),
    (of("Procedure", occurrenceFoo=1), INVALID),
    (of("Condition", occurrenceDateTime="2026-05-04"), INVALID),
    # what its sender says changes the meaning, in a way that is not known here
    *((of(kind, modifierExtension=[NEGATED]), MODIFIED) for kind in ("Condition", "Observation", "Procedure")),
    (of("Condition", modifierExtension=NEGATED), MODIFIED),
    (of("Observation", component=[{"code": {}}, {"code": {"text": "x"}, "modifierExtension": [NEGATED]}]), MODIFIED),
    # before R4
    (of("Condition", clinicalStatus="active"), OLDER),
    (of("Condition", verificationStatus="confirmed"), OLDER),
    (of("Condition", clinicalStatus=["active"]), INVALID),
    (of("Procedure", clinicalStatus="active"), INVALID),
    *((of("Condition", **{name: "2026-05-04"}), OLDER) for name in ("assertedDate", "dateRecorded")),
    *(
        (of(kind, context={"reference": "Encounter/1"}), OLDER)
        for kind in (
            "Condition",
            "Observation",
            "Procedure",
            "MedicationRequest",
            "CarePlan",
        )
    ),
    (of("Observation", comment="x"), OLDER),
    (of("Procedure", notDone=False), OLDER),
    (of("MedicationAdministration", notGiven=False), OLDER),
    (of("ServiceRequest", context={"reference": "Encounter/1"}), INVALID),
    (of("Medication", patient={"reference": "Patient/1"}), INVALID),
]
R5: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        of("Procedure", code=concept(CPT, "44140"), occurrenceDateTime="2026-05-20"),
        {"code": concept(CPT, "44140"), "performedDateTime": "2026-05-20"},
    ),
    (
        of("Procedure", occurrencePeriod={"start": "2026"}, recorded="2026"),
        {
            "performedPeriod": {"start": "2026"},
            "recorded": "2026",
        },
    ),
    (
        of(
            "MedicationAdministration", medication={"concept": concept(RXNORM, "32592")}, occurenceDateTime="2026-05-25"
        ),
        {"medicationCodeableConcept": concept(RXNORM, "32592"), "effectiveDateTime": "2026-05-25"},
    ),
    (
        of("MedicationRequest", medication={"reference": {"reference": "Medication/1"}}),
        {"medicationReference": {"reference": "Medication/1"}},
    ),
    (of("ServiceRequest", code={"concept": concept(CPT, "47125")}), {"code": concept(CPT, "47125")}),
    (
        of("ServiceRequest", code={"reference": {"reference": "PlanDefinition/1"}}),
        {"code": {"reference": {"reference": "PlanDefinition/1"}}},
    ),
    (
        of("BodyStructure", includedStructure=[{"structure": concept(SNOMED, "10200004")}, {"structure": CODE}]),
        {"location": concept(SNOMED, "10200004")},
    ),
    (
        of(
            "BodyStructure",
            includedStructure=[
                {"structure": concept(SNOMED, "10200004"), "qualifier": [concept(SNOMED, "277956007")]},
                {"structure": concept(SNOMED, "48521005")},
            ],
        ),
        {
            "location": concept(SNOMED, "10200004"),
            "locationQualifier": [concept(SNOMED, "48521005"), concept(SNOMED, "277956007")],
        },
    ),
    (of("BodyStructure", includedStructure=[]), {"location": None, "locationQualifier": []}),
    (
        of("Observation", bodyStructure={"reference": "BodyStructure/b"}),
        {"focus": [{"reference": "BodyStructure/b"}]},
    ),
    (
        of("Observation", bodyStructure={"reference": "BodyStructure/b"}, focus=[{"reference": "Condition/c"}]),
        {"focus": [{"reference": "Condition/c"}, {"reference": "BodyStructure/b"}]},
    ),
    (
        of("Observation", triggeredBy=[{"observation": {"reference": "Observation/1"}, "type": "reflex"}]),
        {"focus": None},
    ),
    (of("ServiceRequest", bodyStructure={"reference": "BodyStructure/b"}), {"focus": None}),
    (
        of("Procedure", occurrenceTiming={"event": ["2026-05-20"]}),
        {"performedTiming": {"event": ["2026-05-20"]}},
    ),
    (
        of("Condition", clinicalStatus=CODE, participant=[{"actor": {"reference": "Patient/1"}}]),
        {"clinicalStatus": CODE},
    ),
    (
        of(
            "Condition",
            clinicalStatus=CODE,
            evidence=[{"concept": CODE}, {"reference": {"reference": "Observation/1"}}],
        ),
        {"evidence": [{"code": [CODE]}, {"detail": [{"reference": "Observation/1"}]}]},
    ),
    (of("Observation", referenceRange=[{"text": "x", "normalValue": CODE}]), {"code": CODE}),
    (
        of("CarePlan", addresses=[{"concept": concept(ICD10CM, "C20")}]),
        {"addresses": [{"concept": concept(ICD10CM, "C20")}]},
    ),
]


@pytest.mark.parametrize("resource", ACCEPTED)
def test_what_is_valid_is_taken_as_it_is(resource: dict[str, Any]) -> None:
    assert [check(resource, {}) for _ in range(2)] == [Checked(resource)] * 2


@pytest.mark.parametrize(("resource", "body"), REPAIRS)
def test_what_can_be_repaired_is_and_is_said_to_be(resource: dict[str, Any], body: dict[str, Any]) -> None:
    before = canonical(resource)
    assert [check(resource, {}) for _ in range(2)] == [Checked(body, remarks=(REPAIRED,))] * 2
    assert canonical(resource) == before


@pytest.mark.parametrize(("resource", "reason"), REFUSED)
def test_what_is_not_valid_is_refused_with_the_reason(resource: dict[str, Any], reason: str) -> None:
    assert [check(resource, {}) for _ in range(2)] == [Checked(None, reason)] * 2


@pytest.mark.parametrize(("resource", "named"), R5)
def test_r5_is_read_by_the_names_of_r4(resource: dict[str, Any], named: dict[str, Any]) -> None:
    found = check(resource, {})
    assert found.body is not None
    assert (found.refused, found.remarks) == (None, (AS_R5,))
    assert {name: found.body.get(name) for name in named} == named
    assert found.body.keys().isdisjoint(
        resource.keys() & {"occurrenceDateTime", "occurrencePeriod", "occurenceDateTime"}
    )
    repaired = check(resource | {"id": None, "language": None}, {})
    assert (repaired.body, repaired.remarks) == (without(dict(found.body), "id"), (AS_R5, REPAIRED))


def test_nesting_that_cannot_be_followed_is_refused_as_such() -> None:
    extension: dict[str, Any] = EXTENSION
    for _ in range(5000):
        extension = {"url": "u", "extension": [extension]}
    assert check(of("Condition", extension=[extension]), {}) == Checked(None, DEEP)
    assert canonical(of("Condition", extension=[extension])) == b""


def test_the_bytes_of_a_resource_do_not_depend_on_the_order_of_its_elements() -> None:
    assert canonical({"b": {"d": 1, "c": 2}, "a": [2, 1]}) == canonical({"a": [2, 1], "b": {"c": 2, "d": 1}})
    assert canonical({"a": [1, 2]}) != canonical({"a": [2, 1]})


def version(number: Any = None, updated: Any = None, **more: Any) -> dict[str, Any]:
    return {"meta": {"versionId": number, "lastUpdated": updated}} | more


JUNE, JULY = "2026-06-01T10:00:00Z", "2026-07-01T10:00:00Z"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (version("9"), version("10")),
        (version("0", JULY), version("1", JUNE)),
        (version("1", JUNE), version("1", JULY)),
        (version("x", JULY), version("0", JUNE)),
        (version("\u0663", JULY), version("1", JUNE)),
        (version("-1", JULY), version("0")),
        (version(5, JUNE), version(4, JULY)),
        (version("1", 9), version("1", JUNE)),
        ({"meta": "x"}, version("0")),
        ({}, version(updated=JUNE)),
        (version(id="a"), {"id": "b"}),
        ({"id": "a"}, version(id="b")),
        (version("1", JUNE, id="a"), version("1", JUNE, id="b")),
    ],
)
def test_the_newest_version_is_told_by_its_number_then_its_time(older: dict[str, Any], newer: dict[str, Any]) -> None:
    assert newest_version([older, newer]) is newer
    assert newest_version([newer, older]) is newer


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("registered", "preliminary"),
        ("preliminary", "final"),
        ("final", "amended"),
        ("final", "corrected"),
        ("final", "entered-in-error"),
        ("corrected", "entered-in-error"),
        ("amended", "cancelled"),
        ("preparation", "in-progress"),
        ("in-progress", "completed"),
        ("on-hold", "stopped"),
        ("preparation", "not-done"),
        ("completed", "entered-in-error"),
        ("draft", "active"),
        ("active", "completed"),
        ("active", "revoked"),
        ("zzz", "registered"),
        (["final"], "registered"),
    ],
)
def test_versions_without_number_and_time_are_told_by_their_status(older: object, newer: object) -> None:
    first, second = {"status": older, "id": "z"}, {"status": newer, "id": "a"}
    assert newest_version([first, second]) is second
    assert newest_version([second, first]) is second
    numbered = [first | version("2"), second | version("1")]
    assert newest_version(numbered) is numbered[0]


def _fields(name: str, kind: str) -> Iterator[tuple[str, bool, str | None]]:
    """Give the elements of a type: name, whether it is a list, and the type of its members where that is complex."""
    for module in (kind.lower(), name.lower()):
        try:
            model = getattr(import_module(f"fhir.resources.R4B.{module}"), name, None)
        except ImportError:
            continue
        if model is not None:
            for field in model.model_fields.values():
                if field.alias.startswith("_"):
                    continue
                found = re.search(r"abc\.(\w+)Type\b", str(field.annotation))
                yield field.alias, "List[" in str(field.annotation), found[1] if found else None
            return


def _elements(name: str, kind: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Give the paths of all elements of a resource that are objects or lists of them, and which are lists."""
    for element, is_list, of_type in _fields(name, kind):
        if of_type is None or element in path or element == "contained":
            continue
        here = (*path, element)
        yield here, is_list
        if of_type not in {"Extension", "Resource"}:
            yield from _elements(of_type, kind, here)


def _mended(kind: str, path: tuple[str, ...]) -> Any:
    """Give what becomes of a lone object at the end of a path of lone objects."""
    given: Any = {"x": 1}
    for element in reversed(path):
        given = {element: given}
    mended: Any = mend(of(kind) | given)
    for element in path:
        mended = mended[element]
        mended = mended[0] if isinstance(mended, list) and element != path[-1] else mended
    return mended


@pytest.mark.parametrize("kind", VALIDATED)
def test_a_lone_object_becomes_a_list_wherever_r4_has_one_and_stays_one_elsewhere(kind: str) -> None:
    found = list(_elements(kind, kind))
    assert {is_list for _, is_list in found} == {True, False}
    for path, is_list in found:
        assert _mended(kind, path) == ([{"x": 1}] if is_list else {"x": 1}), path
