"""What cards said, kept behind the answer: a bounded queue that is written in batches and emptied at shutdown."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from service.adapters.store.schema import NOBODY, columns_of, issued_cards, later_treatments
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_BATCH = 500
_GATHER_S = 0.5
"""Seconds in which cards gather for one write: each makes the call beside it wait, so that fewer are better."""
_RETRY_S = 1.0
_LAST_WRITE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCard:
    """One card as it was sent: codes and versions, nothing of the patient.

    `strategy` is `undetermined` for an open answer and absent for cards about an order; `missing` are the facts that
    left an answer open; `silent` cards were computed and not shown. `subject` is the pseudonym of the patient, where
    the site keeps one.
    """

    card: str
    service: str
    issuer: str | None
    strategy: str | None
    next_step: str | None
    rows: tuple[str, ...]
    statements: tuple[str, ...]
    advisories: tuple[str, ...]
    missing: tuple[str, ...]
    knowledge_id: str
    knowledge_version: str
    policy: str
    issued_at: datetime
    silent: bool = False
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class SeenTreatment:
    """What the chart of a pseudonym showed as done; the first time that it was seen is kept."""

    subject: str
    treatment: str
    seen_at: datetime


class IssuedCards:
    """The queue. A store that is down costs no answer: cards wait, and past the capacity the newest are dropped."""

    def __init__(self, database: Database, *, capacity: int = 10_000) -> None:
        self._database = database
        self._capacity = capacity
        self._waiting: deque[IssuedCard | SeenTreatment] = deque()
        self._arrived = asyncio.Event()
        self._flushing = asyncio.Lock()
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How much is not written yet."""
        return len(self._waiting)

    def put(self, items: Iterable[IssuedCard | SeenTreatment]) -> None:
        """Take cards, and treatments seen, for writing; never waits, never raises."""
        for item in items:
            if len(self._waiting) >= self._capacity:
                self.dropped += 1
                continue
            self._waiting.append(item)
            self._arrived.set()

    async def flush(self) -> None:
        """Write what waits now; raise `StoreUnavailable` where it stays waiting.

        What comes meanwhile waits for the next time: under load each write would else take a card or two.
        """
        async with self._flushing:
            left = len(self._waiting)
            while left > 0:
                batch = list(islice(self._waiting, min(_BATCH, left)))
                left -= len(batch)
                await self._database.write_lightly(partial(self._insert, items=batch))
                for _ in batch:
                    self._waiting.popleft()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write in the background while inside; what waits on leaving is written first."""
        task = asyncio.create_task(self._write_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self._write_last()

    async def _write_on(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await asyncio.sleep(_GATHER_S)
            try:
                await asyncio.shield(self.flush())
            except StoreUnavailable:
                self._arrived.set()
                await asyncio.sleep(_RETRY_S)

    async def _write_last(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WRITE_S):
                while self._waiting:
                    await self.flush()
        except (StoreUnavailable, TimeoutError):
            self.dropped += len(self._waiting)
            structlog.get_logger().error("issued_cards_lost", count=len(self._waiting))

    def _insert(self, connection: Connection, *, items: list[IssuedCard | SeenTreatment]) -> None:
        cards = [
            {**columns_of(item), "issuer": item.issuer or NOBODY} for item in items if isinstance(item, IssuedCard)
        ]
        # In one order everywhere: two writers that wait for each other's rows would be a deadlock.
        seen = sorted(
            (columns_of(item) for item in items if isinstance(item, SeenTreatment)),
            key=lambda row: (row["subject"], row["treatment"]),
        )
        for table, rows in ((issued_cards, cards), (later_treatments, seen)):
            if rows:
                connection.execute(self._database.insert(table).on_conflict_do_nothing(), rows)
