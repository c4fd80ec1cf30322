"""How long the store keeps what it holds, and whether it can be used now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.migrate import read_version, suffices
from service.adapters.store.schema import feedback, issued_cards, token_ids
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went."""

    cards: int
    feedback: int
    token_ids: int


def purge(database: Database, *, before: datetime | None, now: datetime) -> Purged:
    """Delete cards issued and feedback received before a moment (`None`: none), and ids of expired tokens."""

    def work(connection: Connection) -> Purged:
        cards = entries = 0
        if before is not None:
            cards = connection.execute(sa.delete(issued_cards).where(issued_cards.c.issued_at < before)).rowcount
            entries = connection.execute(sa.delete(feedback).where(feedback.c.received_at < before)).rowcount
        expired = sa.delete(token_ids).where(token_ids.c.expires_at < int(now.timestamp()))
        return Purged(cards, entries, connection.execute(expired).rowcount)

    return database.write_now(work)


class StoreReadiness:
    """Whether the store answers and has the tables that this program needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def faults(self) -> list[str]:
        """Name what is not ready; nothing where all is."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await self._database.read(read_version)
        except (StoreUnavailable, TimeoutError):
            return ["the store does not answer"]
        return [] if suffices(found) else ["the store has not the tables of this version: run crlm-cds migrate"]
