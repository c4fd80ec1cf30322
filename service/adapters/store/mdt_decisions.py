"""What multidisciplinary teams decided beside what was recommended, for the feedback report: codes, no patients."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from service.adapters.store.app_schema import mdt_decisions

if TYPE_CHECKING:
    from datetime import datetime

    from service.adapters.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class MdtDecision:
    """One decision; `recommended` is `None` where the service had left the strategy open."""

    issuer: str
    card: str | None
    recommended: str | None
    decided: str
    agreed: bool
    reason: str | None
    rows: tuple[str, ...]
    knowledge_id: str
    knowledge_version: str
    policy: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MdtReport:
    """How often MDTs agreed; `deviations` counts (recommended, decided), `reasons` the coded reasons."""

    agreed: int
    deviated: int
    deviations: tuple[tuple[str | None, str, int], ...]
    reasons: tuple[tuple[str, int], ...]


class StoredMdtDecisions:
    """Keeps decisions append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, decision: MdtDecision) -> None:
        """Keep a decision durably."""
        values = {name: getattr(decision, name) for name in MdtDecision.__slots__}
        statement = sa.insert(mdt_decisions).values({**values, "rows": list(decision.rows)})
        await self._database.write(lambda connection: connection.execute(statement))


def mdt_report(database: Database, *, since: datetime | None = None) -> MdtReport:
    """Count agreement, deviation and reasons, the most frequent first."""
    kept = mdt_decisions.c
    statement = sa.select(kept.recommended, kept.decided, kept.agreed, kept.reason)
    if since is not None:
        statement = statement.where(kept.recorded_at >= since)
    rows = database.read_now(lambda connection: connection.execute(statement).all())
    deviated = [row for row in rows if not row.agreed]
    deviations = Counter((row.recommended, row.decided) for row in deviated)
    reasons = Counter(row.reason for row in deviated if row.reason)
    return MdtReport(
        agreed=len(rows) - len(deviated),
        deviated=len(deviated),
        deviations=tuple((*pair, count) for pair, count in deviations.most_common()),
        reasons=tuple(reasons.most_common()),
    )
