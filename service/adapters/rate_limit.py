"""How much one client may ask: a token bucket for its calls, a counter for those that run at once.

The counts are of one process: with several workers a client has its share in each. `Limiter` is the seam where a
shared count (in the store, or at the proxy in front) takes its place.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from service.adapters.clients import Clients

_BURST_S = 10.0
"""A client that was quiet may send this many seconds' worth of calls at once: charts are opened in bursts."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one client may do."""

    per_minute: int = 600
    at_once: int = 16


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


class ProcessLimiter:
    """The limits of one process; callers without a token share one allowance."""

    def __init__(self, clients: Clients, *, clock: Callable[[], float], nobody: Allowance | None = None) -> None:
        """`clock` counts seconds and never goes back."""
        self._clients = clients
        self._clock = clock
        self._nobody = nobody or Allowance()
        self._used: dict[str | None, _Use] = {}

    @contextmanager
    def admit(self, issuer: str | None) -> Iterator[None]:
        """Count a call of `issuer` while it is inside; raise `TooManyRequests` where it is one too many."""
        client = self._clients.get(issuer)
        allowance = Allowance(client.requests_per_minute, client.concurrent_requests) if client else self._nobody
        use = self._count(issuer if client else None, allowance)
        use.running += 1
        try:
            yield
        finally:
            use.running -= 1

    def _count(self, key: str | None, allowance: Allowance) -> _Use:
        now = self._clock()
        per_second = allowance.per_minute / 60
        most = max(1.0, per_second * _BURST_S)
        use = self._used.setdefault(key, _Use(most, now))
        use.left = min(most, use.left + (now - use.at) * per_second)
        use.at = now
        if use.running >= allowance.at_once:
            raise TooManyRequests(retry_after_s=1)
        if use.left < 1:
            raise TooManyRequests(retry_after_s=math.ceil((1 - use.left) / per_second))
        use.left -= 1
        return use
