"""The feedback report: how often advice was followed, by what it said and by what users answered."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from fhir_mappings.outbound import UNDETERMINED
from service.adapters.store.later import Later, LaterOfStrategy, by_strategy, count_later
from service.adapters.store.mdt_decisions import MdtReport, count_decisions
from service.adapters.store.patience import waiting_up_to
from service.adapters.store.schema import feedback, issued_cards, within
from service.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Connection, Row

    from service.adapters.store.database import Database


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the shown cards that have one thing in common, which `key` names."""

    key: str
    issued: int = 0
    accepted: int = 0
    overridden: int = 0

    @property
    def unanswered(self) -> int:
        """Cards without feedback: dismissed, ignored or never seen."""
        return self.issued - self.accepted - self.overridden

    @property
    def acceptance(self) -> float | None:
        """The share of accepted among answered cards, 0 to 1; `None` where nobody answered."""
        answered = self.accepted + self.overridden
        return self.accepted / answered if answered else None


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How often cards were overridden for one coded reason; both are absent for a comment or nothing alone."""

    system: str | None
    code: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """Cards issued from `since` to before `until` (open where `None`), each counted by its last feedback.

    `over_time` is by week, keyed by its Monday, without gaps; `missing` counts the open answers in which a fact was
    missing. `silent` cards were not shown and are in no tally; `unmatched` feedback names no card of its sender. `mdt`
    counts the decisions that were recorded in the review app at that time; `later` counts patients, by what was
    recommended, decided and done. `answers` are the patient-view cards, silent ones too; of them `open_answers` named
    no single strategy.
    """

    since: datetime | None
    until: datetime | None
    total: Tally
    by_strategy: tuple[Tally, ...]
    by_row: tuple[Tally, ...]
    by_advisory: tuple[Tally, ...]
    by_knowledge: tuple[Tally, ...]
    over_time: tuple[Tally, ...]
    override_reasons: tuple[ReasonCount, ...]
    missing: tuple[tuple[str, int], ...]
    silent: int
    unmatched: int
    mdt: MdtReport = field(default_factory=MdtReport)
    later: tuple[Later, ...] = ()
    answers: int = 0
    open_answers: int = 0

    @property
    def later_by_strategy(self) -> tuple[LaterOfStrategy, ...]:
        """What became of the patients with each recommendation."""
        return by_strategy(self.later)

    @property
    def missing_shares(self) -> tuple[tuple[str, int, float], ...]:
        """Each missing fact with the open answers in which it was missing, as a number and as a share from 0 to 1."""
        return tuple((fact, count, count / max(1, self.open_answers)) for fact, count in self.missing)


ANSWER_S = 15.0
"""Seconds that the page waits for one answer: more than PostgreSQL gives a statement."""
TITLES = {
    "by_strategy": "By strategy",
    "by_row": "By row of the pathway",
    "by_advisory": "By advisory",
    "by_knowledge": "By knowledge version and policy",
    "over_time": "By week",
}
"""The fields of `Report` that hold tallies, in the order in which they are shown, with their titles."""

_Reason: TypeAlias = tuple[str | None, str | None]


@dataclass(slots=True)
class _Counts:
    issued: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    overridden: Counter[str] = field(default_factory=Counter)

    def add(self, keys: Iterable[str], outcome: str | None) -> None:
        for key in set(keys):
            self.issued[key] += 1
            if outcome == "accepted":
                self.accepted[key] += 1
            elif outcome == "overridden":
                self.overridden[key] += 1

    def tally(self, key: str) -> Tally:
        return Tally(key, self.issued[key], self.accepted[key], self.overridden[key])

    def by_size(self) -> tuple[Tally, ...]:
        return tuple(self.tally(key) for key in sorted(self.issued, key=lambda key: (-self.issued[key], key)))


def read_report(database: Database, *, since: datetime | None = None, until: datetime | None = None) -> Report:
    """Count the cards of a time and their feedback, whenever it came."""
    return database.read_now(lambda connection: _report(connection, since, until))


async def read_report_beside(database: Database, *, since: datetime | None, until: datetime | None) -> Report:
    """Do what `read_report` does in a thread of its own, beside the calls; raise `StoreUnavailable`."""

    def read() -> Report:
        with waiting_up_to(ANSWER_S):
            return read_report(database, since=since, until=until)

    try:
        return await asyncio.to_thread(read)
    except sa.exc.SQLAlchemyError as fault:
        raise StoreUnavailable from fault


def _report(connection: Connection, since: datetime | None, until: datetime | None) -> Report:
    counts: dict[str, _Counts] = defaultdict(_Counts)
    reasons: Counter[_Reason] = Counter()
    missing: Counter[str] = Counter()
    answers: Counter[bool] = Counter()
    silent = 0
    for row in _cards(connection, since, until):
        missing.update(row.missing)
        if row.strategy is not None:
            answers[row.strategy == UNDETERMINED] += 1
        if row.silent:
            silent += 1
            continue
        counts["total"].add(["total"], row.outcome)
        for name, keys in _keys(row).items():
            counts[name].add(keys, row.outcome)
        if row.outcome == "overridden":
            reasons[row.reason_system, row.reason_code] += 1
    return Report(
        since=since,
        until=until,
        total=counts["total"].tally("total"),
        by_strategy=counts["by_strategy"].by_size(),
        by_row=counts["by_row"].by_size(),
        by_advisory=counts["by_advisory"].by_size(),
        by_knowledge=counts["by_knowledge"].by_size(),
        over_time=tuple(counts["over_time"].tally(week) for week in _weeks(counts["over_time"].issued)),
        override_reasons=tuple(
            ReasonCount(system, code, count)
            for (system, code), count in sorted(reasons.items(), key=lambda item: (-item[1], str(item[0])))
        ),
        missing=tuple(sorted(missing.items(), key=lambda item: (-item[1], item[0]))),
        silent=silent,
        unmatched=_unmatched(connection),
        mdt=count_decisions(connection, since, until),
        later=count_later(connection, since, until),
        answers=answers.total(),
        open_answers=answers[True],
    )


def _cards(connection: Connection, since: datetime | None, until: datetime | None) -> Iterator[Row]:  # type: ignore[type-arg]  # its columns are named below
    """Go through the cards, each with its last feedback from the client that got it."""
    place = (
        sa.func.row_number()
        .over(
            partition_by=(feedback.c.issuer, feedback.c.card),
            order_by=(feedback.c.outcome_at.desc(), feedback.c.id.desc()),
        )
        .label("place")
    )
    ranked = sa.select(feedback, place).subquery()
    last = sa.and_(ranked.c.card == issued_cards.c.card, ranked.c.issuer == issued_cards.c.issuer, ranked.c.place == 1)
    query = (
        sa.select(
            *(column for column in issued_cards.c if column.name != "card"),
            ranked.c.outcome,
            ranked.c.reason_system,
            ranked.c.reason_code,
        )
        .select_from(issued_cards.outerjoin(ranked, last))
        .where(*within(issued_cards.c.issued_at, since, until))
    )
    yield from connection.execute(query)


def _keys(row: Row) -> dict[str, list[str]]:  # type: ignore[type-arg]  # its columns are those of `_cards`
    monday = row.issued_at.astimezone(UTC).date() - timedelta(days=row.issued_at.astimezone(UTC).weekday())
    return {
        "by_strategy": [row.strategy] if row.strategy else [],
        "by_row": row.rows,
        "by_advisory": row.advisories,
        "by_knowledge": [f"{row.knowledge_id} {row.knowledge_version} ({row.policy})"],
        "over_time": [monday.isoformat()],
    }


def _weeks(found: Iterable[str]) -> Iterator[str]:
    mondays = sorted(datetime.fromisoformat(monday).date() for monday in found)
    week = mondays[0] if mondays else None
    while week is not None and week <= mondays[-1]:
        yield week.isoformat()
        week += timedelta(days=7)


def _unmatched(connection: Connection) -> int:
    of_the_sender = sa.and_(issued_cards.c.card == feedback.c.card, issued_cards.c.issuer == feedback.c.issuer)
    query = (
        sa.select(sa.func.count())
        .select_from(feedback.outerjoin(issued_cards, of_the_sender))
        .where(issued_cards.c.card.is_(None))
    )
    return connection.execute(query).scalar_one()
