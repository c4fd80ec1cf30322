"""The machine-readable answer of a card, in the public contract of the extension."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from fhir_mappings.case import ABSENT, Gap, Known, Narrowed, Scope, Unknown, day_of
from service.cds.card import (
    Advice,
    AssumedFact,
    Candidate,
    CardExtension,
    FactRead,
    GapRead,
    JsonValue,
    Knowledge,
    Missing,
)
from service.knowledge.left_open import interval_label
from service.knowledge.reading import references

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Case, Evidence, Value
    from fhir_mappings.catalogue import Catalogue, FactDefinition
    from service.knowledge.decision import Decision, Outcome
    from service.knowledge.reading import Reading

_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[^\s/]+")


def advice_of(reading: Reading) -> CardExtension:
    """Give the extension object of a card on this decision.

    Where another cancer makes the origin of the metastases uncertain the candidates stay, and no strategy is named.
    A chart of uncertain scope has the facts alone.
    """
    case, decision, guideline, catalogue = reading.case, reading.decision, reading.guideline, reading.catalogue
    knowledge = Knowledge(id=guideline.id, version=guideline.version, policy=guideline.policy.name)
    if case.scope is Scope.UNCERTAIN:
        return CardExtension(Advice(determined=False, knowledge=knowledge, facts=_facts(case, None, catalogue)))
    settled = reading.is_settled
    return CardExtension(
        Advice(
            determined=settled,
            knowledge=knowledge,
            strategy=decision.strategy if settled else None,
            next_step=decision.next_step if settled else None,
            strength=decision.strength if settled else None,
            rows=decision.rows,
            candidates=_candidates(decision.outcomes),
            alternatives=_candidates(decision.alternatives) if settled else (),
            timing=decision.timing,
            missing=tuple(Missing(fact=found.fact, settles=found.settles) for found in decision.missing),
            assumptions=tuple(AssumedFact(fact=found.fact, value=found.value) for found in decision.assumptions),
            advisories=decision.advisories,
            statements=decision.statements,
            facts=_facts(case, decision, catalogue),
            gaps=_gaps(case, decision, catalogue),
        )
    )


def _candidates(outcomes: Iterable[Outcome]) -> tuple[Candidate, ...]:
    return tuple([Candidate(strategy=found.strategy, next_step=found.next_step) for found in outcomes])


def _facts(case: Case, decision: Decision | None, catalogue: Catalogue) -> tuple[FactRead, ...]:
    assumed = {found.fact: found.value for found in decision.assumptions} if decision else {}
    read = []
    for code, definition in catalogue.facts.items():
        fact = case.facts.get(code, ABSENT)
        if not isinstance(fact, Unknown):
            read.append(_fact(definition, fact))
        elif code in assumed:
            read.append(FactRead(fact=code, value=assumed[code], unit=definition.unit, how="assumed"))
    return tuple(read)


def _fact(definition: FactDefinition, fact: Known | Narrowed) -> FactRead:
    value: JsonValue | None = None
    narrowed: tuple[JsonValue, ...] = ()
    if isinstance(fact, Known):
        value = json_value(fact.value)
    elif isinstance(fact.values, frozenset):
        narrowed = tuple(sorted(fact.values, key=str))
    else:
        value = interval_label(fact.values) or None
    dated = day_of(fact)
    return FactRead(
        fact=definition.code,
        value=value,
        narrowed=narrowed,
        unit=definition.unit,
        how=fact.evidence[0].how if fact.evidence else "derived",
        evidence=_references(fact.evidence),
        dated=str(dated) if dated else None,
    )


def json_value(value: Value) -> JsonValue:
    """Give a value as JSON carries it: dates as text, whole numbers without a fraction."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _references(evidence: tuple[Evidence, ...]) -> tuple[str, ...]:
    """Give the references of the evidence that are well formed: `Observation/ecog`."""
    return tuple([found for found in references(evidence) if _REFERENCE.fullmatch(found) and found.isprintable()])


def _gaps(case: Case, decision: Decision, catalogue: Catalogue) -> tuple[GapRead, ...]:
    missing = {found.fact for found in decision.missing}
    read = []
    for code in catalogue.facts:
        fact = case.facts.get(code, ABSENT)
        if isinstance(fact, Unknown) and (fact.gap is not Gap.ABSENT or code in missing):
            read.append(GapRead(fact=code, gap=fact.gap.value, evidence=_references(fact.evidence)))
    return tuple(read)
