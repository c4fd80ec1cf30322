"""What is of another cancer of the patient than the colorectal one: results by their focus, treatment by its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Issue
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.values import concept_sets
from fhir_mappings.relevance import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader
    from fhir_mappings.terminology import Terminology

OTHER_CANCER = "of another cancer"
_SET = "other-cancer"
_OF_A_TUMOUR = (
    "tnm-",
    "margin",
    "nodes-positive",
    "msi",
    "ras",
    "braf",
    "genetic-variant",
    "response",
    "distant-metastasis",
)
_OWN = "case-facts:"


def leave_out_of_others(found: dict[str, list[Resource]], issues: list[Issue]) -> None:
    """Leave out the results of other cancers from the resources by type, and note each."""
    others = frozenset(one.reference for one in found.get("Condition", ()) if _is_other(one.sets))
    if others and "Observation" in found:
        ours = []
        for result in found["Observation"]:
            if _is_of(result, others):
                issues.append(Issue(result.reference, OTHER_CANCER))
            else:
                ours.append(result)
        found["Observation"] = ours


def _is_of(result: Resource, others: frozenset[str]) -> bool:
    """Whether a result of a tumour has other cancers in its focus, and no other Condition; what was entered is ours."""
    tumours = any(name.startswith(_OF_A_TUMOUR) for name in result.sets)
    if not tumours or any(name.startswith(_OWN) for name in result.sets):
        return False
    named = {referred(one, "Condition") for one in references_of(result.body, "focus")}
    conditions = {one for one in named if one.startswith("Condition/")}
    return bool(conditions) and conditions <= others


def _is_other(sets: frozenset[str]) -> bool:
    return _SET in sets and not any(name.startswith("primary-site-") for name in sets)


def is_for_another(reader: Reader, treatment: Resource) -> bool:
    """Whether a treatment names other cancers as its reason, in codes or by their Conditions, and nothing else."""
    others = (one.reference for one in reader.chart.holding("Condition", _SET) if _is_other(one.sets))
    return names_others(treatment.body, others, reader.terminology)


def other_conditions(resources: Iterable[object], terminology: Terminology) -> list[str]:
    """Give the references of the Conditions of other cancers among resources as they were sent."""
    return [
        f"Condition/{one.get('id')}"
        for one in resources
        if isinstance(one, dict) and one.get("resourceType") == "Condition"
        if _is_other(concept_sets(one.get("code"), terminology))
    ]


def names_others(treatment: Mapping[str, Any], others: Iterable[str], terminology: Terminology) -> bool:
    """Whether the reasons of a treatment, or of an order of one, are `others` or codes of other cancers alone."""
    named = references_of(treatment, "reasonReference")
    coded = objects(treatment.get("reasonCode"))
    if not named and not coded:
        return False
    ours = {referred(one, "Condition") for one in named}.difference(others)
    return not ours and all(_is_other(concept_sets(one, terminology)) for one in coded)
