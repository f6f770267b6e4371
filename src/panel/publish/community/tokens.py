"""Tokens in mailed links: signed, dated, good for one purpose and one use."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import delete, select

from panel.foundation.errors import TokenError
from panel.publish.community.database import Database
from panel.publish.community.tables import insert, spent

LONGEST: Final = 2000
"""Characters a token may have; a longer one is not looked at."""

_KEPT: Final = timedelta(days=30)


class Tokens:
    """Makes and reads tokens under the database's secret.

    The subject can be read by whoever holds the token: it is signed, not hidden.
    """

    def __init__(self, database: Database) -> None:
        """Remember the database, where spent tokens are kept."""
        self._database = database

    def issue(
        self, purpose: str, subject: str, *, hours: float, now: datetime | None = None
    ) -> str:
        """Return a token for a link, which `purpose` and nothing else accepts for so long."""
        expires = (now or datetime.now(UTC)) + timedelta(hours=hours)
        body = [subject, int(expires.timestamp()), secrets.token_urlsafe(12)]
        return str(self._signer(purpose).dumps(body))

    def read(self, purpose: str, token: str, *, now: datetime | None = None) -> str:
        """Return the subject and leave the token as it is.

        Raises `TokenError`: forged (or made for something else), expired, or spent.
        """
        subject, expires, name = self._opened(purpose, token)
        with self._database.reading() as connection:
            if connection.execute(select(spent.c.token).where(spent.c.token == name)).first():
                raise _used(subject)
        _check_date(expires, now or datetime.now(UTC))
        return subject

    def spend(self, purpose: str, token: str, *, now: datetime | None = None) -> str:
        """Return the subject, once: of many calls at the same time one succeeds.

        Raises `TokenError` as `read` does.
        """
        now = now or datetime.now(UTC)
        subject, expires, name = self._opened(purpose, token)
        with self._database.writing() as connection:
            row = {"token": name, "expires": expires, "at": now}
            added = insert(connection, spent).values(row).on_conflict_do_nothing()
            if not connection.execute(added.returning(spent.c.token)).first():
                raise _used(subject)
            _check_date(expires, now)
            connection.execute(delete(spent).where(spent.c.expires < now - _KEPT))
        return subject

    def forget_expired(self, *, now: datetime | None = None) -> int:
        """Forget the used tokens that have expired long ago; return how many."""
        before = (now or datetime.now(UTC)) - _KEPT
        with self._database.writing() as connection:
            return connection.execute(delete(spent).where(spent.c.expires < before)).rowcount

    def _signer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._database.secret,
            salt=f"panel token: {purpose}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def _opened(self, purpose: str, token: str) -> tuple[str, datetime, str]:
        signer = self._signer(purpose)
        try:
            if len(token) > LONGEST:
                raise BadData("too long")
            subject, expires, nonce = body = signer.loads(token)
            if signer.dumps(body) != token:  # Base64 has many spellings of the same bytes
                raise BadData("not as it was issued")
        except (BadData, UnicodeError):
            raise TokenError(
                "this link is not one that was mailed, or not all of it", reason="forged"
            ) from None
        return subject, datetime.fromtimestamp(expires, UTC), f"{purpose}:{nonce}"


def _check_date(expires: datetime, now: datetime) -> None:
    if now > expires:
        raise TokenError("this link has expired", reason="expired", hint="ask for a new one")


def _used(subject: str) -> TokenError:
    words = "this link was used already"
    return TokenError(words, reason="spent", subject=subject, hint="ask for a new one")
