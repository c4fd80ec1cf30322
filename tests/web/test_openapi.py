from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from service.cds.feedback import parse_feedback
from service.cds.services import SERVICES, discovery
from service.errors import MalformedRequest
from service.web.openapi import describe
from tests.checked_client import CheckedClient, FakeAdvisor, patient_view

DOCUMENT = describe()


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def body_schema(path: str) -> dict[str, Any]:
    schema: dict[str, Any] = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return schema


async def test_the_document_is_served_as_written(client: CheckedClient) -> None:
    assert (await client.get("/openapi.json")).json() == json.loads(json.dumps(DOCUMENT))


def test_every_service_and_its_feedback_are_described() -> None:
    wanted = {f"/cds-services/{id_}{end}" for id_ in SERVICES for end in ("", "/feedback")}
    assert set(DOCUMENT["paths"]) == wanted | {"/cds-services", "/health/live", "/health/ready"}


def test_the_shipped_sample_and_the_smallest_request_fit_the_description() -> None:
    schema = validator(body_schema("/cds-services/crlm-patient-view"))
    sample = json.loads(files("service.samples").joinpath("patient-view.json").read_text(encoding="utf-8"))
    smallest = patient_view(prefetch={"conditions": None})
    assert (schema.is_valid(smallest), schema.is_valid(sample), schema.is_valid(patient_view())) == (True, True, False)


@pytest.mark.parametrize(
    "change",
    [
        {"hook": "order-sign"},
        {"hookInstance": "x"},
        {"context": {}},
        {"context": {"patientId": "", "userId": "Practitioner/1"}},
        {"context": {"patientId": "p", "userId": "Patient/1"}},
        {"prefetch": []},
        {"extension": []},
        {"fhirServer": "x"},
        {"fhirAuthorization": {}},
    ],
)
async def test_what_the_description_forbids_the_service_refuses(
    client: CheckedClient, advisor: FakeAdvisor, change: dict[str, Any]
) -> None:
    sound = {"prefetch": {"conditions": None}}
    assert validator(body_schema("/cds-services/crlm-patient-view")).is_valid(patient_view(**sound))
    message = patient_view(**{**sound, **change})
    assert not validator(body_schema("/cds-services/crlm-patient-view")).is_valid(message)
    assert 400 <= (await client.call(message)).status_code < 404
    assert advisor.asked == []


def test_discovery_fits_its_description() -> None:
    schema = {"$ref": "#/components/schemas/Discovery"}
    assert validator(schema).is_valid(discovery({"patient": "Patient/{{context.patientId}}"}))


async def test_a_refusal_fits_its_description(client: CheckedClient) -> None:
    answer = (await client.call(b"{")).json()
    assert validator({"$ref": "#/components/schemas/OperationOutcome"}).is_valid(answer)


CARD = "5f6c9d3e-0000-4000-8000-000000000001"
ENTRY = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T18:49:38.380Z"}


@pytest.mark.parametrize(
    ("entry", "valid"),
    [
        (ENTRY, True),
        ({**ENTRY, "overrideReason": {"reason": {"code": "a"}}}, True),
        ({**ENTRY, "overrideReason": {"userComment": "a"}}, True),
        ({**ENTRY, "overrideReason": {}}, False),
        ({**ENTRY, "outcome": "accepted", "acceptedSuggestions": [{"id": CARD}]}, True),
        ({**ENTRY, "outcome": "accepted"}, False),
        ({**ENTRY, "outcome": "ignored"}, False),
        ({**ENTRY, "card": "x"}, False),
        ({**ENTRY, "card": ""}, False),
    ],
)
def test_what_feedback_may_be_is_the_same_in_the_description_and_in_the_service(
    entry: dict[str, Any],
    valid: bool,  # noqa: FBT001  a table
) -> None:
    message = {"feedback": [entry]}
    assert validator(body_schema("/cds-services/crlm-patient-view/feedback")).is_valid(message) is valid
    if valid:
        assert len(parse_feedback(json.dumps(message).encode())) == 1
    else:
        with pytest.raises(MalformedRequest):
            parse_feedback(json.dumps(message).encode())
