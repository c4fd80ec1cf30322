"""The SMART app: sealed records, sealed facts, decisions of the MDT."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "app_records",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "local_facts",
        sa.Column("id", _COUNTED, primary_key=True, autoincrement=True),
        sa.Column("owner", sa.String(64), nullable=False, index=True),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.UniqueConstraint("owner", "item"),
    )
    op.create_table(
        "mdt_decisions",
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
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("mdt_decisions", "local_facts", "app_records"):
        op.drop_table(table)
