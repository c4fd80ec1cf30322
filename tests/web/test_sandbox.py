"""What the public CDS Hooks Sandbox sends in shape, tokens aside, gets an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.settings import Settings
from service.web.server import build_app
from tests.checked_client import CheckedClient

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBJECT = {"subject": {"reference": "Patient/p1"}}
HYPERTENSION = {
    "resourceType": "Condition",
    "id": "c1",
    **SUBJECT,
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "59621000"}]},
}
PREFETCH = {
    "patient": {"resourceType": "Patient", "id": "p1"},
    "conditions": {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": HYPERTENSION}]},
    "dup": {"resourceType": "Bundle", "type": "searchset", "total": 0},
}
ORDER = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft", **SUBJECT}
ORDERS = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": ORDER}]}}


@pytest.fixture(scope="module")
def service() -> CheckedClient:
    return CheckedClient(build_app(Settings(auth="off", database_url="sqlite://"), own_process=False))


@pytest.mark.parametrize(
    ("hook", "more"),
    [
        ("patient-view", {}),
        ("order-select", {**ORDERS, "selections": ["MedicationRequest/request-123"]}),
        ("order-sign", ORDERS),
    ],
)
async def test_a_hypertension_chart_gets_no_card_on_any_hook(
    service: CheckedClient, hook: str, more: Mapping[str, Any]
) -> None:
    message = {
        "hookInstance": "e8f339f2-f25d-4fb3-801d-af12a39c2519",
        "hook": hook,
        "fhirServer": "http://127.0.0.1:8081/fhir",
        "context": {"patientId": "p1", "userId": "Practitioner/COREPRACTITIONER1", **more},
        "prefetch": PREFETCH,
    }
    answer = await service.call(message, path=f"/cds-services/crlm-{hook}")
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
