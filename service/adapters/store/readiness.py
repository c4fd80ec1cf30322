"""Whether the store can be used now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.adapters.store.migrate import read_version, suffices, write_and_delete
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from service.adapters.store.database import Database

_ANSWER_S = 2.0


class StoreReadiness:
    """Whether the store answers, has the tables that this program needs, and takes what is written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def faults(self) -> list[str]:
        """Name what is not ready; nothing where all is."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await self._database.read(read_version)
        except (StoreUnavailable, TimeoutError):
            return ["the store does not answer"]
        if not suffices(found):
            return ["the store has not the tables of this version: run crlm-cds migrate"]
        # A full disk and a standby answer questions as ever. Only after a failure is it worth a write to find out.
        if self._database.last_write_failed and not await self._takes_writes():
            return ["the store takes no writes"]
        return []

    async def _takes_writes(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._database.write(write_and_delete)
        except (StoreUnavailable, TimeoutError):
            return False
        return True
