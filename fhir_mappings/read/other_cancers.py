"""Results that are of another cancer of the patient than the colorectal one: those whose focus or organ says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Issue
from fhir_mappings.read.places import is_elsewhere
from fhir_mappings.read.references import references_of, referred

if TYPE_CHECKING:
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.terminology import Terminology

OTHER_CANCER = "of another cancer"
OTHER_ORGAN = "of another organ"
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
_OF_A_PLACE = ("tnm-", "margin", "nodes-positive")
_OWN = "case-facts:"


def leave_out_of_others(
    found: dict[str, list[Resource]], named: frozenset[str], issues: list[Issue], terminology: Terminology
) -> list[Resource]:
    """Leave out the results of other cancers from the resources by type, and note each.

    Give those that are of cancers whose names, among `named`, are all that is known of them: they may be another.
    """
    coded = frozenset(
        one.reference
        for one in found.get("Condition", ())
        if "other-cancer" in one.sets and not one.starting("primary-site-")
    )
    doubtful: list[Resource] = []
    ours = []
    for result in found.get("Observation", ()):
        reason = _reason(result, coded, named, terminology)
        if reason is None:
            ours.append(result)
            continue
        issues.append(Issue(result.reference, reason))
        doubtful += [result] if reason == NAMED_CANCER else []
    if "Observation" in found:
        found["Observation"] = ours
    return doubtful


def _reason(result: Resource, coded: frozenset[str], named: frozenset[str], terminology: Terminology) -> str | None:
    """Say why a result is not one of the colorectal cancer."""
    if "bodySite" in result.body and _is_placed_elsewhere(result, terminology):
        return OTHER_ORGAN
    if (coded or named) and _is_of(result, coded | named):
        return OTHER_CANCER if _is_of(result, coded) else NAMED_CANCER
    return None


def _is_placed_elsewhere(result: Resource, terminology: Terminology) -> bool:
    """Whether a stage or margin is that of a tumour in another organ; genes of a metastasis are those of the cancer."""
    if not any(name.startswith(_OF_A_PLACE) for name in result.sets):
        return False
    return is_elsewhere(result.body["bodySite"], terminology)


def _is_of(result: Resource, others: frozenset[str]) -> bool:
    """Whether a result of a tumour has other cancers in its focus, and no other Condition; what was entered is ours."""
    tumours = any(name.startswith(_OF_A_TUMOUR) for name in result.sets)
    if not tumours or any(name.startswith(_OWN) for name in result.sets):
        return False
    named = {referred(one, "Condition") for one in references_of(result.body, "focus")}
    conditions = {one for one in named if one.startswith("Condition/")}
    return bool(conditions) and conditions <= others
