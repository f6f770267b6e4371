"""Step 0002: whose database it is, mailboxes of subscribers, who asked for reviews, limits kept."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; no row is changed."""
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation"),
    )
    op.create_table(
        "buckets",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_buckets"),
    )
    op.add_column("subscribers", sa.Column("mailbox", sa.Text()))
    op.create_index("ix_subscribers_mailbox", "subscribers", ["mailbox"])
    op.add_column("requests", sa.Column("asker", sa.Text()))
