"""The primary: site, diagnosis, symptoms, whether it is in place, and its operation, done or planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.concepts import concept_sets
from fhir_mappings.read.conditions import active, asserted, confirmed, first_date, histories, primaries
from fhir_mappings.read.dates import FROM_RECORDED, earlier, shifted, start_of, value_of
from fhir_mappings.read.once import once
from fhir_mappings.read.operations import (
    BEFORE_DIAGNOSIS_DAYS,
    RELIEFS,
    RESECTIONS,
    flag_others,
    operation,
    planned_operations,
    primary_resections,
    undecided_resections,
)
from fhir_mappings.read.settle import Candidate, Found, derived

if TYPE_CHECKING:
    from fhir_mappings.case import PartialDate
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_SITES = "primary-site-*"
_OF_THE_COLON = frozenset({"Z85038", "429699009"})
"""Histories of a primary that name the colon, in ICD-10-CM and SNOMED CT, without a dot."""
UNDATED = "recorded without a date that places it, not used"
SECOND = "a cancer at another site, after the primary was resected or over, not told apart from it"
_SEGMENTS = {
    "colon-unspecified": frozenset({
        "caecum", "ascending-colon", "hepatic-flexure", "transverse-colon", "splenic-flexure", "descending-colon",
        "sigmoid-colon",
    }),
    "rectum-unspecified": frozenset({"rectum-high", "rectum-mid", "rectum-low"}),
}  # fmt: skip
"""Sites that name no segment, each with those that a body site can tell."""


def site(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the site from the primary's Conditions; a body site refines a code that names no segment.

    A code that names none gives way to a segment of its organ that is coded or entered, however long ago. A past cancer
    names the site where no other is in the chart.
    """
    found = []
    for condition in primaries(reader):
        coded = condition.starting("primary-site-")
        places = condition.body.get("bodySite", ())
        body = frozenset[str]().union(*(concept_sets(place, reader.terminology) for place in places))
        refined = [choice for choice in fact.choices if f"body-site-{choice}" in body] if body else []
        value = _specific(coded, refined)
        found.append(Candidate(value, condition.dated, (reader.evidence(condition, _SITES),)))
    for condition in () if found else histories(reader):
        codes = {coding.rpartition("|")[2].replace(".", "").upper() for coding, _ in condition.codings}
        if not codes.isdisjoint(_OF_THE_COLON):
            proof = (reader.evidence(condition, "primary-history"),)
            found.append(Candidate("colon-unspecified", condition.dated, proof))
    said = (one.value for one in (*found, *reader.local(fact)))
    named = {choice for value in said for choice in (value if isinstance(value, frozenset) else {value})}
    return [one for one in found if named.isdisjoint(_SEGMENTS.get(str(one.value), ()))]


def _specific(coded: list[str], refined: list[str]) -> str | frozenset[str | bool]:
    named = {one for one in coded if one not in _SEGMENTS}
    named = named or {one for code in coded for one in refined if one in _SEGMENTS[code]} or set(coded)
    return named.pop() if len(named) == 1 else frozenset(named)


