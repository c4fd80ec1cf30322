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
