"""Feedback, append-only: an entry that comes twice is kept once, and one for a card not yet written is kept too."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from service.adapters.store.group_commit import GroupCommit
from service.adapters.store.schema import NOBODY, feedback
from service.cds.feedback import parse_feedback
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database
    from service.caller import Caller
    from service.cds.feedback import FeedbackEntry

_ANSWER_S = 3.0
"""Seconds that the store may take: with those for the token below the usual deadline of a call, which would not say
that it is the store."""


@dataclass(frozen=True, slots=True)
class _Received:
    """The entries of one call, and where they came from."""

    entries: tuple[FeedbackEntry, ...]
    service: str
    issuer: str
    at: datetime


class StoredFeedback:
    """The log of feedback."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._group: GroupCommit[_Received, int] = GroupCommit(
            self._commit, rows=lambda received: len(received.entries)
        )

    async def record(self, service_id: str, body: bytes, caller: Caller) -> None:
        """Keep the feedback in the body of a call; when this returns it is durable.

        Raises `MalformedRequest`, with nothing kept, and `StoreUnavailable`.
        """
        await self.keep(parse_feedback(body), service=service_id, issuer=caller.issuer)

    async def keep(self, entries: tuple[FeedbackEntry, ...], *, service: str, issuer: str | None) -> int:
        """Keep checked entries and give the number of those that are new.

        Raises `StoreUnavailable`, also where the store does not say in time that they are kept.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._group.submit(_Received(entries, service, issuer or NOBODY, self._clock()))
        except TimeoutError:
            raise StoreUnavailable from None

    async def _commit(self, calls: Sequence[_Received]) -> list[int]:
        insert = self._database.insert(feedback)
        statement = insert.on_conflict_do_nothing(index_elements=["entry_key"]).returning(feedback.c.id)

        def work(connection: Connection) -> list[int]:
            rows = [(place, _columns(entry, call)) for place, call in enumerate(calls) for entry in call.entries]
            new = [0] * len(calls)
            # In one order everywhere: two writers that wait for each other's entries would be a deadlock.
            for place, row in sorted(rows, key=lambda item: str(item[1]["entry_key"])):
                new[place] += connection.execute(statement, row).first() is not None
            return new

        return await self._database.write(work)


def _columns(entry: FeedbackEntry, call: _Received) -> dict[str, Any]:
    return {
        "entry_key": _entry_key(entry, call.issuer),
        "card": entry.card,
        "service": call.service,
        "issuer": call.issuer,
        "outcome": entry.outcome,
        "outcome_at": entry.at,
        "suggestions": list(entry.suggestions),
        "reason_system": entry.reason_system,
        "reason_code": entry.reason_code,
        "comment": entry.comment,
        "received_at": call.at,
    }


def _entry_key(entry: FeedbackEntry, issuer: str) -> str:
    # A reason that comes after its outcome is acknowledged, and must not be lost.
    why = entry.reason_system, entry.reason_code, entry.comment
    same = [issuer, entry.card, entry.outcome, entry.at.isoformat(), *entry.suggestions, *why]
    return sha256(json.dumps(same).encode()).hexdigest()
