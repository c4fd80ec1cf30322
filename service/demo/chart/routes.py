"""The chart pages: patients, a chart with its cards and orders, what went over the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.demo.chart.orders import ORDERABLES
from service.demo.chart.summary import banner_of, sections_of
from service.demo.fhir.problems import FhirProblem
from service.demo.hooks.actions import apply_actions
from service.demo.hooks.client import ServiceUnavailable, order_context
from service.demo.hooks.prefetch import PrefetchMode
from service.demo.patients.practice import USER
from service.demo.smart.grants import Context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from service.demo.addresses import Addresses
    from service.demo.fhir.record import Record, Resource
    from service.demo.hooks.cards import CardView
    from service.demo.hooks.client import Exchange, HookClient
    from service.demo.pages import Pages
    from service.demo.smart.grants import Grants


@dataclass(slots=True)
class Chart:
    """The chart pages of the demo EHR; draft orders live here until they are signed."""

    addresses: Addresses
    record: Record
    grants: Grants
    pages: Pages
    hooks: HookClient
    clock: Callable[[], datetime]
    drafts: dict[str, list[Resource]] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Give the routes of all pages."""
        return [
            Route("/", self._safe(self._patients)),
            Route("/patients/{id}", self._safe(self._chart)),
            Route("/patients/{id}/patient-view", self._safe(self._patient_view), methods=["POST"]),
            Route("/patients/{id}/orders", self._safe(self._orders), methods=["POST"]),
            Route("/record/{type}/{id}", self._safe(self._resource)),
            Route("/cards/{exchange}/{card}/accept", self._safe(self._accept), methods=["POST"]),
            Route("/cards/{exchange}/{card}/override", self._safe(self._override), methods=["POST"]),
            Route("/cards/{exchange}/{card}/launch", self._safe(self._launch), methods=["POST"]),
            Route("/exchanges", self._safe(self._exchanges)),
            Route("/exchanges/{id}", self._safe(self._exchange)),
            Route("/discovery", self._safe(self._discovery)),
        ]

    def _safe(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if request.method == "POST" and not _is_own(request):
                return self._refused("This form was sent from another site.", status=403)
            try:
                return await handler(request)
            except FhirProblem as problem:
                return self._refused(f"The record refused: {problem}.", status=problem.status)
            except ServiceUnavailable as problem:
                return self._refused(str(problem), status=502)

        return answer

    async def _patients(self, request: Request) -> Response:
        wanted = request.query_params.get("find", "").strip()
        banners = [banner_of(patient, today=self._today()) for patient in self.record.all("Patient")]
        found = [one for one in banners if wanted.casefold() in f"{one.name} {one.note}".casefold()]
        found.sort(key=lambda one: one.name)
        return self.pages.page("patients.html", patients=found, find=wanted, total=len(banners))

    async def _chart(self, request: Request) -> Response:
        patient = self._patient(request)
        return self.pages.page(
            "chart.html",
            patient=banner_of(patient, today=self._today()),
            sections=sections_of(self.record, patient["id"]),
            modes=list(PrefetchMode),
            **self._order_values(patient["id"], ()),
        )

    async def _patient_view(self, request: Request) -> Response:
        patient = self._patient(request)["id"]
        async with request.form() as form:
            mode = _mode(form)
        exchanges = await self.hooks.call("patient-view", patient, mode=mode)
        return self.pages.page("cards.html", exchanges=exchanges, region="advice")

    async def _orders(self, request: Request) -> Response:
        patient = self._patient(request)["id"]
        drafts = self.drafts.setdefault(patient, [])
        exchanges: list[Exchange] = []
        said = ""
        async with request.form() as form:
            mode = _mode(form)
            match str(form.get("do")):
                case "draft":
                    chosen = self._draft(form, patient)
                    drafts.extend(chosen)
                    context = order_context(drafts, chosen)
                    if chosen:
                        exchanges = await self.hooks.call("order-select", patient, mode=mode, context=context)
                    said = "Draft added." if chosen else "Choose an order first."
                case "remove":
                    drafts[:] = [draft for draft in drafts if draft["id"] != form.get("draft")]
                    said = "Draft removed."
                case "sign" if drafts:
                    context = order_context(drafts, None)
                    exchanges = await self.hooks.call("order-sign", patient, mode=mode, context=context)
                    if not any(exchange.cards for exchange in exchanges):
                        said = self._sign(drafts)
                case "sign-anyway" if drafts:
                    said = self._sign(drafts)
                case _:
                    said = "There is no draft order to sign."
        return self.pages.page("orders.html", **self._order_values(patient, exchanges, said))

    def _draft(self, form: FormData, patient: str) -> list[Resource]:
        orderable = ORDERABLES.get(str(form.get("order")))
        if orderable is None:
            return []
        try:
            on = date.fromisoformat(str(form.get("on")))
        except ValueError:
            on = self._today()
        return [orderable.draft(patient=patient, on=on, authored=self._today().isoformat())]

    def _sign(self, drafts: list[Resource]) -> str:
        with self.record.transaction():
            for draft in drafts:
                self.record.create({**draft, "status": "active"})
        count = len(drafts)
        drafts.clear()
        return f"{count} {'order' if count == 1 else 'orders'} signed."

    def _order_values(self, patient: str, exchanges: list[Exchange] | tuple[()], said: str = "") -> dict[str, Any]:
        return {
            "patient_id": patient,
            "orderables": list(ORDERABLES.values()),
            "drafts": self.drafts.get(patient, []),
            "exchanges": exchanges,
            "asked_to_sign": any(one.hook == "order-sign" and one.cards for one in exchanges) and not said,
            "said": said,
            "today": self._today().isoformat(),
            "region": "orders-advice",
        }

    async def _resource(self, request: Request) -> Response:
        version = self.record.read(request.path_params["type"], request.path_params["id"])
        body = version.body or {}
        return self.pages.page(
            "resource.html",
            address=f"{version.type}/{version.id}",
            patient=self.record.patient_of(body),
            body=_json(body),
        )

    async def _accept(self, request: Request) -> Response:
        exchange, card = self._card(request)
        async with request.form() as form:
            wanted = str(form.get("suggestion"))
        suggestion = next((one for one in card.suggestions if one.id == wanted), None)
        if suggestion is None:
            return self._refused("The card has no such suggestion.", status=404)
        drafts = self.drafts.setdefault(exchange.patient, [])
        written = apply_actions(suggestion.actions, record=self.record, patient=exchange.patient, drafts=drafts)
        feedback = await self._feedback(
            exchange, {"card": card.id, "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion.id}]}
        )
        return self.pages.page(
            "outcome.html", title=f"Accepted: {suggestion.label}", written=written, feedback=feedback
        )

    async def _override(self, request: Request) -> Response:
        exchange, card = self._card(request)
        async with request.form() as form:
            code, comment = str(form.get("reason", "")), str(form.get("comment", "")).strip()
        reason = next((one for one in card.reasons if one.code == code), None)
        entry: dict[str, object] = {"card": card.id, "outcome": "overridden"}
        why: dict[str, object] = {}
        if reason is not None:
            coding = {"code": reason.code, "system": reason.system, "display": reason.display}
            why["reason"] = {name: value for name, value in coding.items() if value}
        if comment:
            why["userComment"] = comment
        if why:
            entry["overrideReason"] = why
        feedback = await self._feedback(exchange, entry)
        return self.pages.page("outcome.html", title="Advice overridden", written=[], feedback=feedback)

    async def _feedback(self, exchange: Exchange, entry: dict[str, object]) -> Exchange | None:
        # Without an id of its own a card can have no feedback (CDS Hooks, Feedback).
        return await self.hooks.feedback(exchange, entry) if entry["card"] else None

    async def _launch(self, request: Request) -> Response:
        exchange, card = self._card(request)
        async with request.form() as form:
            label = str(form.get("link"))
        link = next((one for one in card.links if one.is_smart and one.label == label), None)
        if link is None:
            return self._refused("The card has no such app.", status=404)
        handle = self.grants.open_launch(Context(exchange.patient, USER, link.app_context))
        joint = "&" if "?" in link.url else "?"
        query = urlencode({"iss": self.addresses.fhir, "launch": handle})
        return RedirectResponse(f"{link.url}{joint}{query}", status_code=303)

    async def _exchanges(self, request: Request) -> Response:
        del request
        return self.pages.page("exchanges.html", exchanges=list(reversed(self.hooks.exchanges.values())))

    async def _exchange(self, request: Request) -> Response:
        exchange = self.hooks.exchanges.get(request.path_params["id"])
        if exchange is None:
            return self._refused("This exchange is no longer kept.", status=404)
        return self.pages.page(
            "exchange.html",
            exchange=exchange,
            claims=_json(exchange.claims),
            request_body=_json(exchange.request),
            response_body=_json(exchange.response),
        )

    async def _discovery(self, request: Request) -> Response:
        del request
        services = await self.hooks.discovery()
        return self.pages.page("discovery.html", services=services, url=f"{self.addresses.service}/cds-services")

    def _patient(self, request: Request) -> Resource:
        return self.record.read("Patient", request.path_params["id"]).body or {}

    def _card(self, request: Request) -> tuple[Exchange, CardView]:
        found = self.hooks.card(request.path_params["exchange"], request.path_params["card"])
        if found is None:
            raise ServiceUnavailable("This card is no longer kept. Open the chart again.")
        return found

    def _refused(self, reason: str, *, status: int) -> Response:
        return self.pages.page("refused.html", status=status, reason=reason)

    def _today(self) -> date:
        return self.clock().date()


def _is_own(request: Request) -> bool:
    """Whether a form comes from these pages; browsers always say so, and the middleware has checked the host."""
    own = f"http://{request.headers['host']}"
    return request.headers.get("origin", own) == own


def _mode(form: FormData) -> PrefetchMode:
    try:
        return PrefetchMode(str(form.get("mode")))
    except ValueError:
        return PrefetchMode.FULL


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
