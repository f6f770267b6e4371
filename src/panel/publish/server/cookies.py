"""Cookies: read from a request, and written so that no script and no other site can use them."""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

Name = Literal["voter", "session", "notice"]

YEAR: Final = 365 * 24 * 3600
SESSION_DAYS: Final = 30

_VALUE: Final = {
    "voter": re.compile(r"[A-Za-z0-9_-]{22,64}"),
    "session": re.compile(r"[A-Za-z0-9_.=-]{20,600}"),
    "notice": re.compile(r"[a-z-]{1,30}"),
}


@dataclass(frozen=True)
class Cookies:
    """The cookies of one request; None where one is missing or malformed."""

    voter: str | None = None
    """Random: tells an anonymous voter's own votes apart."""
    session: str | None = None
    """A signed token: who has signed in."""
    notice: str | None = None
    """The code of a notice to show once: see `flash`."""

    @property
    def any(self) -> bool:
        """Whether pages may look different to this visitor."""
        return bool(self.voter or self.session or self.notice)


NONE: Final = Cookies()


class CookieJar:
    """Reads and writes the cookies of one site."""

    def __init__(self, *, secure: bool) -> None:
        """`secure`: the site is read over https, and cookies go nowhere else."""
        self._secure = secure
        # The browser itself then refuses a cookie that another host of the domain has set.
        self._prefix = "__Host-panel-" if secure else "panel-"

    def read(self, request: Request) -> Cookies:
        """Return a request's cookies; values that this site cannot have written are left out."""
        if "cookie" not in request.headers:
            return NONE
        sent = request.cookies
        return Cookies(*(self._usable(name, sent) for name in ("voter", "session", "notice")))

    def write(self, response: Response, name: Name, value: str, *, seconds: int) -> None:
        """Have the browser keep a cookie for so long."""
        response.set_cookie(
            self._prefix + name,
            value,
            max_age=seconds,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def drop(self, response: Response, name: Name) -> None:
        """Have the browser forget a cookie."""
        self.write(response, name, "", seconds=0)

    def _usable(self, name: str, sent: dict[str, str]) -> str | None:
        value = sent.get(self._prefix + name)
        return value if value and _VALUE[name].fullmatch(value) else None


def new_voter() -> str:
    """Return the value of a new anonymous voter's cookie."""
    return secrets.token_urlsafe(24)
