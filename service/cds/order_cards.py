"""The cards of the order hooks: one for each drafted order and advisory, none for orders that fit."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from fhir_mappings.orders import read_orders, replaced
from fhir_mappings.outbound import without_empty
from service.cds.advice import advice_of
from service.cds.card import Action, Card, Coding, Source, Suggestion
from service.cds.cards import LABEL, draft_for, knowledge_url, links
from service.cds.markdown import clip, flat, render
from service.cds.overrides import override_reasons
from service.cds.selections import chosen
from service.cds.suggestions import request
from service.knowledge.order import Order
from service.knowledge.order_advice import advise_orders
from service.knowledge.phrases import SUMMARY_LIMIT, day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fhir_mappings.orders import ReadOrder
    from fhir_mappings.outbound import Draft
    from fhir_mappings.terminology import Terminology
    from service.cds.cards import CardContext
    from service.knowledge.explanation import SectionCode
    from service.knowledge.model import Guideline
    from service.knowledge.order import OrderAdvice, Remedy
    from service.knowledge.reading import Reading

ADVISORY_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/advisory"
_LIMITS: Mapping[SectionCode, int] = {"why": 10}
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9_.\-]+")
_WHEN = ("occurrenceDateTime", "occurrencePeriod", "occurrenceTiming")


def order_cards(  # noqa: PLR0913 - the orders, the decided case, and the call
    drafts: Iterable[object],
    reading: Reading,
    *,
    terminology: Terminology,
    context: CardContext,
    record: Iterable[object] = (),
    selections: Iterable[str] | None = None,
    names: Sequence[Sequence[str]] = (),
) -> list[Card]:
    """Give the cards for draft orders (FHIR JSON as the hook sent it, however sloppy).

    `record` are the patient's resources: its open orders count as planned, but for those that another takes the place
    of. A draft replaces its copy there, also one that is cancelled.
    `selections` narrow the cards of order-select, `None` means all drafts; `names` as in `chosen`.
    """
    drafts, record = tuple(drafts), tuple(record)
    read = read_orders(drafts, terminology, patient_id=context.patient_id, drafts=True, record=record)
    if not read:
        return []
    planned = read_orders(record, terminology, patient_id=context.patient_id, drafts=False)
    past = {f"{draft.get('resourceType')}/{draft.get('id')}" for draft in drafts if isinstance(draft, dict)}
    past |= replaced((*drafts, *record))
    findings = advise_orders(
        reading,
        [_order(order) for order in read],
        planned=[_order(order) for order in planned if order.reference not in past],
        chosen=None if selections is None else chosen(selections, read, names, drafts),
    )
    bodies = {order.reference: order.resource for order in read}
    draft = draft_for(reading.case, context)
    return [_card(reading, found, context, draft, bodies[found.order.reference]) for found in findings]


def _order(order: ReadOrder) -> Order:
    return Order(order.reference, frozenset(kind.value for kind in order.kinds), order.dated, order.elective)


def _card(
    reading: Reading, found: OrderAdvice, context: CardContext, draft: Draft, resource: Mapping[str, Any]
) -> Card:
    url = knowledge_url(context.base_url, _anchor(reading.guideline, found))
    uuid = context.new_uuid()
    suggestions = tuple(
        suggestion
        for remedy in found.remedies
        for suggestion in (_suggestion(remedy, found, draft, resource),)
        if suggestion is not None
    )
    return Card(
        uuid=uuid,
        summary=clip(flat(found.explanation.summary), SUMMARY_LIMIT),
        detail=render(found.explanation, _LIMITS),
        indicator=found.explanation.tone,
        source=Source(
            label=LABEL,
            url=url,
            topic=Coding(code=found.code, system=ADVISORY_SYSTEM, display=found.code.replace("-", " ")),
        ),
        suggestions=suggestions,
        selection_behavior=None if not suggestions else "at-most-one" if "postpone" in found.remedies else "any",
        override_reasons=override_reasons(reading),
        links=links(reading, context, uuid, url),
        extension=advice_of(replace(reading, decision=found.basis)),
    )


def _anchor(guideline: Guideline, found: OrderAdvice) -> str | None:
    """Name the place on the knowledge page that a finding rests on; a decision of the MDT stands in the chart."""
    if found.code == "interval-too-short":
        return "policy"
    if any(advisory.code == found.code for advisory in guideline.advisories):
        return found.code
    return found.basis.row_behind


def _suggestion(remedy: Remedy, found: OrderAdvice, draft: Draft, resource: Mapping[str, Any]) -> Suggestion | None:
    first = remedy == found.remedies[0]
    has_id = _REFERENCE.fullmatch(found.order.reference) is not None
    match remedy:
        case "delete":
            if not has_id:
                return None
            action = Action(type="delete", description="Remove the drafted order", resource_id=found.order.reference)
            return Suggestion(
                label="Remove this draft order", uuid=draft.new_id(), is_recommended=first, actions=(action,)
            )
        case "postpone":
            if not has_id or found.not_before is None or resource.get("resourceType") != "ServiceRequest":
                return None
            later = {key: value for key, value in resource.items() if key not in _WHEN}
            later["occurrenceDateTime"] = found.not_before.isoformat()
            label = f"Postpone to {day(found.not_before)}"
            action = Action(type="update", description=label, resource=without_empty(later))
            return Suggestion(label=label, uuid=draft.new_id(), is_recommended=first, actions=(action,))
        case "refer-hepatobiliary":
            return request(draft, "hepatobiliary-referral")
        case "refer-mdt":
            return request(draft, "liver-mdt-referral")
        case _:
            assert_never(remedy)
