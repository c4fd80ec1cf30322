"""Rate limits that several processes share, on both kinds of store."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from service.adapters.clients import Client, Clients
from service.adapters.rate_limit import Allowance, ProcessLimiter, SharedLimiter, Spent
from service.adapters.store.database import Database
from service.adapters.store.rate_limits import StoredRateLimits
from service.errors import StoreUnavailable, TooManyRequests
from service.samples.patient_view import sample_request
from tests.adapters.store.replicas import replica
from tests.adapters.tokens import EC_KEY, ISSUER, SERVICE, jwk, key_set, token
from tests.hooks.serving import clients_file
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EHR, OTHER = "https://ehr.example.org", "https://other.example.org"
SLOW = Allowance(per_minute=30)
QUICK = Allowance(per_minute=600)
"""A bucket of five calls that gains one in two seconds."""
PATH = f"/cds-services/{SERVICE}"


class Watch:
    """How many calls a bucket can have gained at most since the start of a test."""

    def __init__(self, allowance: Allowance) -> None:
        self._rate = allowance.per_second
        self._start = time.monotonic()

    def at_most(self, calls: float) -> float:
        return calls + self._rate * (time.monotonic() - self._start) + 0.01


def between(low: float, found: float, high: float) -> bool:
    return low - 0.01 <= found <= high


async def test_two_processes_take_from_one_bucket(store_url: str, database: Database) -> None:
    watch, second = Watch(SLOW), Database(store_url)
    try:
        mine, others = StoredRateLimits(database), StoredRateLimits(second)
        left = [(await counts.settle({EHR: Spent(calls, SLOW)}))[EHR] for counts, calls in ((mine, 2), (others, 2))]
        assert [between(low, found, watch.at_most(low)) for low, found in zip((3, 1), left, strict=True)] == [True] * 2
        owed = (await mine.settle({EHR: Spent(4, SLOW)}))[EHR]
        assert between(-3, owed, watch.at_most(-3))
    finally:
        second.close()


async def test_clients_have_a_bucket_each_and_nobody_has_one(database: Database) -> None:
    watch = Watch(SLOW)
    left = await StoredRateLimits(database).settle({EHR: Spent(1, SLOW), OTHER: Spent(3, SLOW), None: Spent(5, SLOW)})
    assert {bucket: between(5 - taken, left[bucket], watch.at_most(5 - taken)) for bucket, taken in TAKEN.items()} == {
        EHR: True,
        OTHER: True,
        None: True,
    }


TAKEN: Mapping[str | None, int] = {EHR: 1, OTHER: 3, None: 5}


async def test_what_is_settled_at_the_same_time_is_all_counted(store_url: str, database: Database) -> None:
    watch, second = Watch(QUICK), Database(store_url)
    try:
        stores = [StoredRateLimits(database), StoredRateLimits(second)]
        one: Mapping[str | None, Spent] = {EHR: Spent(1, QUICK), OTHER: Spent(1, QUICK)}
        await asyncio.gather(*(stores[number % 2].settle(one) for number in range(60)))
        left = await stores[0].settle({EHR: Spent(0, QUICK), OTHER: Spent(0, QUICK)})
        assert [between(40, left[issuer], watch.at_most(40)) for issuer in (EHR, OTHER)] == [True, True]
    finally:
        second.close()


async def test_nobody_owes_more_than_two_minutes(database: Database) -> None:
    watch, counts = Watch(SLOW), StoredRateLimits(database)
    for _ in range(2):
        owed = (await counts.settle({EHR: Spent(1_000, SLOW)}))[EHR]
    assert between(5 - 60, owed, watch.at_most(5 - 60))


async def test_a_store_without_tables_takes_nothing_and_says_so(store_url: str) -> None:
    empty = Database(store_url)
    try:
        with pytest.raises(StoreUnavailable):
            await StoredRateLimits(empty).settle({EHR: Spent(1, SLOW)})
    finally:
        empty.close()


async def test_what_one_process_let_in_the_other_refuses(store_url: str, database: Database) -> None:
    clients = Clients({EHR: Client(issuer=EHR, requests_per_minute=6)})
    second = Database(store_url)
    try:
        first, other = (
            SharedLimiter(
                ProcessLimiter(clients, clock=lambda: 0.0), StoredRateLimits(found), alone=list[bool]().append
            )
            for found in (database, second)
        )
        for limiter in (first, other):
            # The second has not heard of the first yet: this one is owed.
            with limiter.admit(EHR):
                pass
            await limiter.settled()
        with pytest.raises(TooManyRequests) as refused, other.admit(EHR):
            raise AssertionError
        assert 10 < refused.value.retry_after_s <= 20
    finally:
        second.close()


async def test_a_store_that_is_away_costs_no_call() -> None:
    away, states = Database("postgresql://crlm@127.0.0.1:1/x"), list[bool]()

    async def pause(_: float) -> None:
        """Pass at once."""

    try:
        own = ProcessLimiter(Clients({EHR: Client(issuer=EHR)}), clock=lambda: 0.0)
        limiter = SharedLimiter(own, StoredRateLimits(away), alone=states.append, pause=pause)
        for _ in range(3):
            with limiter.admit(EHR):
                pass
        await limiter.settled()
        assert states == [True]
    finally:
        away.close()


def test_two_servers_on_one_store_let_in_what_one_would(store_url: str, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(key_set(jwk(EC_KEY, "ec")))
    allowance = Allowance(per_minute=240)
    clients = clients_file(tmp_path, {"issuer": ISSUER, "jwks_file": "keys.json"})
    clients.write_text(clients.read_text() + f"requests_per_minute = {allowance.per_minute}\n")
    base, ports = "https://cds.example.org", [free_port(), free_port()]
    settings = {"CRLM_AUTH": "required", "CRLM_CLIENTS": str(clients), "CRLM_PUBLIC_BASE_URL": base}
    with ExitStack() as replicas:
        for port in ports:
            replicas.enter_context(replica(store_url, port, settings=settings))
        watch = Watch(allowance)
        admitted = [calls_until_refused(base, port) for port in ports]
        assert admitted[0] >= allowance.most
        # A server that counts alone would let in 40. This one hears of the others within a tenth of a second.
        assert sum(admitted) <= watch.at_most(allowance.most + 20)


def calls_until_refused(base: str, port: int) -> int:
    body, count = sample_request(datetime.now(UTC).date()), 0
    with httpx.Client(trust_env=False, timeout=30) as client:
        while True:
            now = int(datetime.now(UTC).timestamp())
            claims = {"aud": base + PATH, "iat": now, "exp": now + 300, "jti": str(uuid4())}
            headers = {
                "authorization": f"Bearer {token(claims=claims, header={'jku': ...})}",
                "content-type": "application/json",
            }
            answer = client.post(f"http://127.0.0.1:{port}{PATH}", content=body, headers=headers)
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                assert int(answer.headers["retry-after"]) >= 1
                return count
            assert answer.status_code == httpx.codes.OK
            count += 1
