from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from service.adapters.clients import Client, Clients
from service.adapters.rate_limit import Allowance, Limiter, ProcessLimiter, SharedLimiter, Spent
from service.errors import StoreUnavailable, TooManyRequests
from service.logs import begin_notes, note

if TYPE_CHECKING:
    from collections.abc import Mapping

EHR, OTHER = "https://ehr.example.org", "https://other.example.org"


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock, *, per_minute: int = 6, at_once: int = 2) -> ProcessLimiter:
    clients = {
        issuer: Client(issuer=issuer, requests_per_minute=per_minute, concurrent_requests=at_once)
        for issuer in (EHR, OTHER)
    }
    return ProcessLimiter(Clients(clients), clock=clock, nobody=Allowance(per_minute=per_minute, at_once=at_once))


def admitted(found: Limiter, issuer: str | None, calls: int) -> int:
    count = 0
    for _ in range(calls):
        try:
            with found.admit(issuer):
                count += 1
        except TooManyRequests:
            continue
    return count


def test_a_quiet_client_may_send_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    found = limiter(clock, per_minute=60)
    bursts = [admitted(found, EHR, 20)]
    for pause_s in (3, 0, 1000):
        clock.now += pause_s
        bursts.append(admitted(found, EHR, 20))
    assert bursts == [10, 3, 0, 10]


def test_who_is_refused_is_told_when_to_come_again() -> None:
    clock = Clock()
    found = limiter(clock, per_minute=6)
    assert admitted(found, EHR, 5) == 1
    clock.now += 2.5
    with pytest.raises(TooManyRequests) as refused, found.admit(EHR):
        raise AssertionError
    assert refused.value.retry_after_s == 8
    clock.now += 8
    assert admitted(found, EHR, 5) == 1


def test_calls_that_run_at_once_are_counted_and_let_go_even_when_they_fail() -> None:
    found = limiter(Clock(), per_minute=6000)
    with found.admit(EHR), found.admit(EHR), pytest.raises(TooManyRequests) as refused, found.admit(EHR):
        raise AssertionError
    with pytest.raises(KeyError), found.admit(EHR):
        raise KeyError
    assert [refused.value.retry_after_s, admitted(found, EHR, 3)] == [1, 3]


def test_one_client_does_not_use_up_what_another_has() -> None:
    found = limiter(Clock())
    assert [admitted(found, issuer, 5) for issuer in (EHR, OTHER, EHR, None)] == [1, 1, 0, 1]


def test_callers_that_nobody_knows_share_one_allowance() -> None:
    found = limiter(Clock())
    assert [admitted(found, issuer, 5) for issuer in (None, "https://a.example", "https://b.example")] == [1, 0, 0]


class Counts:
    """Shared buckets of five calls that gain none, which can be down, and can be slow: they wait for `go_on`."""

    def __init__(self) -> None:
        self.left: dict[str | None, float] = {}
        self.settled: list[dict[str | None, int]] = []
        self.is_down = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def settle(self, spent: Mapping[str | None, Spent]) -> dict[str | None, float]:
        self.settled.append({bucket: found.calls for bucket, found in spent.items()})
        await self.go_on.wait()
        if self.is_down:
            raise StoreUnavailable
        for bucket, found in spent.items():
            self.left[bucket] = self.left.get(bucket, 5) - found.calls
        return {bucket: self.left[bucket] for bucket in spent}


def sharing(counts: Counts, states: list[bool] | None = None, *, clock: Clock | None = None) -> SharedLimiter:
    """A process of a client that may send five calls at once, and one in two seconds."""

    async def pause(_: float) -> None:
        """Pass at once."""

    alone = [] if states is None else states
    return SharedLimiter(limiter(clock or Clock(), per_minute=30), counts, alone=alone.append, pause=pause)


async def test_no_call_waits_for_the_shared_count() -> None:
    counts = Counts()
    counts.go_on.clear()
    found = sharing(counts)
    assert admitted(found, EHR, 9) == 5
    counts.go_on.set()
    await found.settled()
    assert counts.settled == [{EHR: 5}]


async def test_what_others_let_in_is_not_let_in_again() -> None:
    counts = Counts()
    here, there = sharing(counts), sharing(counts)
    assert admitted(here, EHR, 3) == 3
    await here.settled()
    assert admitted(there, EHR, 1) == 1
    await there.settled()
    assert [admitted(there, EHR, 9), admitted(here, OTHER, 9)] == [1, 5]


async def test_what_was_let_in_too_much_is_owed() -> None:
    counts, clock = Counts(), Clock()
    here, there = sharing(counts), sharing(counts, clock=clock)
    assert [admitted(here, EHR, 9), admitted(there, EHR, 9)] == [5, 5]
    await here.settled()
    await there.settled()
    with pytest.raises(TooManyRequests) as refused, there.admit(EHR):
        raise AssertionError
    assert refused.value.retry_after_s == 12
    clock.now += 12
    assert admitted(there, EHR, 9) == 1


async def test_calls_that_come_while_the_store_writes_are_settled_next() -> None:
    counts = Counts()
    counts.go_on.clear()
    found = sharing(counts)
    assert admitted(found, EHR, 2) == 2
    await asyncio.sleep(0)
    assert admitted(found, EHR, 2) == 2
    counts.go_on.set()
    await found.settled()
    assert (counts.settled, counts.left, admitted(found, EHR, 9)) == ([{EHR: 2}, {EHR: 2}], {EHR: 1}, 1)


async def test_a_store_that_fails_costs_no_call_and_is_told_once() -> None:
    counts, states = Counts(), list[bool]()
    counts.is_down = True
    found = sharing(counts, states)
    for _ in range(2):
        assert admitted(found, EHR, 1) == 1
        await found.settled()
    assert states == [True]
    counts.is_down = False
    assert admitted(found, EHR, 1) == 1
    await found.settled()
    assert (states, counts.left, admitted(found, EHR, 9)) == ([True, False], {EHR: 4}, 2)


async def test_calls_at_once_are_counted_by_each_process() -> None:
    here, there = sharing(Counts()), sharing(Counts())
    with here.admit(EHR), here.admit(EHR), there.admit(EHR), pytest.raises(TooManyRequests), here.admit(EHR):
        raise AssertionError
    await here.settled()
    await there.settled()


async def test_a_refused_call_is_not_settled() -> None:
    counts = Counts()
    found = sharing(counts)
    assert admitted(found, EHR, 9) == 5
    await found.settled()
    assert counts.settled == [{EHR: 5}]


async def test_what_is_settled_for_all_is_no_part_of_the_request_that_came_first() -> None:
    class Noting(Counts):
        async def settle(self, spent: Mapping[str | None, Spent]) -> dict[str | None, float]:
            note(settled=len(spent))
            return await super().settle(spent)

    notes = begin_notes(request_id="first")
    found = sharing(Noting())
    assert admitted(found, EHR, 1) == 1
    await found.settled()
    assert notes == {"request_id": "first"}
