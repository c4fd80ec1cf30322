"""Answers that were shown, for sites that do not repeat them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "shown_answers",
        sa.Column("reader", sa.String(64), primary_key=True),
        sa.Column("answer", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("shown_answers")
