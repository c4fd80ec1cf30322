"""What was done after the advice: pseudonyms of patients beside cards, and treatments seen later."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and a table."""
    op.add_column("issued_cards", sa.Column("subject", sa.String(64)))
    op.create_index("ix_issued_cards_subject", "issued_cards", ["subject"])
    op.create_table(
        "later_treatments",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("treatment", sa.String(32), primary_key=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    """Take both away."""
    op.drop_table("later_treatments")
    op.drop_index("ix_issued_cards_subject", "issued_cards")
    op.drop_column("issued_cards", "subject")
