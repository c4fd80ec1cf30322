from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from service.cds.services import SERVICES, discovery
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
    assert (schema.is_valid(patient_view()), schema.is_valid(sample)) == (True, True)


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
    message = patient_view(**change)
    assert not validator(body_schema("/cds-services/crlm-patient-view")).is_valid(message)
    assert 400 <= (await client.call(message)).status_code < 404
    assert advisor.asked == []


def test_discovery_fits_its_description() -> None:
    schema = {"$ref": "#/components/schemas/Discovery"}
    assert validator(schema).is_valid(discovery({"patient": "Patient/{{context.patientId}}"}))


async def test_a_refusal_fits_its_description(client: CheckedClient) -> None:
    answer = (await client.call(b"{")).json()
    assert validator({"$ref": "#/components/schemas/OperationOutcome"}).is_valid(answer)
