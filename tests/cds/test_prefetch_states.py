from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fhir_mappings.bundle import Scan
from fhir_mappings.chart import Completeness
from fhir_mappings.terminology import load_terminology
from service.cds.prefetch import CONDITIONS, prefetch_keys
from service.cds.prefetch_states import KeyState, SentKey, read_prefetch
from service.errors import MalformedRequest

TERMINOLOGY = load_terminology()
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C78.7"}]},
}
OF_ANOTHER = {**CONDITION, "subject": {"reference": "Patient/p2"}}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} for resource in resources],
        **members,
    }


def read(value: object) -> SentKey:
    raw = msgspec.Raw(json.dumps(value).encode())
    return read_prefetch({"conditions": raw}, [CONDITIONS], TERMINOLOGY, patient_id="p1")["conditions"]


def test_a_resource_that_nothing_can_read_may_be_of_any_type() -> None:
    raw = msgspec.Raw(b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": 1e999}}]}')
    found = read_prefetch({"conditions": raw}, [CONDITIONS], TERMINOLOGY, patient_id="p1")["conditions"]
    assert (found.state, found.completeness) == (KeyState.DATA, Completeness.PARTIAL)


def test_a_bundle_whose_envelope_was_read_already_may_hold_resources_of_other_types_alone_too() -> None:
    scans = [
        msgspec.json.decode(json.dumps(bundle({"resourceType": kind})), type=Scan) for kind in ("Claim", "Condition")
    ]
    found = [
        read_prefetch({"conditions": scan}, [CONDITIONS], TERMINOLOGY, patient_id="p1")["conditions"].state
        for scan in scans
    ]
    assert found == [KeyState.ERROR, KeyState.DATA]


@pytest.mark.duty(38)
@pytest.mark.parametrize(
    ("value", "state", "completeness"),
    [
        (None, KeyState.EMPTY, Completeness.COMPLETE),
        (bundle(total=0), KeyState.EMPTY, Completeness.COMPLETE),
        ({"resourceType": "Bundle"}, KeyState.EMPTY, Completeness.COMPLETE),
        (CONDITION, KeyState.DATA, Completeness.COMPLETE),
        (bundle(CONDITION), KeyState.DATA, Completeness.COMPLETE),
        (bundle(CONDITION, total=7), KeyState.DATA, Completeness.PARTIAL),
        (bundle(CONDITION, OUTCOME), KeyState.DATA, Completeness.PARTIAL),
        (
            bundle(CONDITION, link=[{"relation": "next", "url": "https://x/next"}]),
            KeyState.PAGED,
            Completeness.PARTIAL,
        ),
        (bundle(link=[{"relation": "next", "url": "https://x/next"}]), KeyState.PAGED, Completeness.PARTIAL),
        (bundle({"resourceType": "Claim"}, CONDITION), KeyState.DATA, Completeness.COMPLETE),
        (bundle(bundle(CONDITION)), KeyState.DATA, Completeness.COMPLETE),
        ({"resourceType": "Claim", "total": {"value": 3}}, KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle({"resourceType": "Claim"}, total={}), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle({"resourceType": "Condition"}, total={}), KeyState.DATA, Completeness.COMPLETE),
        (
            bundle(entry=[{"resource": {"resourceType": "Patient"}, "search": {"mode": "include"}}]),
            KeyState.DATA,
            Completeness.COMPLETE,
        ),
        (bundle({"resourceType": "Claim"}), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle(OF_ANOTHER), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle(OF_ANOTHER, {"resourceType": "Patient", "id": "p2"}), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (
            bundle(OF_ANOTHER, link=[{"relation": "next", "url": "https://x/next"}]),
            KeyState.ERROR,
            Completeness.NOT_RETRIEVED,
        ),
        (bundle(OF_ANOTHER, CONDITION), KeyState.DATA, Completeness.COMPLETE),
        (bundle({"resourceType": 7}, {"resourceType": "Observation"}), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (OUTCOME, KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle(OUTCOME), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (bundle(entry=[{"response": {"status": "500"}}]), KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (
            bundle(entry=[{"resource": CONDITION}, {"response": {"status": "500"}}]),
            KeyState.DATA,
            Completeness.PARTIAL,
        ),
        ("<html>no</html>", KeyState.ERROR, Completeness.NOT_RETRIEVED),
        ([], KeyState.ERROR, Completeness.NOT_RETRIEVED),
        ({}, KeyState.ERROR, Completeness.NOT_RETRIEVED),
        (7, KeyState.ERROR, Completeness.NOT_RETRIEVED),
    ],
)
def test_each_state_is_told_apart(value: object, state: KeyState, completeness: Completeness) -> None:
    found = read(value)
    assert (found.state, found.completeness) == (state, completeness)


def test_a_key_that_was_not_sent_is_absent_and_not_retrieved() -> None:
    found = read_prefetch({}, [CONDITIONS], TERMINOLOGY, patient_id="p1")["conditions"]
    assert (found.state, found.completeness, found.source.resources) == (
        KeyState.ABSENT,
        Completeness.NOT_RETRIEVED,
        (),
    )


@pytest.mark.duty(40)
def test_every_advertised_key_is_answered_and_no_other_is_looked_at() -> None:
    keys = prefetch_keys([])
    found = read_prefetch({"stranger": msgspec.Raw(json.dumps(CONDITION).encode())}, keys, TERMINOLOGY, patient_id="p1")
    assert {name: sent.state for name, sent in found.items()} == {key.name: KeyState.ABSENT for key in keys}


def test_the_resources_that_may_matter_are_handed_on() -> None:
    assert read(bundle(CONDITION)).source.resources == (CONDITION,)


@pytest.mark.parametrize(
    "wrapped", [{"response": {"status": "200 OK"}, "resource": CONDITION}, {"resource": CONDITION}]
)
def test_the_wrapped_shape_of_the_drafts_is_refused_and_named(wrapped: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequest, match=r"^prefetch\.conditions must be a resource or a Bundle") as found:
        read(wrapped)
    assert found.value.element == "prefetch.conditions"
