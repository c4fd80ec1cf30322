"""The app's sealed records in the store: sessions, and launches on their way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import sqlalchemy as sa

from service.adapters.store.app_schema import app_records
from service.adapters.store.rounds import Rounds

if TYPE_CHECKING:
    from service.adapters.store.database import Database

RecordKind: TypeAlias = Literal["attempt", "session"]

_KEPT = app_records.c
_PURGE_EVERY_S = 600.0


class StoredRecords:
    """Keeps sealed records until they expire. The keys are hashes: who reads the store can open no session."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._purging = Rounds(_PURGE_EVERY_S)

    async def put(self, kind: RecordKind, key: str, sealed: bytes, *, expires_at_s: float) -> None:
        """Keep a record, in place of an earlier one with this key."""
        insert = self._database.insert(app_records)
        values = {"sealed": sealed, "expires_at": math.floor(expires_at_s)}
        statement = insert.values(kind=kind, key=key, **values).on_conflict_do_update(
            index_elements=[_KEPT.kind, _KEPT.key], set_=values
        )
        await self._database.write(lambda connection: connection.execute(statement))

    async def replace(self, kind: RecordKind, key: str, old: bytes, new: bytes, *, expires_at_s: float) -> bool:
        """Put a record in place of `old`; say whether that was still there."""
        statement = (
            sa.update(app_records)
            .where(_KEPT.kind == kind, _KEPT.key == key, _KEPT.sealed == old)
            .values(sealed=new, expires_at=math.floor(expires_at_s))
        )
        return await self._database.write(lambda connection: connection.execute(statement).rowcount == 1)

    async def get(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        """Give a record that has not expired."""
        statement = sa.select(_KEPT.sealed).where(*_alive(kind, key, now_s))
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one_or_none())

    async def take(self, kind: RecordKind, key: str, *, now_s: float) -> bytes | None:
        """Give and delete a record: of two that ask at the same time, one gets it."""
        statement = sa.delete(app_records).where(*_alive(kind, key, now_s)).returning(_KEPT.sealed)
        found = await self._database.write(lambda connection: connection.execute(statement).scalar_one_or_none())
        if self._purging.are_due(now_s):
            await self.purge(now_s)
        return found

    async def delete(self, kind: RecordKind, key: str) -> None:
        """Delete a record where it exists."""
        statement = sa.delete(app_records).where(_KEPT.kind == kind, _KEPT.key == key)
        await self._database.write(lambda connection: connection.execute(statement))

    async def purge(self, now_s: float) -> int:
        """Forget what has expired and give its number."""
        statement = sa.delete(app_records).where(_KEPT.expires_at <= math.floor(now_s))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def _alive(kind: RecordKind, key: str, now_s: float) -> tuple[sa.ColumnElement[bool], ...]:
    return _KEPT.kind == kind, _KEPT.key == key, _KEPT.expires_at > math.floor(now_s)
