"""The shared buckets of clients: one moment each, until which what was let in is paid for.

A bucket that fills at a rate is told by that moment alone: each call moves it on by what it costs (the generic cell
rate algorithm), and how far it lies ahead of now is what is missing in the bucket. The clock is PostgreSQL's own, so
that replicas whose clocks differ agree; SQLite's is that of the one host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.schema import NOBODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection

    from service.adapters.rate_limit import Spent
    from service.adapters.store.database import Database

_MOST_OWED_S = 120.0
"""Nobody is kept out for longer, however much was let in or whatever a clock did."""

_SETTLE = """
INSERT INTO rate_limits (client, paid_until) VALUES (:client, {now} + :cost)
ON CONFLICT (client) DO UPDATE
SET paid_until = {least}({greatest}(rate_limits.paid_until, {now}) + :cost, {now} + :most_owed)
RETURNING paid_until - {now}
"""
_POSTGRESQL = sa.text(
    _SETTLE.format(
        now="CAST(extract(epoch FROM clock_timestamp()) AS double precision)", least="least", greatest="greatest"
    )
)
_SQLITE = sa.text(_SETTLE.format(now="((julianday('now') - 2440587.5) * 86400.0)", least="min", greatest="max"))


class StoredRateLimits:
    """Takes from the shared buckets what one process let in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settle = _SQLITE if database.is_sqlite else _POSTGRESQL

    async def settle(self, spent: Mapping[str | None, Spent]) -> dict[str | None, float]:
        """Take calls from the shared buckets; give what is left in each, below 0 where more was let in than it held.

        Raises `StoreUnavailable`; then nothing was taken.
        """

        def work(connection: Connection) -> dict[str | None, float]:
            # In one order everywhere: two writers that wait for each other's rows would be a deadlock.
            return {bucket: self._take(connection, bucket, spent[bucket]) for bucket in sorted(spent, key=_client)}

        return await self._database.write_lightly(work)

    def _take(self, connection: Connection, bucket: str | None, spent: Spent) -> float:
        rate = spent.allowance.per_second
        values = {"client": _client(bucket), "cost": spent.calls / rate, "most_owed": _MOST_OWED_S}
        ahead_s: float = connection.execute(self._settle, values).scalar_one()
        return spent.allowance.most - ahead_s * rate


def _client(bucket: str | None) -> str:
    return NOBODY if bucket is None else bucket
