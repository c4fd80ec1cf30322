"""The drafts of an order hook, one by one, in all the ways in which clients group them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from fhir_mappings.read.references import references_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_GROUPS = ("RequestGroup", "RequestOrchestration", "CarePlan")
"""What may contain the orders that it is made of, or point to them."""
_OPEN = (None, "draft", "active", "on-hold")
"""Statuses of a group whose orders are still meant."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft order with what it is called beside its own id: the `fullUrl` of its entry, the group it is in."""

    resource: dict[str, Any]
    names: tuple[str, ...] = ()


def drafts_in(resource: dict[str, Any], names: tuple[str, ...] = ()) -> Iterator[Draft]:
    """Give a draft, or where a Bundle (of an order set, say) is in its place, those in that; and what a group contains.

    What is contained can be neither changed nor removed by itself: it has no id here, and is selected with its group.
    """
    kind, ident = resource.get("resourceType", "Bundle"), resource.get("id")
    if kind != "Bundle":
        yield Draft(resource, names)
    if _is_open_group(resource):
        group = (*names, ident, f"{kind}/{ident}") if isinstance(ident, str) else names
        for contained in objects(resource.get("contained")):
            yield from drafts_in({name: member for name, member in contained.items() if name != "id"}, group)
    for entry in objects(resource.get("entry")):
        if isinstance(entry.get("resource"), dict):
            url = entry.get("fullUrl")
            yield from drafts_in(entry["resource"], (url,) if isinstance(url, str) else ())


def pointed_to(draft: Mapping[str, Any]) -> Iterator[str]:
    """Give the references to the orders that a group is made of, in the shape of R4 or R5; of anything else none."""
    waiting = [draft] if _is_open_group(draft) else []
    while waiting:
        part = waiting.pop()
        actions = [*objects(part.get("action")), *objects(part.get("activity"))]
        for action in actions:
            for element in ("resource", "reference", "plannedActivityReference"):
                yield from references_of(action, element)
        waiting += actions


def _is_open_group(resource: Mapping[str, Any]) -> bool:
    return resource.get("resourceType") in _GROUPS and resource.get("status") in _OPEN
