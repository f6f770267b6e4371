"""Identities: who votes. Cookies and addresses are known by keyed hashes only."""

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select, tuple_, update

from panel.foundation.errors import CommunityError
from panel.publish.community.database import Database
from panel.publish.community.email_address import mailbox
from panel.publish.community.tables import identities, insert, votes
from panel.publish.community.tally import Kind
from panel.publish.community.votes import BULK, log_vote


class Identities:
    """Anonymous identities of cookies, verified ones of mail addresses."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    def anonymous(self, cookie: str, *, now: datetime | None = None) -> int:
        """Return the identity of a cookie's random value, made where it is new."""
        return self._of("anonymous", self._database.mark("cookie", cookie), now)

    def verified(self, address: str, *, now: datetime | None = None) -> int:
        """Return the identity of an address that was shown to be the visitor's.

        All spellings of one mailbox are one identity. Raises `AddressError`.
        """
        return self._of("verified", self._database.mark("mailbox", mailbox(address)), now)

    def find(self, cookie: str) -> int | None:
        """Return the identity of a cookie, None where there is none; creates none."""
        mark = self._database.mark("cookie", cookie)
        with self._database.reading() as connection:
            row = connection.execute(select(identities.c.id).where(identities.c.key == mark))
            return row.scalar_one_or_none()

    def kind(self, identity: int) -> Kind:
        """Return whether the identity is anonymous or verified. Raises `CommunityError`."""
        with self._database.reading() as connection:
            return _row(connection, identity)[0]

    def merge(self, anonymous: int, verified: int, *, now: datetime | None = None) -> None:
        """Give an anonymous identity's votes to a verified one, after a sign-in.

        On a tool both voted on, the verified vote stays. A banned identity's votes go nowhere.
        The anonymous identity remains, without votes. Raises `CommunityError` where the two are
        not of these kinds.
        """
        now = now or datetime.now(UTC)
        with self._database.writing(alone=BULK) as connection:
            kind, banned = _row(connection, anonymous)
            if (kind, _row(connection, verified)[0]) != ("anonymous", "verified"):
                raise CommunityError("only an anonymous identity can be merged into a verified one")
            if banned is None:
                _move(connection, anonymous, verified, now)

    def ban(self, identity: int, *, now: datetime | None = None) -> None:
        """Exclude the identity's votes from every tally, and accept no more of them."""
        self._set_banned(identity, now or datetime.now(UTC))

    def unban(self, identity: int) -> None:
        """Count the identity's votes again."""
        self._set_banned(identity, None)

    def is_banned(self, identity: int) -> bool:
        """Return whether the identity is banned. Raises `CommunityError` where there is none."""
        with self._database.reading() as connection:
            return _row(connection, identity)[1] is not None

    def _of(self, kind: Kind, mark: str, now: datetime | None) -> int:
        here = select(identities.c.id).where(identities.c.key == mark)
        with self._database.reading() as connection:
            if (known := connection.execute(here).scalar_one_or_none()) is not None:
                return int(known)
        row = {"kind": kind, "key": mark, "created": now or datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(insert(connection, identities).values(row).on_conflict_do_nothing())
            return int(connection.execute(here).scalar_one())

    def _set_banned(self, identity: int, moment: datetime | None) -> None:
        with self._database.writing() as connection:
            _row(connection, identity)
            connection.execute(
                update(identities).where(identities.c.id == identity).values(banned=moment)
            )


def _row(connection: Connection, identity: int) -> tuple[Kind, datetime | None]:
    columns = select(identities.c.kind, identities.c.banned)
    row = connection.execute(columns.where(identities.c.id == identity)).one_or_none()
    if row is None:
        raise CommunityError("there is no such identity")
    return row.kind, row.banned


def _move(connection: Connection, anonymous: int, verified: int, now: datetime) -> None:
    mine = select(votes).where(votes.c.identity == anonymous).order_by(votes.c.tool)
    for vote in connection.execute(mine.with_for_update()).all():
        row = {**vote._mapping, "identity": verified}
        moved = insert(connection, votes).values(row).on_conflict_do_nothing()
        if connection.execute(moved.returning(votes.c.tool)).first():
            log_vote(connection, row, cause="merged", at=now)
        this = tuple_(votes.c.identity, votes.c.tool) == (anonymous, vote.tool)
        connection.execute(delete(votes).where(this))
        gone = {**vote._mapping, "choice": None}
        log_vote(connection, gone, cause="merged", at=now)
