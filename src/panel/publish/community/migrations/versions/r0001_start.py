"""Step 0001: identities, votes and their ledger, subscribers, editions, sends, requests, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _voting()
    _mailing()
    _asking()


def _voting() -> None:
    op.create_table(
        "identities",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("banned", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("key", name="uq_identities_key"),
        sa.CheckConstraint("kind IN ('anonymous', 'verified')", name="ck_identities_kind"),
    )
    op.create_table(
        "votes",
        sa.Column("identity", _NUMBER, nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "tool", name="pk_votes"),
        sa.ForeignKeyConstraint(["identity"], ["identities.id"], name="fk_votes_identity"),
        sa.CheckConstraint("choice IN ('ship', 'skip')", name="ck_votes_choice"),
    )
    op.create_index("ix_votes_tool", "votes", ["tool"])
    op.create_index("ix_votes_network_at", "votes", ["network", "at"])
    op.create_table(
        "ledger",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("identity", _NUMBER, nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
        sa.ForeignKeyConstraint(["identity"], ["identities.id"], name="fk_ledger_identity"),
        sa.CheckConstraint("choice IN ('ship', 'skip')", name="ck_ledger_choice"),
        sa.CheckConstraint(
            "cause IN ('cast', 'withdrawn', 'merged', 'removed')", name="ck_ledger_cause"
        ),
    )


def _mailing() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger()),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscribers"),
        sa.UniqueConstraint("key", name="uq_subscribers_key"),
        sa.CheckConstraint("state IN ('asked', 'confirmed', 'left')", name="ck_subscribers_state"),
        sa.CheckConstraint("(address IS NULL) = (state = 'left')", name="ck_subscribers_address"),
    )
    op.create_table(
        "editions",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("week", name="pk_editions"),
    )
    op.create_table(
        "sends",
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("subscriber", _NUMBER, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.PrimaryKeyConstraint("week", "subscriber", name="pk_sends"),
        sa.ForeignKeyConstraint(["week"], ["editions.week"], name="fk_sends_week"),
        sa.ForeignKeyConstraint(["subscriber"], ["subscribers.id"], name="fk_sends_subscriber"),
        sa.CheckConstraint("state IN ('claimed', 'sent', 'failed')", name="ck_sends_state"),
    )
    op.create_index("ix_sends_subscriber", "sends", ["subscriber"])


def _asking() -> None:
    op.create_table(
        "requests",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("key", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("waiting", name="uq_requests_waiting"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed')", name="ck_requests_state"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_state_id", "requests", ["state", "id"])
    op.create_table(
        "spent",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_spent"),
    )
    op.create_index("ix_spent_expires", "spent", ["expires"])
