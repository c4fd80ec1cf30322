"""Pathology of the primary: nodes, margin, and whether it is favourable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fhir_mappings.case import Gap, Known, Narrowed, Unknown
from fhir_mappings.read.concepts import concept_sets
from fhir_mappings.read.conditions import primaries
from fhir_mappings.read.doubt import DENIED, affirmed, opened
from fhir_mappings.read.once import once
from fhir_mappings.read.operations import LIVER_OPERATIONS, RESECTIONS, primary_resections
from fhir_mappings.read.primary import of_the_primary, perforations
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.settle import Candidate, Found, derived
from fhir_mappings.read.tnm import ANY, formulas, named_alone, pathological, texts_in, texts_of
from fhir_mappings.read.tumours import in_liver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Evidence, Fact, Interval, Value
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_BETWEEN = opened(r"R\s?[0-2]")
_MARGIN = re.compile(rf"{DENIED}\bR\s?(?P<stage>[0-2])(?:(?<=2)[ab])?\b{opened('R')}", re.IGNORECASE)
_ANY_MARGIN = re.compile(r"\bR\s?[0-2X][a-z]?\b", re.IGNORECASE)
_OVERALL = "margin-overall"
_POSITIVE_NODES = "N2"
_NODAL = "unfavourable-nodal"


def margin(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the residual tumour classification: of Observations, of a formula of TNM, and of the resection's outcome."""
    found = reader.unread(one for one in reader.named("margin") if _is_of_the_primary(reader, one))
    for resource in margins(reader):
        stage = _residual(reader, resource.body.get("valueCodeableConcept"), texts_of(resource))
        left = _left_by_all(stage, fact) if _OVERALL in resource.sets else stage
        found.append(reader.candidate(resource, fact, left, "margin", _OVERALL))
    for formula in formulas(reader, ANY):
        spelled = texts_of(formula)
        left = _left_by_all(_residual(reader, None, spelled), fact)
        found += _named_margin(left, spelled, formula, reader.evidence(formula, "tnm-*"))
    for named in named_alone(reader):
        found += _named_margin(None, texts_of(named), named, reader.evidence(named))
    for done in primary_resections(reader):
        outcome = done.body.get("outcome")
        spelled = texts_in(outcome)
        found += _named_margin(_residual(reader, outcome, spelled), spelled, done, reader.evidence(done, RESECTIONS))
    return found


def _left_by_all(stage: str | None, fact: FactDefinition) -> Found | None:
    """Give the margins that a stage of all that is left of the cancer leaves: metastases alone make it R2."""
    return frozenset(fact.choices) if stage == "r2" else stage


def _named_margin(stage: Found | None, spelled: list[str], told_by: Resource, proof: Evidence) -> list[Candidate]:
    """Give the margin of what need not tell one: unreadable where it is named and no stage of it is known."""
    if stage is None and not any(map(_ANY_MARGIN.search, spelled)):
        return []
    return [Candidate(stage, told_by.dated, (proof,), unreadable=stage is None)]


def _residual(reader: Reader, concept: object, spelled: Iterable[str]) -> str | None:
    """Give the one stage of residual tumour that a concept codes, else the one that it spells."""
    sets = concept_sets(concept, reader.terminology)
    coded = {f"r{number}" for number in "012" if f"margin-r{number}" in sets}
    coded = coded or {f"r{found['stage']}" for text in spelled for found in affirmed(_MARGIN, text)}
    return coded.pop() if len(coded) == 1 else None


@once
def margins(reader: Reader) -> tuple[Resource, ...]:
    """Give the residual tumour classifications but those of a resection of the liver alone."""
    overall = (one for one in reader.stated(_OVERALL) if "margin" not in one.sets and _names_a_stage(reader, one))
    return tuple(one for one in (*reader.stated("margin"), *overall) if _is_of_the_primary(reader, one))


