"""What is of another cancer of the patient: results by their focus, stage or organ, treatment by its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Issue
from fhir_mappings.loose_json import objects
from fhir_mappings.read.certainty import is_asserted, statuses
from fhir_mappings.read.concepts import concept_sets
from fhir_mappings.read.once import once
from fhir_mappings.read.places import is_elsewhere
from fhir_mappings.read.references import REASONS, reasons_of, references_of, referred

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader
    from fhir_mappings.terminology import Terminology

OTHER_CANCER = "of another cancer"
OTHER_ORGAN = "of another organ"
UNSURE_CANCER = "of a cancer that is known by its name alone, or does not count"
_SET = "other-cancer"
_OF_A_TUMOUR = (
    "tnm",
    "margin",
    "nodes-positive",
    "msi",
    "ras",
    "braf",
    "genetic-variant",
    "response",
    "distant-metastasis",
    "tumour-size",
)
_OF_A_PLACE = ("tnm-t", "tnm-n", "tnm-stage", "margin", "nodes-positive")
"""Not M: its place is that of a metastasis."""
_ANYWHERE = frozenset({"cancer-by-site"})
_OWN = "case-facts:"


@dataclass(frozen=True, slots=True)
class _Cancers:
    """The Conditions of other cancers, by code or by name alone, and which Conditions a result is the stage of."""

    coded: frozenset[str]
    named: frozenset[str]
    staged: Mapping[str, set[str]]


def leave_out_of_others(
    found: dict[str, list[Resource]],
    named: Mapping[str, Mapping[str, Any]],
    issues: list[Issue],
    terminology: Terminology,
) -> list[Resource]:
    """Leave out the results of other cancers from the resources by type, and note each.

    Give those that are of cancers whose names, among `named`, are all that is known of them, or that do not count: they
    may be of this one.
    """
    conditions = found.get("Condition", ())
    others = [one for one in conditions if _is_other(one.sets)]
    coded = frozenset(one.reference for one in others if is_asserted(one.verification))
    unsure = [*filter(_is_unplaced, conditions), *(one for one in others if not is_asserted(one.verification))]
    named = {**named, **{one.reference: one.body for one in unsure}}
    bodies = {**named, **{one.reference: one.body for one in conditions}} if coded or named else {}
    cancers = _Cancers(coded, frozenset(named), _staged(bodies))
    doubtful: list[Resource] = []
    ours = []
    for result in found.get("Observation", ()):
        reason = _reason(result, cancers, terminology)
        if reason is None:
            ours.append(result)
            continue
        issues.append(Issue(result.reference, reason))
        doubtful += [result] if reason == UNSURE_CANCER else []
    if "Observation" in found:
        found["Observation"] = ours
    return doubtful


def _is_unplaced(condition: Resource) -> bool:
    """Whether a Condition is a cancer by a code that names no organ, at a site that is not known to be the bowel."""
    return condition.sets == _ANYWHERE and "primary" not in condition.topics


def _staged(conditions: Mapping[str, Mapping[str, Any]]) -> Mapping[str, set[str]]:
    """Give the Conditions by the Observations that their stage rests on."""
    staged: dict[str, set[str]] = {}
    for condition, body in conditions.items():
        for stage in objects(body.get("stage")):
            for named in references_of(stage, "assessment"):
                staged.setdefault(referred(named, "Observation"), set()).add(condition)
    return staged


def _reason(result: Resource, cancers: _Cancers, terminology: Terminology) -> str | None:
    """Say why a result is not one of the colorectal cancer."""
    if "bodySite" in result.body and _is_placed_elsewhere(result, terminology):
        return OTHER_ORGAN
    inside = _contained(result, terminology) if "contained" in result.body else {}
    if cancers.coded or cancers.named or inside:
        conditions = _conditions(result, cancers, inside)
        coded = cancers.coded | {one for one, other in inside.items() if other}
        if conditions and conditions <= coded | cancers.named:
            return OTHER_CANCER if conditions <= coded else UNSURE_CANCER
    return None


def _contained(result: Resource, terminology: Terminology) -> Mapping[str, bool]:
    """Give the Conditions that a result contains, as `#id`, each with whether it is another cancer."""
    return {
        f"#{one.get('id')}": _is_other(concept_sets(one.get("code"), terminology))
        for one in objects(result.body["contained"])
        if one.get("resourceType") == "Condition"
    }


def _is_placed_elsewhere(result: Resource, terminology: Terminology) -> bool:
    """Whether a stage or margin is that of a tumour in another organ; genes of a metastasis are those of the cancer."""
    if not any(name.startswith(_OF_A_PLACE) for name in (*result.sets, *result.topics)):
        return False
    return is_elsewhere(result.body["bodySite"], terminology)


def _conditions(result: Resource, cancers: _Cancers, inside: Collection[str]) -> set[str]:
    """Give the Conditions that a result of a tumour is of, by its focus or their stage; what was entered is ours."""
    tumours = any(name.startswith(_OF_A_TUMOUR) for name in (*result.sets, *result.topics))
    if not tumours or any(name.startswith(_OWN) for name in result.sets):
        return set()
    named = {referred(one, "Condition") for one in references_of(result.body, "focus")}
    focus = {one for one in named if one.startswith("Condition/") or one in inside}
    return focus | cancers.staged.get(result.reference, set())


def _is_other(sets: frozenset[str]) -> bool:
    return _SET in sets and not any(name.startswith("primary-site-") for name in sets)


def is_surely_other(sets: frozenset[str]) -> bool:
    """Whether a code is of another cancer, and may not be the metastasis either."""
    return _is_other(sets) and "liver-cancer-unspecified" not in sets


def is_for_another(reader: Reader, treatment: Resource) -> bool:
    """Whether a treatment names other cancers as its reason, in codes or by their Conditions, and nothing else."""
    return names_others(treatment.body, _others(reader), reader.terminology)


@once
def _others(reader: Reader) -> frozenset[str]:
    asserted = (one for one in reader.chart.holding("Condition", _SET) if is_asserted(one.verification))
    return frozenset(one.reference for one in asserted if is_surely_other(one.sets))


def condition_sets(resources: Iterable[object], terminology: Terminology) -> dict[str, frozenset[str]]:
    """Give the value sets of the asserted Conditions among resources as they were sent, by their references."""
    return {
        f"Condition/{one.get('id')}": _asserted_sets(one, terminology)
        for one in resources
        if isinstance(one, dict) and one.get("resourceType") == "Condition"
    }


def _asserted_sets(condition: Mapping[str, Any], terminology: Terminology) -> frozenset[str]:
    """Give the value sets of a Condition; none where it is refuted."""
    verification, _ = statuses(condition, terminology)
    return concept_sets(condition.get("code"), terminology) if is_asserted(verification) else frozenset()


def names_others(treatment: Mapping[str, Any], others: Iterable[str], terminology: Terminology) -> bool:
    """Whether the reasons of a treatment, or of an order of one, are `others` or codes of other cancers alone.

    A Condition that is contained in it may be one of them.
    """
    if REASONS.isdisjoint(treatment):
        return False
    coded, named = reasons_of(treatment)
    if not named and not coded:
        return False
    inside = [one for one in objects(treatment.get("contained")) if one.get("resourceType") == "Condition"]
    other = {f"#{one.get('id')}" for one in inside if is_surely_other(_asserted_sets(one, terminology))}
    ours = set(named).difference(others, other)
    return not ours and all(is_surely_other(concept_sets(one, terminology)) for one in coded)
