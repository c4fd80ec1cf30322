"""The ways in which clients name the orders that the user has just selected."""

from __future__ import annotations

import pytest

from fhir_mappings.orders import OrderKind, ReadOrder
from service.cds.selections import chosen

KINDS = frozenset({OrderKind.LIVER_BIOPSY})
ORDERS = (
    ReadOrder("ServiceRequest/biopsy", KINDS, {}, place=1),
    ReadOrder("ServiceRequest, draft 3", KINDS, {}, place=3),
)
NAMES = (("https://ehr.example.org/draft/1",), (), ("urn:uuid:0b5c",))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("ServiceRequest/biopsy", {"ServiceRequest/biopsy"}),
        ("biopsy", {"ServiceRequest/biopsy"}),
        ("ServiceRequest/biopsy/_history/2", {"ServiceRequest/biopsy"}),
        ("https://ehr.example.org/fhir/ServiceRequest/biopsy", {"ServiceRequest/biopsy"}),
        ("https://ehr.example.org/fhir/ServiceRequest/biopsy/_history/2", {"ServiceRequest/biopsy"}),
        ("https://ehr.example.org/draft/1", {"ServiceRequest/biopsy"}),
        ("urn:uuid:0b5c", {"ServiceRequest, draft 3"}),
        ("MedicationRequest/biopsy", set()),
        ("https://ehr.example.org/fhir/MedicationRequest/biopsy", set()),
        ("urn:uuid:other", set()),
        ("", set()),
    ],
)
def test_a_selection_is_found_by_each_of_its_names(selection: str, expected: set[str]) -> None:
    assert chosen([selection], ORDERS, NAMES) == expected


def test_orders_without_addresses_are_found_by_their_references_alone() -> None:
    assert chosen(["ServiceRequest/biopsy", "urn:uuid:0b5c"], ORDERS, ()) == {"ServiceRequest/biopsy"}


def test_groups_that_point_to_each_other_end_and_one_without_a_name_is_found_by_its_address() -> None:
    outer = {"resourceType": "RequestGroup", "action": [{"resource": {"reference": "RequestGroup/inner"}}]}
    inner = {"resourceType": "RequestGroup", "id": "inner", "action": [{"resource": {"reference": "urn:uuid:outer"}}]}
    pointing = {**inner, "action": [*inner["action"], {"resource": {"reference": "ServiceRequest/biopsy"}}]}
    drafts: tuple[object, ...] = (None, outer, {}, pointing)
    names = ((), ("urn:uuid:outer",), (), ())
    found = [chosen([one], ORDERS, names, drafts) for one in ("urn:uuid:outer", "inner", "RequestGroup", "draft 2")]
    assert found == [{"ServiceRequest/biopsy"}, {"ServiceRequest/biopsy"}, set(), set()]
