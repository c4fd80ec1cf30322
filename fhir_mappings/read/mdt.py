"""The MDT's decision on record: from an Observation or a CarePlan that is coded with a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhir_mappings.read.settle import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.case import Evidence
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.reader import Reader

_PREFIX = "strategy:"
_LOCAL = "case-facts:mdt-decision"


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


def reason(reader: Reader, proof: Evidence) -> str | None:
    """Give the note of the resource that carries the decision, or a plan's description; free text of the chart."""
    texts = [text for body in _carriers(reader, proof) for text in (*_notes(body), body.get("description"))]
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _carriers(reader: Reader, proof: Evidence) -> Iterable[Mapping[str, Any]]:
    """Give what the evidence of a decision names; without an id its reference is that of others as well."""
    for resource in (*reader.chart.holding("Observation", _LOCAL), *reader.chart.of("CarePlan")):
        if (resource.reference, resource.dated) == (proof.reference, proof.dated):
            yield resource.body


def _notes(body: Mapping[str, Any]) -> list[object]:
    return [note.get("text") for note in body.get("note", ()) if isinstance(note, dict)]
