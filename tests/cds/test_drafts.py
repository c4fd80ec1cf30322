"""The drafts of an order hook one by one, and the orders that a group points to."""

from __future__ import annotations

from typing import Any

import pytest

from service.cds.drafts import Draft, drafts_in, pointed_to

BIOPSY = {"resourceType": "ServiceRequest", "id": "biopsy"}
NAMELESS = {"resourceType": "ServiceRequest"}


def entry(resource: object, url: object = None) -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, []),
        ({"entry": [entry(BIOPSY)]}, [Draft(BIOPSY)]),
        ({"entry": entry(BIOPSY, "urn:uuid:1")}, [Draft(BIOPSY, ("urn:uuid:1",))]),
        ({"entry": [None, "x", entry(None), entry([BIOPSY]), entry(BIOPSY, 5)]}, [Draft(BIOPSY)]),
        ({"entry": [entry({"entry": [entry(BIOPSY, "urn:uuid:2")]}, "urn:uuid:1")]}, [Draft(BIOPSY, ("urn:uuid:2",))]),
        ({"entry": [entry({"resourceType": "Bundle", "entry": [entry(BIOPSY)]})]}, [Draft(BIOPSY)]),
    ],
)
def test_a_bundle_gives_its_drafts_with_their_addresses(sent: dict[str, Any], expected: list[Draft]) -> None:
    assert list(drafts_in(sent)) == expected


@pytest.mark.parametrize("kind", ["RequestGroup", "RequestOrchestration", "CarePlan"])
@pytest.mark.parametrize("status", ["draft", "active", "on-hold", None])
def test_what_a_group_contains_has_no_name_but_those_of_the_group(kind: str, status: str | None) -> None:
    group = {"resourceType": kind, "id": "set", "status": status, "contained": [BIOPSY, None]}
    assert list(drafts_in({"entry": [entry(group, "urn:uuid:1")]})) == [
        Draft(group, ("urn:uuid:1",)),
        Draft(NAMELESS, ("urn:uuid:1", "set", f"{kind}/set")),
    ]


@pytest.mark.parametrize("more", [{"status": "revoked"}, {"status": ["draft"]}, {"resourceType": "Task"}])
def test_what_is_no_open_group_gives_itself_alone(more: dict[str, Any]) -> None:
    group = {"resourceType": "RequestGroup", "contained": [BIOPSY], "action": [pointing("ServiceRequest/a")]} | more
    assert (list(drafts_in(group)), list(pointed_to(group))) == ([Draft(group)], [])


def pointing(reference: object) -> dict[str, Any]:
    return {"resource": {"reference": reference}}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, set()),
        ({"action": pointing("ServiceRequest/a")}, {"ServiceRequest/a"}),
        ({"action": [None, {"resource": "x"}, pointing(5), pointing("urn:uuid:a")]}, {"urn:uuid:a"}),
        (
            {"action": [pointing("A/1") | {"action": [{"action": [pointing("B/2")]}]}, pointing("C/3")]},
            {"A/1", "B/2", "C/3"},
        ),
        ({"activity": [{"reference": {"reference": "A/1"}}]}, {"A/1"}),
        ({"activity": [{"plannedActivityReference": {"reference": "A/1"}}]}, {"A/1"}),
    ],
)
def test_a_group_points_to_orders_by_its_actions_whatever_they_are_made_of(
    elements: dict[str, Any], expected: set[str]
) -> None:
    assert set(pointed_to({"resourceType": "RequestGroup", **elements})) == expected
