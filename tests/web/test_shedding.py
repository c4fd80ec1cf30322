"""Overload: who is let in is answered, who is one too many is told at once."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.responses import Response

from service.adapters.metrics import Metrics
from service.adapters.store.database import Database
from service.adapters.store.issued_cards import IssuedCards
from service.web.measuring import counting, metrics_routes
from service.web.shedding import Shedding
from tests.checked_client import PATIENT_VIEW, CheckedClient, patient_view, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.caller import Caller
    from service.cds.messages import HookRequest
    from service.settings import Settings

MOST = 3
JSON = "application/json"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    """Give a body that does not announce its length."""
    for part in parts:
        yield part


class Held:
    """An advisor that keeps every call in work until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.in_work = 0
        self.full = asyncio.Event()

    async def advise(self, service_id: str, request: HookRequest, caller: Caller) -> bytes:
        del service_id, request, caller
        self.in_work += 1
        if self.in_work == MOST:
            self.full.set()
        await self.go.wait()
        return b'{"cards":[]}'


@asynccontextmanager
async def loaded(
    settings: Settings, calls_at_once: int = MOST
) -> AsyncIterator[tuple[CheckedClient, Held, list[asyncio.Task[Any]]]]:
    """Give a service with as many calls in work as it may have."""
    held, metrics = Held(), Metrics()
    app = small_app(
        replace(settings, calls_at_once=calls_at_once),
        advisor=held,
        observe=counting(metrics),
        pages=[metrics_routes(metrics, IssuedCards(Database("sqlite://")))],
    )
    async with CheckedClient(app) as client:
        calls = [asyncio.create_task(client.call(patient_view())) for _ in range(MOST)]
        await held.full.wait()
        try:
            yield client, held, calls
        finally:
            held.go.set()
            await asyncio.gather(*calls)


async def test_one_call_too_many_is_refused_unread_and_the_others_are_answered(settings: Settings) -> None:
    async with loaded(settings) as (client, held, calls):
        refused = await client.call(b"{ this is not read")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["issue"] == [
            {
                "severity": "error",
                "code": "throttled",
                "details": {"text": "The service is busy"},
                "diagnostics": "too many calls are in work: try again later",
            }
        ]
        assert refused.headers["access-control-allow-origin"] == "*"
        held.go.set()
        assert [(await call).status_code for call in calls] == [200] * MOST
        assert (await client.call(patient_view())).status_code == 200


async def test_somebody_at_a_browser_is_told_in_words(settings: Settings) -> None:
    async with loaded(settings) as (client, _, _):
        refused = await client.get("/review", headers={"accept": "text/html,application/xhtml+xml"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>The service is busy</h1><p>too many calls are in work: try again later</p>" in refused.text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/cds-services"])
async def test_what_is_asked_in_trouble_is_always_answered(settings: Settings, path: str) -> None:
    async with loaded(settings) as (client, _, _):
        assert (await client.get(path)).status_code == 200


async def test_a_call_that_fails_or_goes_away_makes_room_again(settings: Settings) -> None:
    async with loaded(settings) as (client, _, calls):
        calls[0].cancel()
        await asyncio.wait([calls.pop(0)])
        assert (await client.call(b"{")).status_code == 400
        assert (await client.call(b"{")).status_code == 400


async def test_shed_calls_are_counted_and_logged(settings: Settings, log_lines: list[dict[str, Any]]) -> None:
    async with loaded(settings) as (client, _, _):
        await client.request("POST", PATIENT_VIEW, content=b"{}")
        numbers = (await client.get("/metrics")).text
    assert 'crlm_calls_total{service="other",status="503"} 1.0' in numbers
    assert [(line["status"], line["problem"]) for line in log_lines if "problem" in line] == [(503, "Busy")]


async def test_somebody_who_sends_a_form_is_told_in_words(settings: Settings) -> None:
    headers = {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"}
    async with loaded(settings) as (client, _, _):
        refused = await client.request("POST", "/review/save", content=b"a=b", headers=headers)
        told = await client.request("POST", PATIENT_VIEW, content=b"{}", headers={"accept": "text/html, */*"})
    assert [one.headers["content-type"].partition(";")[0] for one in (refused, told)] == ["text/html", JSON]


async def test_a_body_that_is_too_much_beside_those_in_work_is_refused_and_makes_room_again(settings: Settings) -> None:
    body = json.dumps(patient_view()).encode()
    room = replace(settings, max_body_bytes=3 * len(body), body_bytes_at_once=4 * len(body))
    async with loaded(room, calls_at_once=9) as (client, held, calls):
        announced = await client.call(body + b" " * len(body))
        streamed = await client.request(
            "POST", PATIENT_VIEW, content=pieces(body, body), headers={"content-type": JSON}
        )
        for refused in (announced, streamed):
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.json()["issue"][0]["diagnostics"] == "too many calls are in work: try again later"
        held.go.set()
        await asyncio.gather(*calls)
        assert (await client.call(body + b" " * len(body))).status_code == 200


@pytest.mark.parametrize(("waited_s", "status"), [(0.0, 200), (1.5, 200), (1.6, 503)])
async def test_nobody_is_let_in_while_a_call_has_waited_too_long_for_its_turn(waited_s: float, status: int) -> None:
    shedding = Shedding(Response(b"{}"), most=1, most_bytes=9, waited_s=lambda: waited_s, longest_s=1.5)
    async with AsyncClient(transport=ASGITransport(shedding), base_url="http://service") as client:
        assert (await client.post(PATIENT_VIEW)).status_code == status
        assert (await client.get("/health/live")).status_code == 200
