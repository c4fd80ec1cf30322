"""From a chart to a case: every fact of the catalogue with its evidence or its gap, scope and signs; never raises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fhir_mappings.case import Case, Issue, Known, MdtRecord
from fhir_mappings.chart import Completeness
from fhir_mappings.read.chart_reading import ChartReading, read_chart
from fhir_mappings.read.mdt import reason
from fhir_mappings.read.possible_days import possibilities
from fhir_mappings.read.reader import Reader
from fhir_mappings.read.scope import other_cancers, read_scope, read_signs
from fhir_mappings.read.treatment import last_given

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from fhir_mappings.policy import MappingPolicy
    from fhir_mappings.terminology import Terminology

SOURCES = (
    "Condition",
    "Observation",
    "Procedure",
    "ServiceRequest",
    "MedicationRequest",
    "MedicationAdministration",
    "CarePlan",
)
"""Resource types that facts are read from, and whose absence a case names."""


def map_case(
    chart: Chart, *, as_of: datetime, terminology: Terminology, catalogue: Catalogue, policy: MappingPolicy
) -> Case:
    """Read a chart as of a moment; the order and duplication of its resources make no difference."""
    today = as_of.date()
    reading = read_chart(chart, terminology, as_of=today)
    reader = Reader(reading, terminology, catalogue, policy, today, chart.completeness)
    facts = {code: reader.fact(code) for code in catalogue.facts}
    scope, scope_evidence = read_scope(reader)
    signs = read_signs(reader)
    reader.check_statuses()
    return Case(
        facts=facts,
        as_of=today,
        scope=scope,
        scope_evidence=scope_evidence,
        signs=signs,
        issues=_issues(reader),
        not_retrieved=tuple(kind for kind in SOURCES if chart.completeness.get(kind) is not Completeness.COMPLETE),
        mdt=_mdt(reader),
        other_cancers=other_cancers(reader),
        last_given=last_given(reader),
        possibilities=possibilities(reader, facts),
    )


def _issues(reader: Reader) -> tuple[Issue, ...]:
    costs = _costs(reader)
    named = [
        replace(issue, costs=costs.get(issue.reference, ())) if issue.severity == "left-out" else issue
        for issue in reader.chart.issues
    ]
    return tuple(sorted({*named, *reader.issues}, key=lambda issue: (issue.reference, issue.reason, issue.costs)))


def _costs(reader: Reader) -> Mapping[str, tuple[str, ...]]:
    """Name the facts that refused resources could have carried; those without an id share one reference."""
    held: dict[tuple[str, str], frozenset[str]] = {}
    for one in reader.chart.refused:
        at = (one.reference, one.kind)
        held[at] = held.get(at, one.sets) | one.sets
    return {reference: reader.costs(kind, sets) for (reference, kind), sets in held.items()}


def _mdt(reader: Reader) -> MdtRecord | None:
    fact = reader.fact("mdt-decision")
    if not isinstance(fact, Known):
        return None
    proof = fact.evidence[0]
    given = reason(reader, proof)
    if proof.dated is None:
        return MdtRecord(str(fact.value), None, proof, given)
    earlier = _reader_on(reader, proof.dated.last)
    then = {code: earlier.fact(code) for code in reader.catalogue.facts}
    return MdtRecord(str(fact.value), proof.dated, proof, given, then, read_signs(earlier))


def _reader_on(reader: Reader, day: date) -> Reader:
    """Read again what was dated by a day, as of that day."""
    resources = {
        kind: [resource for resource in found if resource.dated is None or resource.dated.first <= day]
        for kind, found in reader.chart.resources.items()
    }
    past = ChartReading(resources, reader.chart.refused)
    return Reader(past, reader.terminology, reader.catalogue, reader.policy, day, reader.completeness)
