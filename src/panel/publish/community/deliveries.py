"""Sends: which mail of an edition went to whom, so that nobody gets it twice.

A mail is claimed before it is sent to the server and ended after. A process that dies in between
leaves a claim: whether that mail went out is uncertain, and only a person decides about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update

from panel.foundation.text import printable
from panel.publish.community.database import Database
from panel.publish.community.subscribers import Subscriber, pages
from panel.publish.community.tables import editions, insert, sends, subscribers

State = Literal["claimed", "sent", "failed"]


@dataclass(frozen=True)
class Send:
    """One mail of an edition. `address` is None where its owner has left since."""

    week: str
    subscriber: int
    address: str | None
    state: State
    message: str | None
    claimed: datetime


@dataclass(frozen=True)
class SendProgress:
    """How far the sending of an edition has come, in mails."""

    sent: int
    failed: int
    uncertain: int
    left: int


class Sends:
    """Editions and their mails. Times are aware; without one, it is now."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    def open(self, week: str, body: str, *, now: datetime | None = None) -> str:
        """Begin the sending of a week's edition and return its text.

        The first text given stays: everybody gets the same, also after an interruption.
        """
        row = {"week": week, "body": body, "created": now or datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(insert(connection, editions).values(row).on_conflict_do_nothing())
            stored = select(editions.c.body).where(editions.c.week == week)
            return str(connection.execute(stored).scalar_one())

    def weeks(self) -> tuple[str, ...]:
        """Return the weeks whose sending has begun, newest first."""
        with self._database.reading() as connection:
            return tuple(
                connection.execute(select(editions.c.week).order_by(editions.c.week.desc()))
                .scalars()
            )  # fmt: skip

    def claim(self, week: str, subscriber: int, *, now: datetime | None = None) -> bool:
        """Claim one mail; False where it is claimed, sent or failed already.

        It is on disk when this returns. False too where the subscriber has left.
        """
        now = now or datetime.now(UTC)
        row = {"week": week, "subscriber": subscriber, "state": "claimed", "claimed": now}
        here = and_(subscribers.c.id == subscriber, subscribers.c.state == "confirmed")
        with self._database.writing() as connection:
            if not connection.execute(select(subscribers.c.id).where(here)).first():
                return False
            added = insert(connection, sends).values(row)
            mine = added.on_conflict_do_nothing().returning(sends.c.subscriber)
            return connection.execute(mine).first() is not None

    def done(self, week: str, subscriber: int, *, now: datetime | None = None) -> None:
        """Record that the server accepted the mail."""
        self._end(week, subscriber, "sent", None, now)

    def failed(
        self, week: str, subscriber: int, *, message: str, now: datetime | None = None
    ) -> None:
        """Record that the server rejected the mail for good, and its answer."""
        self._end(week, subscriber, "failed", printable(message)[:500], now)

    def release(self, week: str, subscriber: int) -> None:
        """Give a claim back: the mail surely did not go out, and may be sent again."""
        with self._database.writing() as connection:
            connection.execute(
                delete(sends).where(_this(week, subscriber), sends.c.state == "claimed")
            )

    def forgive(self, week: str, subscriber: int) -> None:
        """Delete a rejection: the mail may be sent again."""
        with self._database.writing() as connection:
            connection.execute(
                delete(sends).where(_this(week, subscriber), sends.c.state == "failed")
            )

    def left(self, week: str) -> Iterator[Subscriber]:
        """Yield the confirmed subscribers to whom the edition is still to be sent."""
        yield from pages(self._database, _left(week))

    def uncertain(self, week: str) -> tuple[Send, ...]:
        """Return the mails claimed and not ended: being sent now, or left by a dead process."""
        return self._in_state(week, "claimed")

    def refused(self, week: str) -> tuple[Send, ...]:
        """Return the mails that the server rejected for good."""
        return self._in_state(week, "failed")

    def progress(self, week: str) -> SendProgress:
        """Return how far the sending has come."""
        counted = select(sends.c.state, func.count()).where(sends.c.week == week)
        waiting = select(func.count()).select_from(subscribers).where(_left(week))
        with self._database.reading() as connection:
            rows = connection.execute(counted.group_by(sends.c.state)).all()
            left = connection.execute(waiting).scalar_one()
        by_state: dict[str, int] = {row[0]: row[1] for row in rows}
        return SendProgress(
            sent=by_state.get("sent", 0), failed=by_state.get("failed", 0),
            uncertain=by_state.get("claimed", 0), left=left,
        )  # fmt: skip

    def _end(
        self, week: str, subscriber: int, state: State, message: str | None, now: datetime | None
    ) -> None:
        ended = {"state": state, "message": message, "ended": now or datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(
                update(sends).where(_this(week, subscriber), sends.c.state == "claimed")
                .values(ended)
            )  # fmt: skip

    def _in_state(self, week: str, state: State) -> tuple[Send, ...]:
        query = (
            select(sends, subscribers.c.address).join_from(sends, subscribers)
            .where(sends.c.week == week, sends.c.state == state).order_by(sends.c.subscriber)
        )  # fmt: skip
        with self._database.reading() as connection:
            return tuple(
                Send(row.week, row.subscriber, row.address, row.state, row.message, row.claimed)
                for row in connection.execute(query)
            )


def _this(week: str, subscriber: int) -> ColumnElement[bool]:
    return and_(sends.c.week == week, sends.c.subscriber == subscriber)


def _left(week: str) -> ColumnElement[bool]:
    begun = exists().where(sends.c.week == week, sends.c.subscriber == subscribers.c.id)
    return and_(subscribers.c.state == "confirmed", ~begun)
