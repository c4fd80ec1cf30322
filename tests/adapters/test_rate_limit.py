from __future__ import annotations

import pytest

from service.adapters.clients import Client, Clients
from service.adapters.rate_limit import Allowance, ProcessLimiter
from service.errors import TooManyRequests

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


def admitted(found: ProcessLimiter, issuer: str | None, calls: int) -> int:
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
