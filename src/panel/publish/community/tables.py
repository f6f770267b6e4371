"""The tables, for SQLite and PostgreSQL alike, and the insert that both know. No queries.

A change here needs a migration beside it: a test compares the two on both databases.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, kept as whole microseconds since 1970: both databases order it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return microseconds. Raises `ValueError` for a time without zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without time zone")
        span = value - _EPOCH
        return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its time zone."""
        if value is None:
            return None
        seconds, micros = divmod(value, 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_NUMBER: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only where the column's type is exactly INTEGER."""

installation: Final = Table(
    "installation", METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip
"""What holds for the whole database: the fingerprint of the secret that its keys were made with."""

identities: Final = Table(
    "identities", METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("created", Moment, nullable=False),
    Column("banned", Moment),
    CheckConstraint("kind IN ('anonymous', 'verified')", name="kind"),
)  # fmt: skip
"""Who votes. `key` is a keyed hash of a cookie or of an address; neither itself is kept."""

votes: Final = Table(
    "votes", METADATA,
    Column("identity", _NUMBER, ForeignKey("identities.id"), primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("choice", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("choice IN ('ship', 'skip')", name="choice"),
    Index(None, "tool"),
    Index(None, "network", "at"),
)  # fmt: skip
"""Current votes: one per identity and tool."""

ledger: Final = Table(
    "ledger", METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("identity", _NUMBER, ForeignKey("identities.id"), nullable=False),
    Column("tool", Text, nullable=False),
    Column("choice", Text),
    Column("cause", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("choice IN ('ship', 'skip')", name="choice"),
    CheckConstraint("cause IN ('cast', 'withdrawn', 'merged', 'removed')", name="cause"),
)  # fmt: skip
"""The raw log of votes: every change, never rewritten. No `choice`: the vote went away."""

subscribers: Final = Table(
    "subscribers", METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("address", Text),
    Column("state", Text, nullable=False),
    Column("asked", Moment),
    Column("changed", Moment, nullable=False),
    Column("mailbox", Text),
    CheckConstraint("state IN ('asked', 'confirmed', 'left')", name="state"),
    CheckConstraint("(address IS NULL) = (state = 'left')", name="address"),
    Index(None, "mailbox"),
)  # fmt: skip
"""Who gets the digest. `address` is there while mail must reach it; `key`, its keyed hash, stays
while a mail of the past names it. `asked` is when a confirmation was last mailed. `mailbox` is what
all spellings of one mailbox share, as a keyed hash; rows of earlier releases have none."""

editions: Final = Table(
    "editions", METADATA,
    Column("week", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("created", Moment, nullable=False),
)  # fmt: skip
"""What is mailed in a week, as it was when its sending began."""

sends: Final = Table(
    "sends", METADATA,
    Column("week", Text, ForeignKey("editions.week"), primary_key=True),
    Column("subscriber", _NUMBER, ForeignKey("subscribers.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("message", Text),
    Column("claimed", Moment, nullable=False),
    Column("ended", Moment),
    CheckConstraint("state IN ('claimed', 'sent', 'failed')", name="state"),
    Index(None, "subscriber"),
)  # fmt: skip
"""One row per mail: claimed before it is sent, sent or failed after."""

requests: Final = Table(
    "requests", METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text),
    Column("description", Text),
    Column("state", Text, nullable=False),
    Column("run", Text),
    Column("key", Text),
    Column("message", Text),
    Column("created", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("waiting", Text, unique=True),
    Column("asker", Text),
    CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="state"),
    Index(None, "state", "id"),
    sqlite_autoincrement=True,
)  # fmt: skip
"""Review requests. `waiting` is a hash of what is asked, while it is: asking twice queues once.
`asker` is a keyed hash of who sent it, None for a program with the key and for earlier releases."""

buckets: Final = Table(
    "buckets", METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("level", Float, nullable=False),
    Column("at", Moment, nullable=False),
)  # fmt: skip
"""What is used up of flood limits, for the next start. `name` is a keyed hash."""

spent: Final = Table(
    "spent", METADATA,
    Column("token", Text, primary_key=True),
    Column("expires", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "expires"),
)  # fmt: skip
"""Tokens that were used, kept until well after they have expired."""


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert into the table that can say what happens on a conflict."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
