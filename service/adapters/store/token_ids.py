"""Token ids that were seen: a token is believed once, by whichever worker or replica sees it first."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING

from service.adapters.store.group_commit import GroupCommit
from service.adapters.store.rounds import Rounds, delete_some
from service.adapters.store.schema import token_ids
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_ANSWER_S = 1.0
"""Seconds that the store may take: a part of what a call has in all."""
_PURGE_EVERY_S = 300.0
_RECENT = 10_000
"""Ids that a worker remembers by itself: the store forgets too early where a clock runs ahead for a while."""


class StoredTokenIds:
    """The replay cache, shared by all workers. What cannot be recorded is not believed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[tuple[str, str, int], bool] = GroupCommit(self._commit)
        self._purging = Rounds(_PURGE_EVERY_S)
        self._recent: dict[tuple[str, str], None] = {}

    async def remember(self, issuer: str, token_id: str, *, expires_at: float, now: float) -> bool:
        """Record a token id until `expires_at` (seconds since 1970) and say whether it is new.

        Raises `StoreUnavailable` where neither can be told in time.
        """
        if (issuer, token_id) in self._recent:
            return False
        try:
            async with asyncio.timeout(_ANSWER_S):
                is_new = await self._group.submit((issuer, token_id, math.ceil(expires_at)))
        except TimeoutError:
            raise StoreUnavailable from None
        self._note(issuer, token_id)
        if self._purging.are_due(now):
            # The store logs its own failures; the next round tries again.
            with suppress(StoreUnavailable):
                await self.purge(now)
        return is_new

    def _note(self, issuer: str, token_id: str) -> None:
        self._recent[issuer, token_id] = None
        while len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]

    async def purge(self, now: float) -> int:
        """Forget the ids of tokens that have expired, as many as go at once, and give their number."""
        is_over = token_ids.c.expires_at < math.floor(now)
        gone = await self._database.write_lightly(lambda connection: delete_some(connection, token_ids, is_over))
        self._purging.made(gone)
        return gone

    async def _commit(self, items: Sequence[tuple[str, str, int]]) -> list[bool]:
        insert = self._database.insert(token_ids)
        # A conflict gives no row back; row counts of inserts are not told alike by all drivers.
        statement = insert.on_conflict_do_nothing().returning(token_ids.c.token_id)

        def work(connection: Connection) -> list[bool]:
            are_new = [False] * len(items)
            # In one order everywhere: two writers that wait for each other's ids would be a deadlock.
            for place in sorted(range(len(items)), key=items.__getitem__):
                row = dict(zip(("issuer", "token_id", "expires_at"), items[place], strict=True))
                are_new[place] = connection.execute(statement, row).first() is not None
            return are_new

        # A power failure may let a token in twice, where waiting for the disk would slow every call.
        return await self._database.write_lightly(work)
