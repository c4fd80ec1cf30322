"""By which route a drug is given: skin and eye are treated by the drugs of chemotherapy, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from fhir_mappings.read.concepts import concept_sets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.terminology import Terminology


def is_local(drug: Mapping[str, Any], terminology: Terminology) -> bool:
    """Whether an order or administration says that its drug goes to skin or eye, and nowhere else."""
    dosages = (*objects(drug.get("dosage")), *objects(drug.get("dosageInstruction")))
    routes = [dosage.get("route") for dosage in dosages]
    return bool(routes) and all("route-local" in concept_sets(route, terminology) for route in routes)
