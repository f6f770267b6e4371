"""A mail that was not, or not surely, taken by the server."""

from panel.foundation.errors.root import PanelError


class MailError(PanelError):
    """The mail server did not take a mail; names the server, never the recipient or a password."""


class MailRefused(MailError):
    """The server will not work for us at all: no later mail can succeed."""

    exit_code = 2


class MailRejected(MailError):
    """The server turned this recipient or this mail down for good (5xx)."""


class MailDeferred(MailError):
    """No connection, a lost one, or "not now" (4xx): the mail was not taken, later it may be.

    `everybody` tells that the server served nobody, not only this recipient.
    """

    def __init__(self, message: str, *, everybody: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.everybody = everybody


class MailUncertain(MailError):
    """The whole mail was handed over and no answer came: it may have been taken."""
