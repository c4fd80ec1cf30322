"""How the load is driven: as much as goes, or so many calls a second whatever comes back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.mix import Call, Mix
    from tests.soak.wire import Lines

_MOST_OPEN = 1000
"""Calls that may be under way; more would measure this program."""
_REFUSED = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: when it was due (seconds since its phase began), how much later it was sent, how long it took, its end.

    Calls do not wait for each other: what is sent late is late because this program, not the service, had no processor.
    """

    at: float
    late: float
    seconds: float
    kind: str
    status: int
    retry_after: bool

    @property
    def is_answered(self) -> bool:
        return self.status == 200

    @property
    def is_refused(self) -> bool:
        """Whether it was refused as it should be: with a word on when to come again."""
        return self.status in _REFUSED and self.retry_after

    @property
    def is_timeout(self) -> bool:
        """Whether it was given up at its deadline, and said so."""
        return self.status == 504 and self.retry_after

    @property
    def is_fault(self) -> bool:
        return not (self.is_answered or self.is_refused or self.is_timeout)


@dataclass
class Driver:
    """Sends calls of a mix; `acknowledged` are the cards whose feedback was taken."""

    lines: Lines
    mix: Mix
    tick: Callable[[float, list[Sample]], None]
    acknowledged: set[str] = field(default_factory=set)

    async def capacity(self, *, seconds: float, callers: int) -> float:
        """Give the answers a second of callers that never pause."""
        samples: list[Sample] = []
        begin = time.perf_counter()

        async def call_on() -> None:
            while time.perf_counter() - begin < seconds:
                await self._one(self.mix.next(), time.perf_counter(), begin, samples)

        await asyncio.gather(*(call_on() for _ in range(callers)), self._ticking(begin, seconds, samples))
        return sum(sample.is_answered for sample in samples) / (time.perf_counter() - begin)

    async def steadily(self, *, rate: float, seconds: float) -> list[Sample]:
        """Send `rate` calls a second at random moments, whatever comes back."""
        samples: list[Sample] = []
        begin = due = time.perf_counter()
        ticking = asyncio.create_task(self._ticking(begin, seconds, samples))
        under_way: set[asyncio.Task[None]] = set()
        while (due := due + self.mix.rng.expovariate(rate)) - begin < seconds:
            # Made ahead, so that its signature costs the call no time.
            call = self.mix.next()
            # Also where it is late: the answers have to be read.
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if len(under_way) >= _MOST_OPEN:
                samples.append(Sample(due - begin, 0.0, 0.0, call.kind, 0, retry_after=False))
                continue
            task = asyncio.create_task(self._one(call, due, begin, samples))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        ticking.cancel()
        return samples

    async def _one(self, call: Call, due: float, begin: float, samples: list[Sample]) -> None:
        sent = time.perf_counter()
        answer = await self.lines.ask(call.request)
        spent = time.perf_counter() - sent
        samples.append(Sample(due - begin, sent - due, spent, call.kind, answer.status, answer.retry_after))
        if answer.status != 200:
            return
        if call.card is not None:
            self.acknowledged.add(call.card)
        else:
            self.mix.learn(answer.body)

    async def _ticking(self, begin: float, seconds: float, samples: list[Sample]) -> None:
        while (passed := time.perf_counter() - begin) < seconds:
            self.tick(passed, samples)
            await asyncio.sleep(min(0.5, max(0.01, seconds - passed)))
