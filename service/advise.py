"""The use case: a hook's request becomes a chart, a case, a decision, cards; read top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
import orjson

from fhir_mappings.case import Scope
from fhir_mappings.mapper import map_case
from fhir_mappings.policy import MappingPolicy
from service.cds.answer import said
from service.cds.app_context import AppContext, sign_app_context
from service.cds.cards import CardContext, patient_view_cards
from service.cds.drafts import drafts_in
from service.cds.order_cards import order_cards
from service.errors import MalformedRequest
from service.knowledge.decide import decide
from service.knowledge.reading import Reading
from service.logs import note
from service.own_facts import with_own_facts
from service.records import Answered, Call
from service.timing import phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fhir_mappings.catalogue import Catalogue
    from fhir_mappings.chart import Chart
    from fhir_mappings.terminology import Terminology
    from service.adapters.clients import Clients
    from service.adapters.store.shown_answers import ShownAnswers
    from service.caller import Caller
    from service.cds.card import Card
    from service.cds.drafts import Draft
    from service.cds.messages import HookRequest
    from service.chart_source import ChartSource
    from service.knowledge.model import Guideline
    from service.own_facts import OwnFacts
    from service.records import Records, Result
    from service.settings import MdtLine

NO_CARDS = b'{"cards":[]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisor:
    """Everything that an answer is made of, loaded once at start.

    `app_context_key` signs the references that cards give the app; without it the links carry none. `own_facts` are
    those that an EHR did not take from the app. `shown_answers` keeps an answer from being repeated; without it every
    call is answered.
    """

    guideline: Guideline
    catalogue: Catalogue
    terminology: Terminology
    charts: ChartSource
    clients: Clients
    records: Records
    public_base_url: str
    clock: Callable[[], datetime]
    app_context_key: bytes | None = None
    own_facts: OwnFacts | None = None
    shown_answers: ShownAnswers | None = None
    unchanged_mdt_decision: MdtLine = "silent"
    new_uuid: Callable[[], str] = lambda: str(uuid4())
    mapping: MappingPolicy = field(init=False)

    def __post_init__(self) -> None:
        """Take the numbers that reading a chart needs from the guideline, once."""
        object.__setattr__(self, "mapping", mapping_policy(self.guideline, self.catalogue))

    async def advise(self, service_id: str, request: HookRequest, caller: Caller) -> bytes:
        """Give the JSON of the answer; raises the errors of `service.errors`."""
        client = self.clients.get(caller.issuer)
        call, drafts = Call(service_id, request, caller, self.clock()), _draft_orders(request)
        chart = await self.charts.chart(request, client)
        if chart is None:
            note(cards=0)
            self.records.keep(Answered(call, "out-of-scope"))
            return NO_CARDS
        chart = await with_own_facts(chart, issuer=caller.issuer, own_facts=self.own_facts)
        if drafts:
            chart = replace(chart, draft_orders=tuple(draft.resource for draft in drafts))
        reading = self.assess(chart, as_of=call.at)
        case, decision = reading.case, reading.decision
        with phase("cards"):
            cards = [] if case.scope is Scope.OUT else self._cards(call, drafts, chart, reading)
        silent = client is not None and client.silent
        note(cards=len(cards), rows=list(decision.rows), silent=silent)
        result: Result = "silent" if silent else "repeated" if await self._is_repeated(call, cards) else "shown"
        answer = msgspec.json.encode({"cards": cards}) if result == "shown" else NO_CARDS
        self.records.keep(Answered(call, result, () if result == "repeated" else tuple(cards), case, decision))
        if result == "shown":
            self._remember(call, cards)
            note(topics=[card.source.topic.code for card in cards])
        elif result == "repeated":
            note(repeated=True)
        return answer

    def assess(self, chart: Chart, *, as_of: datetime) -> Reading:
        """Read a chart and decide; does no I/O and never raises on data."""
        with phase("read"):
            case = map_case(
                chart,
                as_of=as_of,
                terminology=self.terminology,
                catalogue=self.catalogue,
                policy=self.mapping,
            )
        with phase("decide"):
            return Reading(case, decide(case, self.guideline), self.guideline, self.catalogue)

    async def _is_repeated(self, call: Call, cards: list[Card]) -> bool:
        """Whether the user saw this very answer lately; what is critical is never held back."""
        if self.shown_answers is None or not cards or any(card.indicator == "critical" for card in cards):
            return False
        return await self.shown_answers.was_shown(said(cards), to=_reader(call), now=call.at.timestamp())

    def _remember(self, call: Call, cards: list[Card]) -> None:
        # Last of all: an answer that was not given must not silence the next one.
        if self.shown_answers is not None and cards:
            self.shown_answers.put(said(cards), to=_reader(call), now=call.at.timestamp())

    def _cards(self, call: Call, drafts: tuple[Draft, ...], chart: Chart, reading: Reading) -> list[Card]:
        context = CardContext(
            patient_id=chart.patient_id,
            base_url=self.public_base_url,
            new_uuid=self.new_uuid,
            user=call.request.context.user_id,
            app_context=self._app_context(call),
            unchanged_mdt_decision=self.unchanged_mdt_decision,
        )
        if call.request.hook == "patient-view":
            return patient_view_cards(reading, context=context)
        return order_cards(
            chart.draft_orders,
            reading,
            terminology=self.terminology,
            context=context,
            record=chart.resources,
            selections=call.request.context.selections if call.request.hook == "order-select" else None,
            names=[draft.names for draft in drafts],
        )

    def _app_context(self, call: Call) -> Callable[[str, str | None], str] | None:
        key, issuer = self.app_context_key, call.caller.issuer
        if key is None or issuer is None:
            return None
        now_s = int(call.at.timestamp())
        return lambda card, ask: sign_app_context(AppContext(issuer, card, ask), key=key, now_s=now_s)


def _reader(call: Call) -> tuple[str, ...]:
    """Name who asks which service about whom."""
    context, caller = call.request.context, call.caller
    return caller.issuer or "", caller.tenant or "", call.service_id, context.user_id, context.patient_id


def mapping_policy(guideline: Guideline, catalogue: Catalogue) -> MappingPolicy:
    """Give the numbers of the guideline, under the site's policy, that reading a chart needs."""
    value = {name: parameter.value for name, parameter in guideline.parameters.items()}
    return MappingPolicy(
        staging_window_days=int(value["staging_window_days"]),
        intraoperative_window_days=int(value["intraoperative_window_days"]),
        maximum_age_days={
            code: int(value[f"{fact.name}_maximum_age_days"])
            for code, fact in catalogue.facts.items()
            if fact.maximum_age_days is not None
        },
    )


def _draft_orders(request: HookRequest) -> tuple[Draft, ...]:
    """Give the draft orders of the hook; real clients send the Bundle without type and entries of any shape."""
    raw = request.context.draft_orders
    if raw is None:
        return ()
    try:
        bundle = orjson.loads(bytes(raw))
    except orjson.JSONDecodeError:
        raise MalformedRequest("context.draftOrders cannot be parsed", element="context.draftOrders") from None
    return tuple(drafts_in(bundle))
