"""Token ids that were seen: a token is believed once, by whichever worker or replica sees it first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.adapters.store.group_commit import GroupCommit
from service.adapters.store.schema import token_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from service.adapters.store.database import Database

_PURGE_EVERY_S = 300.0


class StoredTokenIds:
    """The replay cache. What cannot be recorded is not believed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[tuple[str, str, int], bool] = GroupCommit(self._commit)
        self._purged_at: float | None = None

    async def remember(self, issuer: str, token_id: str, *, expires_at: float, now: float) -> bool:
        """Record a token id until `expires_at` (seconds since 1970) and say whether it is new.

        Raises `StoreUnavailable` where neither can be told.
        """
        is_new = await self._group.submit((issuer, token_id, math.ceil(expires_at)))
        if self._purged_at is None or not 0 <= now - self._purged_at < _PURGE_EVERY_S:
            self._purged_at = now
            await self.purge(now)
        return is_new

    async def purge(self, now: float) -> int:
        """Forget the ids of tokens that have expired and give their number."""
        gone = sa.delete(token_ids).where(token_ids.c.expires_at < math.floor(now))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def _commit(self, items: Sequence[tuple[str, str, int]]) -> list[bool]:
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(token_ids)
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
