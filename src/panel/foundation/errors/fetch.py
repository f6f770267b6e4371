"""A page or document that could not be had as evidence."""

from datetime import datetime
from typing import ClassVar

from panel.foundation.errors.root import PanelError


class FetchError(PanelError):
    """A page or document could not be had; `code` is stable across releases."""

    code: ClassVar[str] = "not_fetched"


class Blocked(FetchError):
    """The address, or one it leads to, is none that panel may connect to."""

    code = "blocked_address"


class TooLarge(FetchError):
    """More bytes than a page may have."""

    code = "too_large"


class TooSlow(FetchError):
    """The page's one total deadline passed."""

    code = "too_slow"


class BadResponse(FetchError):
    """The server answered, but not with a page; `status` is None where no response was whole."""

    code = "bad_response"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        again: datetime | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.again = again
        """When a server whose limit is used up says that it will answer again."""


class NoAnswer(FetchError):
    """No such host, no connection, no trusted TLS."""

    code = "no_answer"


class Unparseable(FetchError):
    """The bytes are no document that can be read within the limits."""

    code = "unparseable"
