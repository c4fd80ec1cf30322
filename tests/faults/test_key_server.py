"""The key server of an EHR behind a network that fails: known keys go on working, unknown ones are refused in time."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.adapters.clients import Client
from service.adapters.jwks import FRESH_S, RETRY_S, CachedKeySets
from service.adapters.outbound import Outbound
from tests.adapters.servers import Answer, Server
from tests.adapters.tokens import BASE, ISSUER, KEYS, NOW, PATH, token
from tests.faults.proxy import Fault, Proxy
from tests.faults.test_database import bring_up_to_date
from tests.hooks.serving import chart, clients_file, message, prefetch_of, served
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

REQUEST = json.dumps(message(prefetch=prefetch_of(chart("V01"))))
READING_S = 2.0
"""What one reading of a key set may take."""
ALLOWED_S = READING_S + 1.0


def key_server() -> Server:
    return Server(lambda _: Answer(200, KEYS, {"Content-Type": "application/json"}))


def settings(folder: Path, proxy: Proxy) -> dict[str, Any]:
    ehr = {"issuer": ISSUER, "jwks_url": f"{proxy.url}/jwks", "allow_private_addresses": True}
    return {
        "auth": "required",
        "public_base_url": BASE,
        "clients": clients_file(folder, ehr),
        "deadline_s": 30.0,
        "clock": lambda: NOW,
    }


async def post(client: CheckedClient, key_id: str = "ec") -> httpx.Response:
    """Call with a token of its own, in time."""
    text = token(claims={"jti": str(uuid4())}, header={"jku": ..., "kid": key_id})
    headers = {"content-type": "application/json", "authorization": f"Bearer {text}"}
    watch = Stopwatch()
    answer = await client.request("POST", PATH, content=REQUEST, headers=headers)
    assert watch.seconds() < ALLOWED_S
    return answer


@pytest.mark.parametrize("fault", Fault)
async def test_keys_that_were_read_go_on_working(tmp_path: Path, fault: Fault) -> None:
    with key_server() as keys, Proxy(keys.port) as proxy:
        async with served(tmp_path, **settings(tmp_path, proxy)) as client:
            before = await post(client)
            with proxy.failing(fault):
                during = await post(client)
    assert [(answer.status_code, len(answer.json()["cards"])) for answer in (before, during)] == [(200, 1)] * 2


async def test_without_keys_each_token_is_refused_in_time_also_of_many_at_once(tmp_path: Path) -> None:
    # The start of one service is no part of the time that another one's calls take.
    started = asyncio.Barrier(len(Fault))

    async def statuses(fault: Fault, folder: Path, proxy: Proxy) -> list[int]:
        async with served(folder, **settings(folder, proxy)) as client:
            await started.wait()
            with proxy.failing(fault):
                answers = await asyncio.gather(*(post(client) for _ in range(5)))
        assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
        return [answer.status_code for answer in answers]

    with ExitStack() as stack:
        ways = []
        for number, fault in enumerate(Fault):
            (tmp_path / str(number)).mkdir()
            bring_up_to_date(f"sqlite:///{tmp_path / str(number) / 'store.sqlite3'}")
            proxy = stack.enter_context(Proxy(stack.enter_context(key_server()).port))
            ways.append((fault, tmp_path / str(number), proxy))
        found = await asyncio.gather(*(statuses(*way) for way in ways))
    assert found == [[401] * 5] * len(Fault)


async def test_keys_are_had_again_some_seconds_after_the_way_is_mended() -> None:
    async def story(fault: Fault) -> list[bool]:
        now = [0.0]
        outbound = Outbound()
        with key_server() as keys, Proxy(keys.port) as proxy:
            client = Client(issuer=ISSUER, jwks_url=f"{proxy.url}/jwks", allow_private_addresses=True)
            sets = CachedKeySets(outbound, clock=lambda: now[0])
            with proxy.failing(fault):
                without = await sets.find(client, "ec")
            at_once = await sets.find(client, "ec")
            now[0] += RETRY_S
            later = await sets.find(client, "ec")
            now[0] += FRESH_S + 1
            with proxy.failing(fault):
                kept = await sets.find(client, "ec")
            await outbound.aclose()
        return [key is not None for key in (without, at_once, later, kept)]

    found = await asyncio.gather(*(story(fault) for fault in Fault))
    assert found == [[False, False, True, True]] * len(Fault)
