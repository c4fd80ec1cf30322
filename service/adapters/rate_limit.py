"""How much one client may ask: a token bucket for its calls, a counter for those that run at once.

Each process counts for itself and never waits. Where processes share a store, each tells it behind the answers what it
let in, and learns from it what the others did (`SharedLimiter`).
"""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from service.adapters.clients import CONCURRENT_REQUESTS, REQUESTS_PER_MINUTE
from service.errors import StoreUnavailable, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from service.adapters.clients import Clients

_BURST_S = 10.0
"""A client that was quiet may send this many seconds' worth of calls at once: charts are opened in bursts."""
_FULL_AFTER_S = 180.0
"""Seconds after which any bucket is full again: what is owed is at most two minutes, and a burst."""
_MOST_BUCKETS = 10_000
_SETTLE_EVERY_S = 0.1
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one client may do."""

    per_minute: int = REQUESTS_PER_MINUTE
    at_once: int = CONCURRENT_REQUESTS

    @property
    def per_second(self) -> float:
        """The rate at which its bucket fills."""
        return self.per_minute / 60

    @property
    def most(self) -> float:
        """The calls that a full bucket holds."""
        return max(1.0, self.per_second * _BURST_S)


class Limiter(Protocol):
    """Lets calls in, or not."""

    def admit(self, issuer: str | None) -> AbstractContextManager[None]:
        """Count a call of `issuer` while it is inside; raise `TooManyRequests` where it is one too many."""
        ...


@dataclass(slots=True)
class _Use:
    """What one client did: calls left in its bucket when last looked at, and calls that run."""

    left: float
    at: float
    running: int = 0


class Buckets:
    """Token buckets by name; those that are full and idle are forgotten when there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds and never goes back."""
        self._clock = clock
        self._used: dict[Hashable, _Use] = {}

    @contextmanager
    def admit(self, bucket: Hashable, allowance: Allowance) -> Iterator[None]:
        """Count a call while it is inside; raise `TooManyRequests` where it is one too many."""
        use = self._filled(bucket, allowance)
        if use.running >= allowance.at_once:
            raise TooManyRequests(retry_after_s=1)
        if use.left < 1:
            raise TooManyRequests(retry_after_s=math.ceil((1 - use.left) / allowance.per_second))
        use.left -= 1
        use.running += 1
        try:
            yield
        finally:
            use.running -= 1

    def lower(self, bucket: Hashable, allowance: Allowance, left: float) -> None:
        """Let no more than `left` calls be in a bucket now; below 0 they are owed."""
        use = self._filled(bucket, allowance)
        use.left = min(use.left, left)

    def _filled(self, bucket: Hashable, allowance: Allowance) -> _Use:
        now = self._clock()
        use = self._used.get(bucket)
        if use is None:
            if len(self._used) >= _MOST_BUCKETS:
                self._forget(now)
            use = self._used[bucket] = _Use(allowance.most, now)
        use.left = min(allowance.most, use.left + (now - use.at) * allowance.per_second)
        use.at = now
        return use

    def _forget(self, now: float) -> None:
        """Drop buckets that nobody took from for longer than they take to fill: new ones are as good."""
        idle = [bucket for bucket, use in self._used.items() if not use.running and now - use.at > _FULL_AFTER_S]
        for bucket in idle:
            del self._used[bucket]


class ProcessLimiter:
    """The limits of one process; callers without a token share one allowance."""

    def __init__(self, clients: Clients, *, clock: Callable[[], float], nobody: Allowance | None = None) -> None:
        """`clock` counts seconds and never goes back."""
        self._allowances: Mapping[str | None, Allowance] = {
            client.issuer: Allowance(client.requests_per_minute, client.concurrent_requests) for client in clients
        }
        self._nobody = nobody or Allowance()
        self._buckets = Buckets(clock)

    def admit(self, issuer: str | None) -> AbstractContextManager[None]:
        """Count a call of `issuer` while it is inside; raise `TooManyRequests` where it is one too many."""
        return self._buckets.admit(*self.bucket(issuer))

    def bucket(self, issuer: str | None) -> tuple[str | None, Allowance]:
        """Give the name of the bucket that calls of `issuer` are taken from (`None`: nobody's), and its allowance."""
        allowance = self._allowances.get(issuer)
        return (None, self._nobody) if allowance is None else (issuer, allowance)

    def lower(self, bucket: str | None, left: float) -> None:
        """Let no more than `left` calls be in a bucket now; below 0 they are owed."""
        self._buckets.lower(*self.bucket(bucket), left)


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls that a process let in and has not told the others yet."""

    calls: int
    allowance: Allowance


class SharedCounts(Protocol):
    """Where all processes meet."""

    async def settle(self, spent: Mapping[str | None, Spent]) -> dict[str | None, float]:
        """Take calls from the shared buckets; give what is left in each, below 0 where more was let in than it held.

        Raises `StoreUnavailable`; then nothing was taken.
        """
        ...


class SharedLimiter:
    """The rate of all processes together: admitted by the own bucket, settled with the shared one behind the answer.

    No call waits for the store. Until processes have heard of each other, at the latest a tenth of a second and one
    write to the store after a call, each lets in what its own bucket holds. What all of them let in too much is owed:
    nobody is let in before the shared bucket has filled up again, so that the rate holds over any longer time. While
    the store fails, each process limits by its own bucket; what it let in meanwhile is forgiven. Calls that run at
    once are counted by each process: they protect it, not the others.
    """

    def __init__(
        self,
        own: ProcessLimiter,
        counts: SharedCounts,
        *,
        alone: Callable[[bool], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`alone` is told where the store fails (true), and where it is back."""
        self._own = own
        self._counts = counts
        self._alone = alone
        self._pause = pause
        self._is_alone = False
        self._spent: dict[str | None, Spent] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def admit(self, issuer: str | None) -> Iterator[None]:
        """Count a call of `issuer` while it is inside; raise `TooManyRequests` where it is one too many."""
        with self._own.admit(issuer):
            self._spend(*self._own.bucket(issuer))
            yield

    async def settled(self) -> None:
        """Wait until every call that was let in is settled or forgiven."""
        if self._task is not None:
            await self._task

    def _spend(self, bucket: str | None, allowance: Allowance) -> None:
        before = self._spent.get(bucket)
        self._spent[bucket] = Spent((before.calls if before else 0) + 1, allowance)
        if self._task is None or self._task.done():
            # It works for all requests, and is no part of the one that came first.
            self._task = asyncio.create_task(self._settle_on(), context=Context())

    async def _settle_on(self) -> None:
        while self._spent:
            spent, self._spent = self._spent, {}
            try:
                left = await self._counts.settle(spent)
            except StoreUnavailable:
                self._tell(is_alone=True)
                await self._pause(_RETRY_S)
                continue
            self._tell(is_alone=False)
            for bucket, calls in left.items():
                since = self._spent.get(bucket)
                self._own.lower(bucket, calls - (since.calls if since else 0))
            await self._pause(_SETTLE_EVERY_S)

    def _tell(self, *, is_alone: bool) -> None:
        if is_alone != self._is_alone:
            self._is_alone = is_alone
            self._alone(is_alone)
            structlog.get_logger().warning("rate_limits_of_one_process" if is_alone else "rate_limits_shared_again")
