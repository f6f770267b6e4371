"""Which identity a request's cookies stand for. Queries the database, so call it in threads.

A session counts before an anonymous cookie; one that is over counts as none.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from panel.foundation.errors import TokenError
from panel.publish.community.identities import Identities
from panel.publish.community.tokens import Tokens
from panel.publish.server.cookies import SESSION_DAYS, Cookies

SESSION: Final = "session"


@dataclass(frozen=True)
class CurrentUser:
    """A visitor; without an identity one who has never voted."""

    identity: int | None = None
    signed_in: bool = False


class Visitors:
    """Turns cookies into identities."""

    def __init__(self, identities: Identities, tokens: Tokens) -> None:
        """Take the identities and the tokens of sessions."""
        self._identities = identities
        self._tokens = tokens

    def find(self, cookies: Cookies) -> CurrentUser:
        """Return who sends a request, making no identity."""
        if (member := self._member(cookies)) is not None:
            return CurrentUser(member, signed_in=True)
        if cookies.voter is not None:
            return CurrentUser(self._identities.find(cookies.voter))
        return CurrentUser()

    def anonymous(self, voter: str) -> int:
        """Return the identity of an anonymous voter's cookie, made where it is new."""
        return self._identities.anonymous(voter)

    def sign_in(self, address: str, cookies: Cookies) -> str:
        """Return a session for the owner of an address; the anonymous votes become theirs."""
        member = self._identities.verified(address)
        if cookies.voter is not None and (voter := self._identities.find(cookies.voter)):
            self._identities.merge(voter, member)
        return self._tokens.issue(SESSION, str(member), hours=24 * SESSION_DAYS)

    def sign_out(self, cookies: Cookies) -> None:
        """End a session for good, also where a copy of its cookie was kept."""
        if cookies.session is not None:
            with suppress(TokenError):
                self._tokens.spend(SESSION, cookies.session)

    def _member(self, cookies: Cookies) -> int | None:
        if cookies.session is None:
            return None
        try:
            return int(self._tokens.read(SESSION, cookies.session))
        except (TokenError, ValueError):
            return None
