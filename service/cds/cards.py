"""The card of the patient-view hook: at most one, from a case and its decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fhir_mappings.case import Scope
from fhir_mappings.outbound import STRATEGY_SYSTEM, UNDETERMINED, Draft
from service.cds.advice import advice_of
from service.cds.card import Card, Coding, Link, Source
from service.cds.markdown import clip, flat, render
from service.cds.overrides import override_reasons
from service.cds.suggestions import request, strategy_suggestions
from service.knowledge.explain import explain
from service.knowledge.mdt import changes_since, explain_mdt
from service.knowledge.phrases import SUMMARY_LIMIT, short_name
from service.knowledge.reading import references
from service.knowledge.uncertain import explain_uncertain_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fhir_mappings.case import Case
    from service.cds.card import Suggestion
    from service.knowledge.explanation import Explanation, SectionCode
    from service.knowledge.reading import Reading

LABEL = "crlm-cds: colorectal liver metastases"
# The detail stays at about 25 lines; the app shows the rest.
_LIMITS: Mapping[SectionCode, int] = {"missing": 6, "why": 7, "against": 4, "excluded": 4, "advisories": 6, "gaps": 4}


@dataclass(frozen=True, slots=True)
class CardContext:
    """What the cards of one call need beside the case.

    `base_url` has no trailing slash. `new_uuid` gives bare lower-case UUIDs. `app_context` makes the text for the SMART
    link from the uuid of the card and the fact to ask first; without it the link carries none.
    """

    patient_id: str
    base_url: str
    new_uuid: Callable[[], str]
    user: str | None = None
    app_context: Callable[[str, str | None], str] | None = None
    unchanged_mdt_decision: Literal["silent", "line"] = "silent"


def patient_view_cards(reading: Reading, *, context: CardContext) -> list[Card]:
    """Give the card for a chart that is opened, or none: out of scope, nothing to order, MDT decision unchanged."""
    case = reading.case
    if case.scope is Scope.OUT:
        return []
    if case.scope is Scope.UNCERTAIN:
        return [_card(reading, explain_uncertain_scope(reading), context, ())]
    if reading.decision.no_card:
        return []
    draft = draft_for(case, context)
    if case.mdt is None:
        return [_card(reading, explain(reading), context, strategy_suggestions(reading, draft))]
    return _mdt_card(reading, context, draft)


def _mdt_card(reading: Reading, context: CardContext, draft: Draft) -> list[Card]:
    """Give the card on a decision of the MDT: where deciding facts changed, or where nothing tells that none did."""
    if changes_since(reading):
        suggestions = (request(draft, "liver-mdt-referral", recommended=True),)
        return [_card(reading, explain_mdt(reading), context, suggestions)]
    undated = reading.case.mdt is not None and reading.case.mdt.decided is None
    if undated or context.unchanged_mdt_decision == "line":
        # The MDT's own decision: the statements and papers behind ours would seem to support it.
        alone = replace(reading, decision=reading.decision.without_sources())
        return [_card(alone, explain_mdt(alone), context, ())]
    return []


def draft_for(case: Case, context: CardContext) -> Draft:
    """Give what all drafts of one call share."""
    return Draft(
        patient_id=context.patient_id,
        authored=case.as_of,
        new_id=context.new_uuid,
        user=context.user,
        reasons=references(case.scope_evidence),
    )


def knowledge_url(base_url: str, anchor: str | None) -> str:
    """Give the address of the knowledge page, at the row, the advisory or the part that a card rests on."""
    return f"{base_url}/knowledge#{anchor}" if anchor else f"{base_url}/knowledge"


def _card(
    reading: Reading, explanation: Explanation, context: CardContext, suggestions: tuple[Suggestion, ...]
) -> Card:
    decision = reading.decision
    advice = advice_of(reading)
    strategy = advice.advice.strategy or UNDETERMINED
    url = knowledge_url(context.base_url, decision.row_behind if advice.advice.determined else None)
    uuid = context.new_uuid()
    return Card(
        uuid=uuid,
        summary=clip(flat(explanation.summary), SUMMARY_LIMIT),
        detail=render(explanation, _LIMITS),
        indicator=explanation.tone,
        source=Source(label=LABEL, url=url, topic=_topic(reading, strategy)),
        suggestions=suggestions,
        selection_behavior="any" if suggestions else None,
        override_reasons=override_reasons(reading),
        links=links(reading, context, uuid, url),
        extension=advice,
    )


def _topic(reading: Reading, strategy: str) -> Coding:
    return Coding(
        code=strategy, system=STRATEGY_SYSTEM, display=reading.guideline.strategies.get(strategy, "Undetermined")
    )


def links(reading: Reading, context: CardContext, uuid: str, url: str) -> tuple[Link, ...]:
    """Give the links of a card: the app, the app at the first missing fact, and the knowledge page."""
    launch = f"{context.base_url}/smart/launch"
    found = [
        Link(
            label="Review and complete the case",
            url=launch,
            type="smart",
            app_context=context.app_context(uuid, None) if context.app_context else None,
        )
    ]
    if context.app_context and reading.case.scope is Scope.IN and reading.decision.missing:
        fact = reading.decision.missing[0].fact
        found.append(
            Link(
                label=f"Record {short_name(reading.catalogue[fact])}",
                url=launch,
                type="smart",
                app_context=context.app_context(uuid, fact),
            )
        )
    found.append(Link(label="Knowledge behind this card", url=url, type="absolute"))
    return tuple(found)
