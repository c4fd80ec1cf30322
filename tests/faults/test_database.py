"""PostgreSQL behind a network that fails: no card is lost, all that is acknowledged is kept, readiness is true."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from service.adapters.store import patience, report
from service.adapters.store.database import Database
from service.adapters.store.migrate import migrate
from service.adapters.store.report import read_report_beside
from service.adapters.store.schema import feedback, issued_cards
from service.errors import StoreUnavailable
from tests.adapters.tokens import BASE, ISSUER, KEYS, NOW, PATH, token
from tests.faults.proxy import Fault, Proxy
from tests.hooks.serving import chart, clients_file, message, prefetch_of, served, without_ids
from tests.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import httpx

    from tests.checked_client import CheckedClient

REQUEST = json.dumps(message(prefetch=prefetch_of(chart("V01"))))
PATIENCE_S = 2.0
"""What one answer of the database may take."""
ALLOWED_S = PATIENCE_S + 2.3
DEADLINE_S = 10.0
"""Far above it: the deadline goes by the clock, and a busy machine would end calls that wait for nothing."""
RECOVERY_S = 10.0
RETRY_LATER = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass
class Site:
    """One service with its store behind a proxy, and what it said."""

    client: CheckedClient
    shown: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)

    async def timed(self, method: str, path: str, **options: Any) -> httpx.Response:
        watch = Stopwatch()
        answer = await self.client.request(method, path, **options)
        assert watch.seconds() < ALLOWED_S
        return answer

    async def call(self, text: str | None) -> Any:
        """Call a hook, with a token or none; give the cards without ids, or the status."""
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {text}"} if text else {})}
        answer = await self.timed("POST", PATH, content=REQUEST, headers=headers)
        if answer.status_code != HTTPStatus.OK:
            return answer.status_code
        cards = answer.json()["cards"]
        self.shown |= {card["uuid"] for card in cards}
        return without_ids(cards)

    async def give_feedback(self) -> int:
        card = str(uuid4())
        entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T18:49:38Z"}
        body = json.dumps({"feedback": [entry]})
        headers = {"content-type": "application/json"}
        answer = await self.timed("POST", f"{PATH}/feedback", content=body, headers=headers)
        if answer.status_code == HTTPStatus.OK:
            self.acknowledged.add(card)
        else:
            assert (answer.status_code in RETRY_LATER, answer.headers["retry-after"]) == (True, "1")
        return answer.status_code

    async def readiness(self) -> tuple[int, str]:
        answer = await self.timed("GET", "/health/ready")
        body = answer.json()
        return answer.status_code, body["issue"][0]["diagnostics"] if "issue" in body else body["status"]

    async def becomes_ready(self) -> None:
        """Wait until it is ready and takes feedback."""
        async with asyncio.timeout(RECOVERY_S):
            # Nobody announces it.
            while await self.readiness() != (200, "ready") or await self.give_feedback() != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@asynccontextmanager
async def site(folder: Path, store_url: str, **settings: Any) -> AsyncIterator[Site]:
    (folder / "keys.json").write_bytes(KEYS)
    clients = clients_file(folder, {"issuer": ISSUER, "jwks_file": "keys.json"})
    told = {"auth": "optional", "public_base_url": BASE, "clients": clients, "deadline_s": DEADLINE_S, **settings}
    async with served(folder, database_url=store_url, fetch_budget_s=1.0, **{"clock": lambda: NOW, **told}) as client:
        yield Site(client)


def fresh_token() -> str:
    return token(claims={"jti": str(uuid4())}, header={"jku": ...})


def column(store_url: str, wanted: sa.Column[Any]) -> set[str]:
    database = Database(store_url)
    try:
        return set(database.read_now(lambda connection: connection.execute(sa.select(wanted)).scalars()))
    finally:
        database.close()


def bring_up_to_date(store_url: str) -> None:
    database = Database(store_url)
    migrate(database)
    database.close()


async def live_through(found: Site, failing: Callable[[], Any], *, unready: str) -> None:
    """Ask everything before, during and after a loss of the store, where a token may be sent."""
    whole = await found.call(None)
    assert len(whole) == 1
    assert await found.call(fresh_token()) == whole
    await found.becomes_ready()
    with failing():
        assert await found.give_feedback() in RETRY_LATER
        token = fresh_token()
        answers = await asyncio.gather(found.call(None), found.call(token), found.give_feedback(), found.readiness())
        assert (answers[0], answers[1]) == (whole, whole)
        assert answers[2] in RETRY_LATER
        assert answers[3] == (503, unready)
    await found.becomes_ready()
    assert await found.call(fresh_token()) == whole


async def stay_closed_through(found: Site, failing: Callable[[], AbstractContextManager[None]]) -> None:
    """Ask before, during and after a loss of the store, where a token is required: nobody is believed unrecorded."""
    token, late = fresh_token(), fresh_token()
    whole = await found.call(token)
    assert len(whole) == 1
    with failing():
        assert [await found.call(text) for text in (None, token, late)] == [401, 401, 503]
    async with asyncio.timeout(RECOVERY_S):
        while await found.readiness() != (200, "ready"):  # noqa: ASYNC110  nobody announces it
            await asyncio.sleep(0.05)
    assert [await found.call(text) for text in (late, late, token)] == [whole, 401, 401]


async def test_a_network_that_fails_before_postgresql_costs_no_card(
    tmp_path: Path, postgresql_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "LIMIT_S", PATIENCE_S)
    port = int(postgresql_server.rpartition(":")[2])

    async def story(fault: Fault) -> None:
        folder, name = tmp_path / fault.name, f"fault_{fault.name.lower()}"
        folder.mkdir()
        with Proxy(port, half=20) as proxy:
            async with site(folder, f"postgresql://crlm@127.0.0.1:{proxy.port}/{name}") as found:
                await live_through(found, lambda: proxy.failing(fault), unready="the store does not answer")
        kept = f"{postgresql_server}/{name}"
        assert found.acknowledged <= column(kept, feedback.c.card)
        assert found.shown == column(kept, issued_cards.c.card)

    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        for fault in Fault:
            connection.execute(f"CREATE DATABASE fault_{fault.name.lower()}")
            # One after the other: Alembic migrates one store of a process at a time.
            bring_up_to_date(f"{postgresql_server}/fault_{fault.name.lower()}")
    await asyncio.gather(*(story(fault) for fault in Fault))


async def test_a_report_is_not_waited_for_for_ever(postgresql_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "ANSWER_S", 0.2)
    with Proxy(int(postgresql_server.rpartition(":")[2])) as proxy:
        database = Database(f"postgresql://crlm@127.0.0.1:{proxy.port}/postgres")
        try:
            migrate(database)
            assert (await read_report_beside(database, since=None, until=None)).total.issued == 0
            with proxy.failing(Fault.BLACK_HOLE):
                async with asyncio.timeout(RECOVERY_S):
                    with pytest.raises(StoreUnavailable):
                        await read_report_beside(database, since=None, until=None)
        finally:
            database.close()


async def test_a_standby_that_only_reads_costs_no_card_and_is_not_ready(tmp_path: Path, postgresql_server: str) -> None:
    url = f"{postgresql_server}/standby"
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE standby")

        class Failing:
            """Make the database take no writes, for new and for old connections."""

            def __enter__(self) -> None:
                connection.execute("ALTER DATABASE standby SET default_transaction_read_only = on")
                self._end_all()

            def __exit__(self, *_: object) -> None:
                connection.execute("ALTER DATABASE standby SET default_transaction_read_only = off")
                self._end_all()

            def _end_all(self) -> None:
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'standby'")

        async with site(tmp_path, url) as found:
            await live_through(found, Failing, unready="the store takes no writes")
        async with site(tmp_path, url, auth="required") as closed:
            await stay_closed_through(closed, Failing)
    assert found.acknowledged <= column(url, feedback.c.card)
    assert found.shown | closed.shown == column(url, issued_cards.c.card)
