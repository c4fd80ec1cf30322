"""The tables of the SMART app: sealed records, sealed facts, decisions of the MDT."""

from __future__ import annotations

import sqlalchemy as sa

from service.adapters.store.schema import UtcDateTime, metadata

_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")

app_records = sa.Table(
    "app_records",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)
"""Sessions and launches on their way: found by the hash of a secret that only the browser has, encrypted."""

local_facts = sa.Table(
    "local_facts",
    metadata,
    sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("item", sa.String(64), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("written_at", UtcDateTime, nullable=False, index=True),
    sa.UniqueConstraint("owner", "item"),
)
"""Facts that an EHR did not take, encrypted; `owner` and `item` are blind indexes of issuer, patient, fact and day."""

mdt_decisions = sa.Table(
    "mdt_decisions",
    metadata,
    sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
    sa.Column("issuer", sa.String(512), nullable=False),
    sa.Column("card", sa.String(36)),
    sa.Column("recommended", sa.String(64)),
    sa.Column("decided", sa.String(64), nullable=False),
    sa.Column("agreed", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String(64)),
    sa.Column("rows", sa.JSON, nullable=False),
    sa.Column("knowledge_id", sa.String(128), nullable=False),
    sa.Column("knowledge_version", sa.String(64), nullable=False),
    sa.Column("policy", sa.String(128), nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False, index=True),
)
"""What MDTs decided beside what was recommended: codes alone, nothing of the patient."""
