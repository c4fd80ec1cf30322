"""The MDT's decision on record: from an Observation or a CarePlan that is coded with a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.case import Known
from fhir_mappings.read.settle import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_PREFIX = "strategy:"


def decision(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the strategy of care plans that are active or completed."""
    found = []
    for plan in reader.chart.of("CarePlan"):
        if plan.status in ("active", "completed") and not plan.future:
            said = [choice for choice in plan.starting(_PREFIX) if choice in fact.choices]
            if said:
                value = said[0] if len(said) == 1 else frozenset[str | bool](said)
                found.append(Candidate(value, plan.dated, (reader.evidence(plan, f"{_PREFIX}*"),)))
    return found


def reason(reader: Reader) -> str | None:
    """Give the note of the resource that carries the decision, or a plan's description; free text of the chart."""
    fact = reader.fact("mdt-decision")
    if not isinstance(fact, Known) or not fact.evidence:
        return None
    resource = _named(reader, fact.evidence[0].reference)
    if resource is None:
        return None
    texts = [note.get("text") for note in _notes(resource.body)]
    texts.append(resource.body.get("description"))
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _named(reader: Reader, reference: str) -> Resource | None:
    resources = (*reader.chart.of("Observation"), *reader.chart.of("CarePlan"))
    return next((resource for resource in resources if resource.reference == reference), None)


def _notes(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [note for note in body.get("note", ()) if isinstance(note, dict)]
