"""Visitors: which identity a request's cookies stand for. Asks the database, so call it in threads.

A session counts before an anonymous cookie; one that is over counts as none.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from panel.foundation.errors import TokenError
from panel.publish.server.cookies import SESSION_DAYS, Cookies
from panel.publish.server.database import DatabaseAccess

SESSION: Final = "session"


@dataclass(frozen=True)
class Who:
    """A visitor; without an identity one who has never voted."""

    identity: int | None = None
    signed_in: bool = False


class Visitors:
    """Turns cookies into identities."""

    def __init__(self, records: DatabaseAccess) -> None:
        """Remember the database."""
        self._records = records

    def find(self, cookies: Cookies) -> Who:
        """Return who asks, making no identity."""
        if (member := self._member(cookies)) is not None:
            return Who(member, signed_in=True)
        if cookies.voter is not None:
            return Who(self._records.identities.find(cookies.voter))
        return Who()

    def anonymous(self, voter: str) -> int:
        """Return the identity of an anonymous voter's cookie, made where it is new."""
        return self._records.identities.anonymous(voter)

    def sign_in(self, address: str, cookies: Cookies) -> str:
        """Return a session for the owner of an address; the anonymous votes become theirs."""
        identities = self._records.identities
        member = identities.verified(address)
        if cookies.voter is not None and (own := identities.find(cookies.voter)) is not None:
            identities.merge(own, member)
        return self._records.tokens.issue(SESSION, str(member), hours=24 * SESSION_DAYS)

    def sign_out(self, cookies: Cookies) -> None:
        """End a session for good, also where a copy of its cookie was kept."""
        if cookies.session is not None:
            with suppress(TokenError):
                self._records.tokens.spend(SESSION, cookies.session)

    def _member(self, cookies: Cookies) -> int | None:
        if cookies.session is None:
            return None
        try:
            return int(self._records.tokens.read(SESSION, cookies.session))
        except (TokenError, ValueError):
            return None
