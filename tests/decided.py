"""Charted cases with their decisions and cards: every recorded fact has a resource and a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from fhir_mappings.case import Case, Evidence, Known, MdtRecord, PartialDate, Scope
from fhir_mappings.catalogue import load_catalogue
from service.cds.cards import CardContext, patient_view_cards
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from tests.cases import case_of, examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.case import Fact, Sign
    from service.knowledge.explanation import Explanation, Section, SectionCode
    from service.knowledge.model import Guideline

RECORDED = PartialDate(date(2026, 11, 2), date(2026, 11, 2))
DECIDED = PartialDate(date(2026, 11, 10), date(2026, 11, 10))
CATALOGUE = load_catalogue()
CONDITIONS = (Evidence("Condition/primary"), Evidence("Condition/liver"))


def recorded(code: str, value: Any, day: PartialDate = RECORDED) -> Known:
    """Give a fact that one Observation states."""
    return Known(value, (Evidence(f"Observation/{code}", "entered", day),))


def charted(facts: Mapping[str, Any], *, signs: frozenset[Sign] | None = None, scope: Scope = Scope.IN) -> Case:
    """Build a case in which each plain value has evidence; facts that are given as such stay as they are."""
    plain = {code: given if hasattr(given, "evidence") else recorded(code, given) for code, given in facts.items()}
    case = case_of(plain) if signs is None else case_of(plain, signs=signs)
    return replace(case, scope=scope, scope_evidence=CONDITIONS)


def example(example_id: str, *without: str, **changed: Any) -> Case:
    """Build a worked case, without some facts and with others changed (underscores for hyphens)."""
    facts: dict[str, Any] = dict(next(found.facts for found in examples() if found.id == example_id))
    facts |= {code.replace("_", "-"): value for code, value in changed.items()}
    return charted({code: value for code, value in facts.items() if code not in without})


def by_mdt(case: Case, strategy: str, **changed: Any) -> Case:
    """Let the MDT have decided on the facts of a case; `changed` are other members of its record."""
    evidence = Evidence("Observation/mdt", "entered", DECIDED)
    record = MdtRecord(strategy, DECIDED, evidence, facts_then=case.facts, signs_then=case.signs)
    return replace(case, mdt=replace(record, **changed))


def with_facts(case: Case, **changed: Fact) -> Case:
    """Change facts of a case (underscores for hyphens)."""
    return replace(case, facts={**case.facts, **{code.replace("_", "-"): fact for code, fact in changed.items()}})


def context(**changed: Any) -> CardContext:
    """Give a context whose uuids count up."""
    numbers = count(1)
    plain = CardContext(
        patient_id="pat-1",
        base_url="https://cds.example.org",
        new_uuid=lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
        user="Practitioner/surgeon",
    )
    return replace(plain, **changed)


def cards_of(
    case: Case,
    *,
    guideline: Guideline | None = None,
    **changed: Any,
) -> list[dict[str, Any]]:
    """Give the cards of a case as they go over the wire."""
    guideline = guideline or load_guideline()
    reading = Reading(case, decide(case, guideline), guideline, CATALOGUE)
    cards = patient_view_cards(reading, context=context(**changed))
    read: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(cards))
    return read


def section_of(explanation: Explanation, code: SectionCode) -> Section | None:
    """Give the section with this code, where there is one."""
    return next((section for section in explanation.sections if section.code == code), None)
