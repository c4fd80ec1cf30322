"""The tables, as the code uses them; the migrations build them."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from sqlalchemy.engine import Dialect


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment: UTC in the database, whether it keeps zones (PostgreSQL) or not (SQLite)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any zone into UTC."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  its signature
        """Say that what was kept is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

NOBODY = ""
"""The issuer of calls without a token."""

token_ids = sa.Table(
    "token_ids",
    metadata,
    sa.Column("issuer", sa.String(512), primary_key=True),
    sa.Column("token_id", sa.String(512), primary_key=True),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)
"""The `jti` of every token that was believed, until it has expired (seconds since 1970)."""

issued_cards = sa.Table(
    "issued_cards",
    metadata,
    sa.Column("card", sa.String(36), primary_key=True),
    sa.Column("service", sa.String(64), nullable=False),
    sa.Column("issuer", sa.String(512), nullable=False),
    sa.Column("strategy", sa.String(64)),
    sa.Column("next_step", sa.String(64)),
    sa.Column("rows", sa.JSON, nullable=False),
    sa.Column("statements", sa.JSON, nullable=False),
    sa.Column("advisories", sa.JSON, nullable=False),
    sa.Column("missing", sa.JSON, nullable=False),
    sa.Column("knowledge_id", sa.String(128), nullable=False),
    sa.Column("knowledge_version", sa.String(64), nullable=False),
    sa.Column("policy", sa.String(128), nullable=False),
    sa.Column("silent", sa.Boolean, nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False, index=True),
    sa.Column("subject", sa.String(64), index=True),
)
"""What a card said, by its UUID: codes and versions, of the patient at most a pseudonym."""

later_treatments = sa.Table(
    "later_treatments",
    metadata,
    sa.Column("subject", sa.String(64), primary_key=True),
    sa.Column("treatment", sa.String(32), primary_key=True),
    sa.Column("seen_at", UtcDateTime, nullable=False, index=True),
)
"""When a treatment was first seen in the chart of a pseudonym; its own date stays in the chart."""

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("entry_key", sa.String(64), nullable=False, unique=True),
    sa.Column("card", sa.String(36), nullable=False, index=True),
    sa.Column("service", sa.String(64), nullable=False),
    sa.Column("issuer", sa.String(512), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("outcome_at", UtcDateTime, nullable=False),
    sa.Column("suggestions", sa.JSON, nullable=False),
    sa.Column("reason_system", sa.String(256)),
    sa.Column("reason_code", sa.String(256)),
    sa.Column("comment", sa.Text),
    sa.Column("received_at", UtcDateTime, nullable=False, index=True),
)
"""What became of cards, append-only; `entry_key` is the digest of what makes an entry the same."""

shown_answers = sa.Table(
    "shown_answers",
    metadata,
    sa.Column("reader", sa.String(64), primary_key=True),
    sa.Column("answer", sa.String(64), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)
"""The last answer that a reader got on a patient, until it may be repeated (seconds since 1970): keyed hashes alone."""

rate_limits = sa.Table(
    "rate_limits",
    metadata,
    sa.Column("client", sa.String(512), primary_key=True),
    sa.Column("paid_until", sa.Double, nullable=False),
)
"""Until when what was let in of a client is paid for (seconds since 1970, by the clock of the database)."""


def columns_of(row: DataclassInstance) -> dict[str, Any]:
    """Give a dataclass, whose fields are called as the columns of its table, as the values of a row."""
    return {name: getattr(row, name) for name in _names(type(row))}


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def as_json(value: object) -> str:
    """Write what a column of JSON holds."""
    return orjson.dumps(value).decode()


def within(moment: sa.Column[datetime], since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    """Give the conditions of a time from `since` to before `until`; `None` is open."""
    return [*([moment >= since] if since else []), *([moment < until] if until else [])]
