"""A small EHR for tests: it answers a service's prefetch templates from a list of resources and posts the hook."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.checked_client import CheckedClient

Resource = dict[str, Any]


def answer_template(template: str, resources: Iterable[Resource], *, context: Mapping[str, str]) -> Any:
    """Answer one template as a searchset Bundle, or the resource itself for a read (None where there is none)."""
    for name, value in context.items():
        template = template.replace("{{context." + name + "}}", value)
    assert "{{" not in template, template
    parts = urlsplit(template)
    if not parts.query:
        kind, _, wanted = parts.path.partition("/")
        return next((r for r in resources if r["resourceType"] == kind and r.get("id") == wanted), None)
    parameters = parse_qsl(parts.query)
    assert len({name for name, _ in parameters}) == len(parameters), "a parameter is repeated"
    found = [r for r in resources if r["resourceType"] == parts.path and _matches(r, dict(parameters))]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "entry": [{"resource": r, "search": {"mode": "match"}} for r in found],
    }


def _matches(resource: Resource, parameters: Mapping[str, str]) -> bool:
    for name, value in parameters.items():
        wanted = value.split(",")
        match name:
            case "patient":
                pass  # the record is one patient's; strays are left in on purpose
            case "code":
                if not _codes(resource) & {w.rpartition("|")[2] for w in wanted}:
                    return False
            case "status":
                if resource.get("status") not in wanted:
                    return False
            case "_count" | "_sort":
                pass
            case _:
                raise AssertionError(f"this EHR does not support {name}")
    return True


def _codes(resource: Resource) -> set[str]:
    concept = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    return {str(coding.get("code")) for coding in concept.get("coding", []) if isinstance(coding, dict)}


def hook_request(
    services: Mapping[str, Any],
    resources: Iterable[Resource],
    *,
    patient_id: str,
    service_id: str = "crlm-patient-view",
    context: Mapping[str, Any] | None = None,
) -> Resource:
    """Build the request that an EHR with this record sends to one of the discovered services."""
    service = next(s for s in services["services"] if s["id"] == service_id)
    resources = list(resources)
    tokens = {"patientId": patient_id}
    return {
        "hook": service["hook"],
        "hookInstance": str(uuid.uuid4()),
        "context": {"userId": "Practitioner/surgeon", "patientId": patient_id, **(context or {})},
        "prefetch": {
            key: answer_template(template, resources, context=tokens) for key, template in service["prefetch"].items()
        },
    }


async def post_hook(client: CheckedClient, resources: Iterable[Resource], *, patient_id: str, **request: Any) -> Any:
    """Discover, prefetch and post, as an EHR does; gives the JSON of the 200."""
    services = (await client.get("/cds-services")).json()
    message = hook_request(services, resources, patient_id=patient_id, **request)
    answer = await client.call(message, f"/cds-services/{request.get('service_id', 'crlm-patient-view')}")
    assert answer.status_code == 200, answer.text
    return answer.json()
