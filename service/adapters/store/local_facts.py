"""Facts that an EHR did not take, kept encrypted by issuer and patient: the last rung before a text to copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from service.adapters.sealing import UnsealError
from service.adapters.store.app_schema import local_facts
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from service.adapters.sealing import Sealer
    from service.adapters.store.database import Database

_KEPT = local_facts.c
_ANSWER_S = 1.0
"""Seconds that the store may take: a part of what a call has in all, which needs them less than an answer."""


class LocalFacts:
    """Keeps Observations of the case-facts system for charts whose EHR refuses them.

    `issuer` is the client's issuer in CRLM_CLIENTS, so that hook calls and the app name the same EHR. Who reads the
    database learns neither patients nor values; after a rotation the facts of the earlier key are still found. They go
    when the retention of the store says so.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def put(self, issuer: str, patient: str, observations: Sequence[dict[str, Any]], *, now: datetime) -> None:
        """Keep Observations; one with the identifier of an earlier one takes its place."""
        owner = self._sealer.index(issuer, patient)[0]
        insert = self._database.insert(local_facts)
        rows = [
            {
                "owner": owner,
                "item": self._sealer.index(issuer, patient, _identifier(observation))[0],
                "sealed": self._sealer.seal(msgspec.json.encode(observation)),
                "written_at": now,
            }
            for observation in observations
        ]

        def work(connection: Connection) -> None:
            for row in rows:
                connection.execute(
                    insert.values(row).on_conflict_do_update(
                        index_elements=[_KEPT.owner, _KEPT.item],
                        set_={"sealed": row["sealed"], "written_at": row["written_at"]},
                    )
                )

        await self._database.write(work)

    async def of(self, issuer: str, patient: str) -> list[dict[str, Any]]:
        """Give the Observations kept for a patient, oldest first; one that no key opens any more is left out.

        Raises `StoreUnavailable`, also where they are not there in time.
        """
        owners = self._sealer.index(issuer, patient)
        statement = sa.select(_KEPT.sealed).where(_KEPT.owner.in_(owners)).order_by(_KEPT.written_at, _KEPT.id)
        try:
            async with asyncio.timeout(_ANSWER_S):
                sealed = await self._database.read(lambda connection: connection.execute(statement).scalars().all())
        except TimeoutError:
            raise StoreUnavailable from None
        return [found for found in map(self._open, sealed) if found is not None]

    def _open(self, sealed: bytes) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = msgspec.json.decode(self._sealer.open(sealed), type=dict[str, Any])
        except UnsealError:
            return None
        return found


def _identifier(observation: dict[str, Any]) -> str:
    return str(observation["identifier"][0]["value"])
