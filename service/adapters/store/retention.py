"""How long the store keeps what it holds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from service.adapters.store.app_schema import app_records, local_facts, mdt_decisions
from service.adapters.store.patience import patiently
from service.adapters.store.schema import feedback, issued_cards, later_treatments, token_ids
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_EVERY_S = 3600.0
_LOCK = 0x70757267
"""The key of the advisory lock on PostgreSQL: any number but that of the migrations."""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went."""

    cards: int
    feedback: int
    token_ids: int
    mdt_decisions: int = 0
    later_treatments: int = 0
    local_facts: int = 0
    app_records: int = 0


class Retention:
    """Deletes what is older than the site keeps, at the start and then every hour, by one of the workers."""

    def __init__(self, database: Database, *, days: int, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._days = days
        self._clock = clock

    @asynccontextmanager
    async def purging(self, *, every_s: float = _EVERY_S) -> AsyncIterator[None]:
        """Delete in the background while inside."""
        task = asyncio.create_task(self._purge_on(every_s))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def purge_once(self) -> Purged | None:
        """Delete now; `None` where another worker is at it. Raises `StoreUnavailable`."""
        now = self._clock()
        found = await self._database.write(partial(self._purge_alone, now=now))
        if found is not None:
            structlog.get_logger().info("purged", **{kind: rows for kind, rows in asdict(found).items() if rows})
        return found

    async def _purge_on(self, every_s: float) -> None:
        while True:
            # The store logs its own failures; the next round tries again.
            with suppress(StoreUnavailable):
                await self.purge_once()
            await asyncio.sleep(every_s)

    def _purge_alone(self, connection: Connection, *, now: datetime) -> Purged | None:
        if not self._database.is_sqlite:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            lock = sa.text("SELECT pg_try_advisory_xact_lock(:key)")
            if not connection.execute(lock, {"key": _LOCK}).scalar_one():
                return None
        with patiently():
            return _purge(connection, before=now - timedelta(days=self._days), now=now)


def _purge(connection: Connection, *, before: datetime, now: datetime) -> Purged:
    """Delete what was kept before a moment, and ids of expired tokens, sessions and launches.

    That is cards, feedback, decisions of MDTs, facts that an EHR did not take, and treatments of patients who have no
    card left: without them a treatment that is seen again would look new.
    """

    def gone(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
        return connection.execute(sa.delete(table).where(*conditions)).rowcount

    second = int(now.timestamp())
    cards = gone(issued_cards, issued_cards.c.issued_at < before)
    followed = sa.select(issued_cards.c.subject).where(issued_cards.c.subject.is_not(None))
    return Purged(
        cards,
        gone(feedback, feedback.c.received_at < before),
        gone(token_ids, token_ids.c.expires_at < second),
        mdt_decisions=gone(mdt_decisions, mdt_decisions.c.recorded_at < before),
        later_treatments=gone(
            later_treatments, later_treatments.c.seen_at < before, later_treatments.c.subject.not_in(followed)
        ),
        local_facts=gone(local_facts, local_facts.c.written_at < before),
        app_records=gone(app_records, app_records.c.expires_at <= second),
    )
