"""Rate limits that workers and replicas share: one moment for each client."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "rate_limits",
        sa.Column("client", sa.String(512), primary_key=True),
        sa.Column("paid_until", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("rate_limits")
