"""What is kept of an answered hook: what its cards said, what was seen as done, and the line of the audit log.

Nothing here waits or fails: an answer is never lost to its own records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fhir_mappings.case import Interval, Known, Unknown
from service.adapters.store.issued_cards import IssuedCard, SeenTreatment
from service.knowledge.done import treatments_done

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fhir_mappings.case import Case, Fact
    from service.adapters.audit import AuditLog
    from service.adapters.pseudonyms import Pseudonyms
    from service.adapters.store.issued_cards import IssuedCards
    from service.caller import Caller
    from service.cds.card import Card
    from service.cds.messages import HookRequest
    from service.knowledge.decision import Decision
    from service.knowledge.model import Guideline

Result: TypeAlias = Literal["shown", "silent", "repeated", "out-of-scope"]
"""What became of an answer: `repeated` ones rest, and charts `out-of-scope` were not decided on."""


@dataclass(frozen=True, slots=True)
class Call:
    """A hook's call: what was asked of which service, by whom, and when."""

    service_id: str
    request: HookRequest
    caller: Caller
    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered hook; case and decision are absent for a chart that its conditions put out of scope.

    `cards` are those that were issued, shown or in silence: a repeated answer issues none anew.
    """

    call: Call
    result: Result
    cards: tuple[Card, ...] = ()
    case: Case | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Where records go.

    Without `pseudonyms` no user or patient is told from another, and what was done later is not kept; without `audit`
    there is no audit log. `audit_values` lets its lines hold the answer and the facts that it read.
    """

    issued_cards: IssuedCards
    guideline: Guideline
    pseudonyms: Pseudonyms | None = None
    audit: AuditLog | None = None
    audit_values: bool = False

    def keep(self, answered: Answered) -> None:
        """Keep what is to be kept of an answer."""
        patient = self._pseudonym("patient", answered, answered.call.request.context.patient_id)
        self.issued_cards.put(_issued(card, answered, subject=patient) for card in answered.cards)
        if patient is not None and answered.case is not None:
            done = treatments_done(answered.case)
            self.issued_cards.put(SeenTreatment(patient, treatment, answered.call.at) for treatment in sorted(done))
        if self.audit is not None:
            self.audit.write(self._line(answered, patient))

    def _pseudonym(self, kind: str, answered: Answered, name: str) -> str | None:
        if self.pseudonyms is None:
            return None
        # One issuer may stand for many hospitals, whose ids mean different people.
        return self.pseudonyms.of(kind, answered.call.caller.issuer or "", answered.call.caller.tenant or "", name)

    def _line(self, answered: Answered, patient: str | None) -> dict[str, Any]:
        guideline = self.guideline
        line = {
            "event": "hook-answered",
            "at": answered.call.at,
            "service": answered.call.service_id,
            "hookInstance": answered.call.request.hook_instance,
            "issuer": answered.call.caller.issuer,
            "tenant": answered.call.caller.tenant,
            "user": self._pseudonym("user", answered, answered.call.request.context.user_id),
            "patient": patient,
            "result": answered.result,
            "cards": [card.uuid for card in answered.cards],
            "rows": list(answered.decision.rows) if answered.decision else [],
            "knowledge": {"id": guideline.id, "version": guideline.version, "policy": guideline.policy.name},
        }
        return {**line, **dict(_values(answered))} if self.audit_values else line


def _issued(card: Card, answered: Answered, *, subject: str | None) -> IssuedCard:
    """Tell the store what a card said: codes and versions alone."""
    advice, topic = card.extension.advice, card.source.topic.code
    about_order = answered.call.request.hook != "patient-view"
    return IssuedCard(
        card=card.uuid,
        service=answered.call.service_id,
        issuer=answered.call.caller.issuer,
        strategy=None if about_order else topic,
        next_step=advice.next_step,
        rows=advice.rows,
        statements=advice.statements,
        advisories=(topic,) if about_order else advice.advisories,
        missing=tuple(missing.fact for missing in advice.missing),
        knowledge_id=advice.knowledge.id,
        knowledge_version=advice.knowledge.version,
        policy=advice.knowledge.policy,
        issued_at=answered.call.at,
        silent=answered.result == "silent",
        subject=subject,
    )


def _values(answered: Answered) -> Iterator[tuple[str, Any]]:
    """Give the clinical members of an audit line: the answer, and the facts that were read for it."""
    if answered.decision is None or answered.case is None:
        return
    outcomes, facts = answered.decision.outcomes, answered.case.facts
    yield "strategies", sorted({outcome.strategy for outcome in outcomes})
    yield "nextSteps", sorted({outcome.next_step for outcome in outcomes if outcome.next_step})
    yield "facts", {name: _value(facts[name]) for name in answered.decision.read if name in facts}


def _value(fact: Fact) -> object:
    if isinstance(fact, Unknown):
        return {"unknown": fact.gap.value}
    if isinstance(fact, Known):
        return fact.value.isoformat() if isinstance(fact.value, date) else fact.value
    if isinstance(fact.values, Interval):
        return {"from": fact.values.low, "to": fact.values.high}
    return {"oneOf": sorted(fact.values, key=str)}
