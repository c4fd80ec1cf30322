"""Results that are of another cancer of the patient than the colorectal one: those whose focus says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Issue
from fhir_mappings.read.references import references_of, referred

if TYPE_CHECKING:
    from fhir_mappings.read.chart_reading import Resource

OTHER_CANCER = "of another cancer"
NAMED_CANCER = "of a cancer that is known by its name alone"
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


def leave_out_of_others(found: dict[str, list[Resource]], named: frozenset[str], issues: list[Issue]) -> list[Resource]:
    """Leave out the results of other cancers from the resources by type, and note each.

    Give those that are of cancers whose names, among `named`, are all that is known of them: they may be another.
    """
    coded = frozenset(
        one.reference
        for one in found.get("Condition", ())
        if "other-cancer" in one.sets and not one.starting("primary-site-")
    )
    doubtful: list[Resource] = []
    if (coded or named) and "Observation" in found:
        ours = []
        for result in found["Observation"]:
            if not _is_of(result, coded | named):
                ours.append(result)
                continue
            certain = _is_of(result, coded)
            issues.append(Issue(result.reference, OTHER_CANCER if certain else NAMED_CANCER))
            doubtful += [] if certain else [result]
        found["Observation"] = ours
    return doubtful


def _is_of(result: Resource, others: frozenset[str]) -> bool:
    """Whether a result of a tumour has other cancers in its focus, and no other Condition; what was entered is ours."""
    tumours = any(name.startswith(_OF_A_TUMOUR) for name in result.sets)
    if not tumours or any(name.startswith(_OWN) for name in result.sets):
        return False
    named = {referred(one, "Condition") for one in references_of(result.body, "focus")}
    conditions = {one for one in named if one.startswith("Condition/")}
    return bool(conditions) and conditions <= others
