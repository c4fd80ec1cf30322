"""How the store is tidied beside other work: now and then, by whoever comes next, a bounded number of rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PORTION = 1_000
"""Rows that one transaction deletes: a token waits for its own writing no longer than that takes."""


class Rounds:
    """Rounds that are due at first, then every so many seconds, and where a clock was set back."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._last: float | None = None

    def are_due(self, now: float) -> bool:
        """Whether it is time for a round, which then counts as made."""
        if self._last is not None and 0 <= now - self._last < self._every_s:
            return False
        self._last = now
        return True

    def made(self, rows: int) -> None:
        """Note what a round deleted: after as many rows as go at once the next one is due."""
        if rows == PORTION:
            self._last = None


def delete_some(connection: Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    """Delete the rows that meet `conditions`, at most `PORTION` of them, and give their number."""
    key = table.primary_key.columns
    some = sa.select(*key).where(*conditions).limit(PORTION)
    return connection.execute(sa.delete(table).where(sa.tuple_(*key).in_(some))).rowcount
