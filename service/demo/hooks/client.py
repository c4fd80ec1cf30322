"""The EHR's calls to the service: discovery, hooks and feedback, each with a JWT of its own."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from service.demo.hooks.cards import CardView, view_cards
from service.demo.hooks.prefetch import PrefetchMode, evaluate
from service.demo.patients.practice import USER
from service.demo.smart.grants import BEARER, Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from service.demo.addresses import Addresses
    from service.demo.fhir.record import Record, Resource
    from service.demo.smart.grants import Grants
    from service.demo.smart.keys import SigningKey

SERVICE_CLIENT_ID = "crlm-cds-service"
"""The id under which the EHR's authorization server knows the service (fhirAuthorization.subject)."""
SERVICE_SCOPE = "patient/*.rs"
_JWT_LIFETIME_S = 300
_TIMEOUT_S = 15
_KEPT = 200
_HIDDEN = "(not shown)"


class ServiceUnavailable(Exception):  # noqa: N818 it says what is wrong
    """The service does not answer as a CDS service; the message is for the reader of the page."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer, as the viewer shows it: without tokens. `status` is `None` where nobody answered."""

    id: str
    hook: str
    patient: str
    url: str
    at: str
    claims: Mapping[str, Any]
    request: Mapping[str, Any]
    status: int | None
    response: Any
    duration_ms: int
    server_timing: str | None = None
    cards: tuple[CardView, ...] = ()


@dataclass(slots=True)
class HookClient:
    """Calls the service at `addresses.service` and remembers the last exchanges."""

    addresses: Addresses
    record: Record
    grants: Grants
    key: SigningKey
    http: httpx.AsyncClient
    clock: Callable[[], datetime]
    exchanges: dict[str, Exchange] = field(default_factory=dict)

    async def discovery(self) -> list[dict[str, Any]]:
        """Ask the service what it offers; raise `ServiceUnavailable`."""
        url = f"{self.addresses.service}/cds-services"
        try:
            answer = await self.http.get(url, headers=self._headers(url)[0], timeout=_TIMEOUT_S)
            services = answer.raise_for_status().json()["services"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as fault:
            raise ServiceUnavailable("The service did not answer its discovery.") from fault
        return [service for service in services if isinstance(service, dict) and {"id", "hook"} <= service.keys()]

    async def call(
        self, hook: str, patient: str, *, mode: PrefetchMode, context: Mapping[str, Any] | None = None
    ) -> list[Exchange]:
        """Call every service of `hook` for a patient; raise `ServiceUnavailable` where discovery fails."""
        services = [service for service in await self.discovery() if service["hook"] == hook]
        return [await self._call(service, hook, patient, mode=mode, context=context or {}) for service in services]

    async def feedback(self, exchange: Exchange, entry: Mapping[str, Any]) -> Exchange:
        """Tell the service what became of a card."""
        now = self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = {"feedback": [{**entry, "outcomeTimestamp": now}]}
        return await self._post("feedback", exchange.patient, f"{exchange.url}/feedback", body, body)

    def card(self, exchange_id: str, card_id: str) -> tuple[Exchange, CardView] | None:
        """Give a card that was shown, with its exchange."""
        exchange = self.exchanges.get(exchange_id)
        card = next((card for card in exchange.cards if card.id == card_id), None) if exchange else None
        return (exchange, card) if exchange and card else None

    async def _call(
        self, service: Mapping[str, Any], hook: str, patient: str, *, mode: PrefetchMode, context: Mapping[str, Any]
    ) -> Exchange:
        plain = {"userId": USER, "patientId": patient}
        body: dict[str, Any] = {
            "hook": hook,
            "hookInstance": str(uuid.uuid4()),
            "context": {**plain, **context},
        }
        if mode is not PrefetchMode.CLOSED:
            token = self.grants.issue_service_token(
                client_id=SERVICE_CLIENT_ID, scope=SERVICE_SCOPE, context=Context(patient, USER)
            )
            body["fhirServer"] = self.addresses.fhir
            body["fhirAuthorization"] = {
                "access_token": token,
                "token_type": BEARER,
                "expires_in": self.grants.seconds_left(token),
                "scope": SERVICE_SCOPE,
                "subject": SERVICE_CLIENT_ID,
                "patient": patient,
            }
        prefetch = evaluate(service.get("prefetch", {}), context=plain, record=self.record, mode=mode)
        if prefetch is not None:
            body["prefetch"] = prefetch
        shown = dict(body)
        if "fhirAuthorization" in shown:
            shown["fhirAuthorization"] = {**shown["fhirAuthorization"], "access_token": _HIDDEN}
        url = f"{self.addresses.service}/cds-services/{service['id']}"
        return await self._post(hook, patient, url, body, shown)

    async def _post(
        self, hook: str, patient: str, url: str, body: Mapping[str, Any], shown: Mapping[str, Any]
    ) -> Exchange:
        headers, claims = self._headers(url)
        started = time.perf_counter()
        status, timing, content = None, None, None
        try:
            answer = await self.http.post(url, json=body, headers=headers, timeout=_TIMEOUT_S)
            status, timing = answer.status_code, answer.headers.get("server-timing")
            content = answer.json() if answer.content else None
        except httpx.HTTPError:
            content = "The service did not answer."
        except json.JSONDecodeError:
            content = "The answer is not JSON."
        cards = content.get("cards") if status == httpx.codes.OK and isinstance(content, dict) else None
        exchange = Exchange(
            id=uuid.uuid4().hex[:12],
            hook=hook,
            patient=patient,
            url=url,
            at=self.clock().isoformat(timespec="seconds"),
            claims=claims,
            request=shown,
            status=status,
            response=content,
            duration_ms=round((time.perf_counter() - started) * 1000),
            server_timing=timing,
            cards=view_cards(cards, app_origin=self.addresses.service),
        )
        self._remember(exchange)
        return exchange

    def _headers(self, url: str) -> tuple[dict[str, str], dict[str, Any]]:
        now_s = int(self.clock().timestamp())
        claims = {
            "iss": self.addresses.issuer,
            "aud": url,
            "iat": now_s,
            "exp": now_s + _JWT_LIFETIME_S,
            "jti": str(uuid.uuid4()),
        }
        token = self.key.sign(claims, headers={"jku": self.addresses.jwks})
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}, claims

    def _remember(self, exchange: Exchange) -> None:
        while len(self.exchanges) >= _KEPT:
            del self.exchanges[next(iter(self.exchanges))]
        self.exchanges[exchange.id] = exchange


def order_context(drafts: Sequence[Resource], selected: Sequence[Resource] | None) -> dict[str, Any]:
    """Give what the order hooks add to the context; `selected` (order-select only) are among the drafts."""
    context: dict[str, Any] = {
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": draft} for draft in drafts],
        }
    }
    if selected is not None:
        context["selections"] = [f"{draft['resourceType']}/{draft['id']}" for draft in selected]
    return context