def _is_of_the_primary(reader: Reader, margin: Resource) -> bool:
    """Whether a margin is not that of a resection of the liver alone."""
    if _is_of_a_liver_operation(reader, margin):
        return False
    return not in_liver(reader, margin) or _names_a_primary(reader, margin)


def _names_a_stage(reader: Reader, resource: Resource) -> bool:
    spelled = texts_of(resource)
    coded = _residual(reader, resource.body.get("valueCodeableConcept"), spelled)
    return coded is not None or any(map(_ANY_MARGIN.search, spelled))


def _is_of_a_liver_operation(reader: Reader, found: Resource) -> bool:
    """Whether an Observation is part of an operation of the liver, and of none of the bowel."""
    whole = {referred(named, "Procedure") for named in references_of(found.body, "partOf")}
    if not whole or any(one.reference in whole for one in reader.chart.holding("Procedure", RESECTIONS)):
        return False
    return any(one.reference in whole for one in reader.chart.holding("Procedure", *LIVER_OPERATIONS))


def _names_a_primary(reader: Reader, found: Resource) -> bool:
    ours = {primary.reference for primary in primaries(reader)}
    return any(referred(named, "Condition") in ours for named in references_of(found.body, "focus"))


def nodes_positive(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the number of positive lymph nodes."""
    return reader.measured(fact, "nodes-positive")


def pathology(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive unfavourable pathology: a perforation of the primary before pN2; nothing is derived from cN."""
    perforated = [
        Candidate("unfavourable-perforated", one.dated, (reader.evidence(one, "symptom-perforation", how="derived"),))
        for one in perforations(reader)
        if of_the_primary(reader, one)
    ]
    perforated += [
        Candidate("unfavourable-perforated", said.dated, derived(said.evidence))
        for said in reader.local(reader.catalogue["primary-symptoms"])
        if said.value == "perforation"
    ]
    if perforated:
        return perforated
    contested = contested_nodes(reader)
    if contested is not None:
        return _contested(*contested)
    nodal = pathological_nodes(reader)
    if nodal is None or not _is_extensive(nodal[0]):
        return []
    return [Candidate(_NODAL, nodal[1][0].dated, derived(nodal[1]))]


def _contested(nodes: Iterable[Found], proof: tuple[Evidence, ...]) -> list[Candidate]:
    """Give what reports that contradict each other on N make of the pathology, where one of them says pN2."""
    verdicts = {_NODAL if _is_extensive(one) else "favourable" for one in nodes}
    if _NODAL not in verdicts:
        return []
    return [Candidate(verdict, proof[0].dated, derived(proof)) for verdict in sorted(verdicts)]


def _is_extensive(nodes: Found) -> bool:
    """Whether N is N2 in all that it may be."""
    left = nodes if isinstance(nodes, frozenset) else {nodes}
    return all(str(one).startswith(_POSITIVE_NODES) for one in left)


def pathological_nodes(reader: Reader) -> tuple[Found, tuple[Evidence, ...]] | None:
    """Give N with its evidence where it is pathological or local, `None` where it is clinical or not known."""
    fact = reader.fact("primary-n")
    if not isinstance(fact, Known | Narrowed) or not _is_pathological(reader, fact):
        return None
    return (fact.value if isinstance(fact, Known) else fact.values), fact.evidence


def contested_nodes(reader: Reader) -> tuple[frozenset[Value | Interval], tuple[Evidence, ...]] | None:
    """Give what pathological or local sources say of N with their evidence, where they contradict each other."""
    fact = reader.fact("primary-n")
    if not isinstance(fact, Unknown) or fact.gap is not Gap.CONFLICTING or not _is_pathological(reader, fact):
        return None
    return fact.contested, fact.evidence


def _is_pathological(reader: Reader, fact: Fact) -> bool:
    entered = [one for one in reader.observations("case-facts:primary-n") if "tnm-n-clinical" not in one.sets]
    allowed = {found.reference for found in (*pathological(reader, "N"), *entered)}
    return all(proof.reference in allowed for proof in fact.evidence)
