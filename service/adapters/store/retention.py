"""How long the store keeps what it holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from service.adapters.store.app_schema import app_records, local_facts, mdt_decisions
from service.adapters.store.patience import waiting_up_to
from service.adapters.store.rounds import delete_some
from service.adapters.store.schema import feedback, issued_cards, later_treatments, token_ids
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_EVERY_S = 3600.0
_PORTION_S = 20.0
"""Seconds that PostgreSQL may take for one portion, which nobody waits for."""
_LOCK = 0x70757267
"""The key of the advisory lock on PostgreSQL: any number but that of the migrations."""


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

    async def purge_once(self) -> dict[str, int] | None:
        """Delete now and give the rows that went, by table; `None` where another worker is at it.

        Raises `StoreUnavailable`.
        """
        gone: Counter[str] = Counter()
        for table, conditions in _expired(self._clock(), days=self._days):
            delete = partial(self._delete_alone, table=table, conditions=conditions)
            while rows := await self._database.write(delete):
                gone[table.name] += rows
            if rows is None:
                return None
        structlog.get_logger().info("purged", **gone)
        return dict(gone)

    async def _purge_on(self, every_s: float) -> None:
        while True:
            # The store logs its own failures; the next round tries again.
            with suppress(StoreUnavailable):
                await self.purge_once()
            await asyncio.sleep(every_s)

    def _delete_alone(
        self, connection: Connection, *, table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]
    ) -> int | None:
        if not self._database.is_sqlite:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            lock = sa.text("SELECT pg_try_advisory_xact_lock(:key)")
            if not connection.execute(lock, {"key": _LOCK}).scalar_one():
                return None
        with waiting_up_to(_PORTION_S):
            return delete_some(connection, table, *conditions)


def _expired(now: datetime, *, days: int) -> Iterator[tuple[sa.Table, Sequence[sa.ColumnElement[bool]]]]:
    """Give what is older than so many days, and ids of expired tokens, sessions and launches, table by table.

    That is cards, feedback, decisions of MDTs, facts that an EHR did not take, and last of all treatments of patients
    who have no card left: without them a treatment that is seen again would look new.
    """
    before, second = now - timedelta(days=days), int(now.timestamp())
    yield issued_cards, [issued_cards.c.issued_at < before]
    yield feedback, [feedback.c.received_at < before]
    yield token_ids, [token_ids.c.expires_at < second]
    yield mdt_decisions, [mdt_decisions.c.recorded_at < before]
    yield local_facts, [local_facts.c.written_at < before]
    yield app_records, [app_records.c.expires_at <= second]
    has_a_card = sa.exists().where(issued_cards.c.subject == later_treatments.c.subject)
    yield later_treatments, [later_treatments.c.seen_at < before, ~has_a_card]
