"""What accepting a suggestion does: its actions become one transaction on the record, or changes of the drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.demo.fhir.access import Access
from service.demo.fhir.bundles import process_bundle
from service.demo.fhir.interactions import Interactions
from service.demo.fhir.problems import Malformed
from service.demo.smart.scopes import resource_scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.demo.fhir.record import Record, Resource


def apply_actions(
    actions: Sequence[dict[str, Any]], *, record: Record, patient: str, drafts: list[Resource]
) -> list[str]:
    """Carry out the actions and say what was written; raise a `FhirProblem` and write nothing where one is refused.

    Actions on drafts (orders that are not in the record yet) change `drafts` in place.
    """
    held = {f"{draft['resourceType']}/{draft['id']}": draft for draft in drafts}
    entries, changed = [], dict(held)
    for action in actions:
        resource = action.get("resource")
        match action.get("type"):
            case "create" if isinstance(resource, dict):
                entries.append(_entry("POST", resource))
            case "update" if isinstance(resource, dict):
                address = f"{resource.get('resourceType')}/{resource.get('id')}"
                if address in held:
                    changed[address] = resource
                else:
                    entries.append(_entry("PUT", resource))
            case "delete" if isinstance(action.get("resourceId"), str):
                address = action["resourceId"]
                if address in held:
                    changed.pop(address, None)
                else:
                    entries.append({"request": {"method": "DELETE", "url": address}})
            case _:
                raise Malformed("an action of the suggestion is not create, update or delete")
    # The user's own rights over this one patient: a suggestion cannot reach another.
    access = Access(resource_scopes("patient/*.cruds"), patient, record)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = process_bundle(bundle, Interactions(record, access))
    dropped = [f"draft {address} removed" for address in held if address not in changed]
    renewed = [f"draft {address} changed" for address, draft in changed.items() if draft is not held[address]]
    drafts[:] = changed.values()
    return [*(_written(entry["response"]) for entry in answer["entry"]), *dropped, *renewed]


def _entry(method: str, resource: Resource) -> dict[str, Any]:
    address = f"{resource.get('resourceType')}/{resource.get('id')}"
    return {
        "fullUrl": address,
        "resource": resource,
        "request": {"method": method, "url": address if method == "PUT" else str(resource.get("resourceType"))},
    }


def _written(response: dict[str, Any]) -> str:
    location = str(response.get("location", "")).partition("/fhir/")[2].partition("/_history")[0]
    return f"{location} {response['status'].partition(' ')[2].lower()}".strip()
