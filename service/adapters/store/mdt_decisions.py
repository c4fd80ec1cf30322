"""What multidisciplinary teams decided beside what was recommended, for the feedback report: codes, no patients."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.adapters.store.app_schema import mdt_decisions
from service.adapters.store.schema import columns_of, within

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

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
    """How often MDTs agreed; `deviations` counts (recommended, decided), `reasons` the coded reasons, largest first.

    Deciding where the recommendation was open is neither agreement nor deviation.
    """

    agreed: int = 0
    deviated: int = 0
    decided_open: int = 0
    deviations: tuple[tuple[str, str, int], ...] = ()
    reasons: tuple[tuple[str, int], ...] = ()


class StoredMdtDecisions:
    """Keeps decisions append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, decision: MdtDecision) -> None:
        """Keep a decision durably."""
        statement = sa.insert(mdt_decisions).values(columns_of(decision))
        await self._database.write(lambda connection: connection.execute(statement))


def count_decisions(connection: Connection, since: datetime | None, until: datetime | None) -> MdtReport:
    """Count agreement, deviation and reasons of the decisions recorded from `since` to before `until`."""
    kept = mdt_decisions.c
    statement = sa.select(kept.recommended, kept.decided, kept.agreed, kept.reason).where(
        *within(kept.recorded_at, since, until)
    )
    rows = connection.execute(statement).all()
    deviated = [row for row in rows if row.recommended is not None and not row.agreed]
    deviations = Counter((row.recommended, row.decided) for row in deviated)
    reasons = Counter(row.reason for row in deviated if row.reason)
    return MdtReport(
        agreed=sum(row.agreed for row in rows),
        deviated=len(deviated),
        decided_open=sum(row.recommended is None for row in rows),
        deviations=tuple((*pair, count) for pair, count in sorted(deviations.items(), key=_largest_first)),
        reasons=tuple(sorted(reasons.items(), key=_largest_first)),
    )


def _largest_first(item: tuple[Any, int]) -> tuple[int, Any]:
    return -item[1], item[0]
