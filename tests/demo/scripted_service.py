"""A CDS service that says what a test wants: for the EHR's side of the conversation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

BASE = "http://127.0.0.1:8001"
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}&_count=1000",
    "observations": "Observation?patient={{context.patientId}}&code=89247-1,2039-6&_sort=-date&_count=500",
}
HOOKS = ("patient-view", "order-select", "order-sign")


def card(**changes: Any) -> dict[str, Any]:
    """Give a card with everything that a card can have."""
    found = {
        "uuid": "11111111-1111-4111-8111-111111111111",
        "summary": "Liver first: resect the liver now",
        "detail": "**Recommended: liver first**\n\n- Primary in situ\n- [S10](https://example.org/s10)",
        "indicator": "info",
        "source": {"label": "Test knowledge", "url": f"{BASE}/knowledge#A12b"},
        "suggestions": [
            {
                "uuid": "22222222-2222-4222-8222-222222222222",
                "label": "Refer to the liver MDT",
                "isRecommended": True,
                "actions": [
                    {
                        "type": "create",
                        "description": "Draft a referral",
                        "resource": {
                            "resourceType": "ServiceRequest",
                            "id": "draft",
                            "status": "draft",
                            "intent": "proposal",
                            "code": {"text": "Referral to the liver MDT"},
                            "subject": {"reference": "Patient/p1"},
                        },
                    }
                ],
            }
        ],
        "selectionBehavior": "any",
        "overrideReasons": [{"code": "mdt", "system": "urn:reasons", "display": "The MDT decided otherwise"}],
        "links": [
            {"label": "Review the case", "url": f"{BASE}/smart/launch", "type": "smart", "appContext": "signed"},
            {"label": "Knowledge", "url": f"{BASE}/knowledge", "type": "absolute"},
        ],
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


@dataclass
class ScriptedService:
    """Answers discovery, hooks and feedback, and keeps every request."""

    cards: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"patient-view": [card()]})
    status: int = 200
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if path == "/cds-services":
            return httpx.Response(200, json={"services": [_service(hook) for hook in HOOKS]})
        if path.endswith("/feedback"):
            return httpx.Response(self.status)
        if self.status != 200:
            issue = {"severity": "error", "code": "processing", "details": {"text": "conditions are missing"}}
            return httpx.Response(self.status, json={"resourceType": "OperationOutcome", "issue": [issue]})
        hook = path.rpartition("/")[2].removeprefix("crlm-")
        return httpx.Response(200, json={"cards": self.cards.get(hook, [])})

    def bodies(self, end: str) -> list[dict[str, Any]]:
        """Give the bodies of the requests to addresses that end so."""
        return [json.loads(request.content) for request in self.requests if request.url.path.endswith(end)]


def _service(hook: str) -> dict[str, Any]:
    return {"id": f"crlm-{hook}", "hook": hook, "description": "A test", "title": hook, "prefetch": TEMPLATES}
