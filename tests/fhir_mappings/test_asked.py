"""What holds what was asked for, and what does not, whatever shape it comes in."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest

from fhir_mappings.asked import Stray, stray
from fhir_mappings.bundle import Scan, read_source
from fhir_mappings.terminology import load_terminology

HIT = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C78.7"}]}
FLU = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "J11.1"}]}
CLAIM = {"resourceType": "Claim", "id": "x"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
BESIDE = orjson.dumps(
    {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Medication"}, "search": {"mode": "include"}}]}
)
UNREADABLE = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Claim","total":1e999}}]}'


def condition(code: dict[str, Any], patient: str | None = "p1") -> dict[str, Any]:
    subject = {} if patient is None else {"subject": {"reference": f"Patient/{patient}"}}
    return {"resourceType": "Condition", "code": code, **subject}


def bundle(*resources: dict[str, Any], **more: Any) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    return orjson.dumps({"resourceType": "Bundle", "entry": entries, **more})


def asked(sent: bytes) -> Stray | None:
    """Say what came in the place of Conditions of p1."""
    source = read_source(sent, load_terminology())
    found = stray(sent, source, resource_type="Condition", patient_id="p1")
    if sent.startswith(b'{"resourceType":"Bundle"'):
        scan = msgspec.json.decode(sent, type=Scan)
        assert stray(scan, source, resource_type="Condition", patient_id="p1") == found
    return found


OURS, NOBODY, ANOTHER = None, Stray.OTHER_TYPES, Stray.OTHER_PATIENT


def test_what_was_decoded_already_is_enough_to_know_that_it_was_asked_for() -> None:
    source = read_source(bundle(condition(HIT)), load_terminology())
    for sent, kind, expected in ((CLAIM, "Condition", OURS), (condition(FLU, "p2"), "Condition", OURS)):
        assert stray(bundle(sent), source, resource_type=kind, patient_id="p1") == expected
    assert stray(bundle(CLAIM), source, resource_type="Observation", patient_id="p1") == NOBODY


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (bundle(), OURS),
        (bundle(condition(HIT)), OURS),
        (bundle(condition(FLU)), OURS),
        (bundle(CLAIM, condition(FLU)), OURS),
        (bundle(CLAIM), NOBODY),
        (bundle(CLAIM, CLAIM, OUTCOME), NOBODY),
        (bundle(condition(HIT), CLAIM), OURS),
        (UNREADABLE, OURS),
        (orjson.dumps(condition(FLU)), OURS),
        (orjson.dumps(CLAIM), NOBODY),
        (bundle({"resourceType": "Bundle", "entry": [{"resource": CLAIM}]}), OURS),
        (bundle(condition(HIT, "p2")), ANOTHER),
        (bundle(condition(FLU, "p2")), ANOTHER),
        (bundle(condition(HIT, "p2"), condition(FLU, "p2")), ANOTHER),
        (bundle(OUTCOME, condition(FLU, "p2")), ANOTHER),
        (bundle(condition(FLU, "p2"), OUTCOME), ANOTHER),
        (bundle(condition(HIT, "p2"), condition(FLU)), OURS),
        (bundle(condition(FLU, "p2"), condition(HIT)), OURS),
        (bundle(condition(FLU, "p2"), condition(FLU, None)), OURS),
        (bundle(condition(FLU, "p2"), CLAIM), ANOTHER),
        (bundle(CLAIM, condition(HIT, "p2")), ANOTHER),
        (bundle(condition(FLU, "p2"), CLAIM, condition(FLU)), OURS),
        (BESIDE, OURS),
        (orjson.dumps(condition(FLU, "p2")), ANOTHER),
    ],
)
def test_what_a_source_holds_is_held_against_what_was_asked_for(sent: bytes, expected: Stray | None) -> None:
    assert asked(sent) == expected
