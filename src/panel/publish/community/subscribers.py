"""Subscribers of the digest: asked, confirmed, left. An address goes when its owner leaves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from panel.publish.community.database import Database
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.community.tables import insert, sends, subscribers

AGAIN: Final = timedelta(hours=24)
"""How long an address is left alone after a confirmation was mailed to it."""

UNCONFIRMED: Final = timedelta(days=7)
"""How long an unconfirmed address is kept."""

State = Literal["asked", "confirmed", "left"]

_PAGE: Final = 500


@dataclass(frozen=True)
class Subscriber:
    """Somebody who gets the digest."""

    id: int
    address: str


class Subscribers:
    """Who gets the digest. Times are aware; without one, it is now."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    def ask(self, address: str, now: datetime | None = None) -> bool:
        """Store an unconfirmed subscription; return whether a confirmation mail is due.

        It is due at most once in 24 hours, whatever the spelling of the mailbox, and never to a
        confirmed address; what the visitor is told must not depend on it. Raises `AddressError`.
        """
        now = now or datetime.now(UTC)
        place, box = (
            normalize_address(address),
            self._database.mark("subscribed mailbox", mailbox(address)),
        )
        row: dict[str, Any] = {"key": self._key(place), "address": place, "state": "asked"}
        row |= {"asked": now, "changed": now, "mailbox": box}
        mailed = (subscribers.c.mailbox == box) & (subscribers.c.key != row["key"])
        mailed &= subscribers.c.asked > now - AGAIN
        with self._database.writing(alone=f"mailbox {box}") as connection:
            if connection.execute(select(subscribers.c.id).where(mailed)).first():
                return False
            added = insert(connection, subscribers).values(row)
            due = added.on_conflict_do_update(
                index_elements=[subscribers.c.key],
                set_={name: added.excluded[name] for name in row},
                where=(subscribers.c.state != "confirmed")
                & or_(subscribers.c.asked.is_(None), subscribers.c.asked <= now - AGAIN),
            )
            return connection.execute(due.returning(subscribers.c.id)).first() is not None

    def not_mailed(self, address: str) -> None:
        """Record that the confirmation could not be mailed: it is due again at once."""
        here = (subscribers.c.key == self._key(normalize_address(address))) & (
            subscribers.c.state == "asked"
        )
        with self._database.writing() as connection:
            connection.execute(update(subscribers).where(here).values(asked=None))

    def confirm(self, address: str, *, now: datetime | None = None) -> bool:
        """Confirm an address that has asked; True also where it was confirmed before.

        An address that has left since stays away: False. Raises `AddressError`.
        """
        here = subscribers.c.key == self._key(normalize_address(address))
        with self._database.writing() as connection:
            connection.execute(
                update(subscribers).where(here, subscribers.c.state == "asked")
                .values(state="confirmed", changed=now or datetime.now(UTC))
            )  # fmt: skip
            state = connection.execute(select(subscribers.c.state).where(here)).scalar()
            return state == "confirmed"

    def unsubscribe(self, address: str, *, now: datetime | None = None) -> bool:
        """Delete the address and send it no more mail; return whether it was subscribed.

        A keyed hash stays. Idempotent. Raises `AddressError`.
        """
        return self._leave(subscribers.c.key == self._key(normalize_address(address)), now)

    def leave(self, subscriber: int, *, now: datetime | None = None) -> bool:
        """Unsubscribe by number, for links that shall not carry the address."""
        return self._leave(subscribers.c.id == subscriber, now)

    def state(self, subscriber: int | str) -> State | None:
        """Return the state of a subscriber by address or number; None where it is unknown."""
        if isinstance(subscriber, int):
            here = subscribers.c.id == subscriber
        else:
            here = subscribers.c.key == self._key(normalize_address(subscriber))
        with self._database.reading() as connection:
            state: State | None = connection.execute(
                select(subscribers.c.state).where(here)
            ).scalar_one_or_none()
        return state

    def forget_unconfirmed(self, before: datetime) -> int:
        """Forget the addresses that asked before then and never confirmed; return how many.

        Nothing of them stays, but for a keyed hash where an edition was mailed to one earlier.
        """
        old = (subscribers.c.state == "asked") & (subscribers.c.changed < before)
        mailed = exists().where(sends.c.subscriber == subscribers.c.id)
        with self._database.writing() as connection:
            gone = connection.execute(delete(subscribers).where(old, ~mailed)).rowcount
            left = update(subscribers).where(old).values(state="left", address=None)
            return gone + connection.execute(left).rowcount

    def confirmed(self) -> Iterator[Subscriber]:
        """Yield everybody who gets the digest, oldest first; no transaction stays open."""
        yield from pages(self._database, subscribers.c.state == "confirmed")

    def _leave(self, who: ColumnElement[bool], now: datetime | None) -> bool:
        gone = update(subscribers).where(who, subscribers.c.state != "left")
        gone = gone.values(state="left", address=None, changed=now or datetime.now(UTC))
        with self._database.writing() as connection:
            return connection.execute(gone).rowcount > 0

    def _key(self, address: str) -> str:
        return self._database.mark("subscriber", address.casefold())


def pages(database: Database, which: ColumnElement[bool]) -> Iterator[Subscriber]:
    """Yield the subscribers that fit, page by page, each a short transaction."""
    last = 0
    wanted = select(subscribers.c.id, subscribers.c.address).order_by(subscribers.c.id)
    while True:
        with database.reading() as connection:
            here = wanted.where(which, subscribers.c.id > last).limit(_PAGE)
            page = [Subscriber(row.id, row.address) for row in connection.execute(here)]
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].id