def diagnosis_date(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the first date of the primary's Conditions."""
    return first_date(reader, primaries(reader), _SITES)


def resection_date(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the date of completed resections of the primary; of one that took days, that of the first."""
    return [
        Candidate(value_of(when), when, (reader.evidence(done, RESECTIONS),))
        for done in primary_resections(reader)
        if (when := start_of(done.body.get("performedPeriod")) or done.dated) is not None
    ]


def operation_done(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the operation of completed resections of the primary."""
    return [
        Candidate(operation(reader, done), done.dated, (reader.evidence(done, RESECTIONS),))
        for done in primary_resections(reader)
    ]


def in_situ(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive whether the primary is in place: resected says no, an open plan to resect it and no resection yes."""
    flag_others(reader, fact.code, RESECTIONS)
    for undecided in undecided_resections(reader):
        reader.flag(undecided, UNDATED, "primary-in-situ")
    second = second_primaries(reader)
    for condition in second:
        reader.flag(condition, SECOND, "primary-in-situ")
    if second:
        return []
    resected = [
        Candidate(False, done.dated, (reader.evidence(done, RESECTIONS, how="derived"),))
        for done in primary_resections(reader)
    ]
    said = reader.fact("primary-resection-date")
    when = reader.date_of("primary-resection-date")
    if when is not None and not resected:
        resected.append(Candidate(False, when, derived(said.evidence)))
    if not resected and not any(active(condition) for condition in primaries(reader)):
        resected = [
            Candidate(False, past.dated, (reader.evidence(past, "primary-history", how="derived"),))
            for past in histories(reader)
        ]
    if resected or not reader.complete("Procedure") or reader.done(RESECTIONS) or reader.uncertain(RESECTIONS):
        return resected
    return [
        Candidate(True, reader.order_date(plan), (reader.evidence(plan, RESECTIONS, how="derived"),))
        for plan in planned_operations(reader, RESECTIONS)
    ]


@once
def second_primaries(reader: Reader) -> tuple[Resource, ...]:
    """Give the active cancers at another site that began after the primary's resection or end, and were not resected.

    Which of the two the metastases come from, and which is in place, only a clinician can say.
    """
    found = primaries(reader)
    if len(found) == 1:
        return ()
    resected = reader.date_of("primary-resection-date")
    dated = [one for one in found if one.dated is not None]
    first = [one for one in dated if (_is_by(one, resected) if resected is not None else not active(one))]
    known = frozenset[str]().union(*(_sites(one) for one in first))
    return tuple(
        one
        for one in dated
        if one not in first and one.date_remark != FROM_RECORDED and active(one) and confirmed(one) and not one.future
        if known and known.isdisjoint(_sites(one))
        if resected is not None or all(_is_long_before(other, one) for other in first)
    )


def _is_by(condition: Resource, resected: PartialDate) -> bool:
    """Whether a cancer may have been there at the resection of the primary."""
    return condition.dated is None or condition.dated.first <= shifted(resected, BEFORE_DIAGNOSIS_DAYS).last


def _is_long_before(first: Resource, second: Resource) -> bool:
    """Whether a cancer began before another on every reading of their dates, and not at its time."""
    if first.dated is None or second.dated is None:
        return False
    return earlier(shifted(first.dated, BEFORE_DIAGNOSIS_DAYS), second.dated)


def _sites(condition: Resource) -> frozenset[str]:
    """Give the sites that a Condition's codes leave open."""
    named = condition.starting("primary-site-")
    return frozenset(named).union(*(_SEGMENTS.get(one, frozenset()) for one in named))


def planned_operation(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the planned operation of the primary from open orders, drafts and prepared Procedures."""
    coded = [
        Candidate(operation(reader, plan), reader.order_date(plan), (reader.evidence(plan, RESECTIONS),))
        for plan in planned_operations(reader, RESECTIONS)
    ]
    return coded + _by_name(reader, "planned-resection")


def _by_name(reader: Reader, topic: str) -> list[Candidate]:
    """Give the plans that are known by their names alone: what is planned cannot be read, and is not assumed."""
    return [
        Candidate(None, reader.order_date(plan), (reader.evidence(plan),), unreadable=True)
        for plan in reader.planned_by_name(topic)
    ]


def multivisceral(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read a planned multivisceral resection; other plans do not say that there is none."""
    kind = "resection-multivisceral"
    coded = [
        Candidate(True, reader.order_date(plan), (reader.evidence(plan, kind),))
        for plan in planned_operations(reader, kind)
    ]
    return coded + _by_name(reader, "multivisceral")


def symptoms(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the symptoms from active Conditions with onset around the primary's diagnosis, before any relief of it."""
    found = []
    for condition in reader.chart.holding("Condition", "symptom-*"):
        if not active(condition) or condition.future:
            continue
        symptom = _symptom(reader, condition)
        if condition.dated is None:
            reader.flag(condition, UNDATED, "primary-symptoms")
        elif of_the_primary(reader, condition):
            found.append(Candidate(symptom, condition.dated, (reader.evidence(condition, "symptom-*"),)))
    return found


def _symptom(reader: Reader, condition: Resource) -> Found:
    """Give the gravest symptom that a Condition codes; both of a bleeding whose severity cannot be read."""
    kinds = set(condition.starting("symptom-"))
    for kind in ("perforation", "obstruction"):
        if kind in kinds:
            return kind
    if "bleeding" in kinds:
        severity = condition.body.get("severity")
        sets = concept_sets(severity, reader.terminology)
        if "severity-severe" in sets:
            return "bleeding"
        return "minor" if not severity or "severity-not-severe" in sets else frozenset({"minor", "bleeding"})
    return "minor"


def of_the_primary(reader: Reader, condition: Resource) -> bool:
    """Whether a Condition began from 90 days before the primary's diagnosis on and before it was relieved.

    What was operated on before those days relieved nothing of this primary.
    """
    diagnosed = reader.date_of("primary-diagnosis-date")
    if diagnosed is None or condition.dated is None:
        return False
    since = shifted(diagnosed, -BEFORE_DIAGNOSIS_DAYS)
    if condition.dated.first < since.last:
        return False
    reliefs = [reader.date_of("primary-resection-date"), *(relief.dated for relief in reader.done(*RELIEFS))]
    return not any(
        when is not None and when.last >= since.first and condition.dated.last > when.first for when in reliefs
    )


def perforations(reader: Reader) -> list[Resource]:
    """Give the asserted Conditions of a perforation of the bowel, whatever their activity."""
    return [*filter(asserted, reader.chart.held("Condition", "symptom-perforation"))]
