"""Votes, addresses, links and requests turned down, and the database behind them."""

from typing import Literal

from panel.foundation.errors.root import PanelError


class CommunityError(PanelError):
    """What someone asked of the community part is turned down."""

    exit_code = 2


class AddressError(CommunityError):
    """This is no address that mail can be sent to."""


class TokenError(CommunityError):
    """A mailed link cannot be used; `reason` tells a used one from an old and a false one."""

    def __init__(
        self,
        message: str,
        *,
        reason: Literal["forged", "expired", "spent"],
        subject: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.subject = subject
        """What a used one was about; None for others."""


class Banned(CommunityError):
    """The identity may not vote any more."""


class QueueFull(CommunityError):
    """Enough review requests are waiting already; later ones may be taken."""


class BudgetSpent(CommunityError):
    """So many reviews were asked for that no more are taken for `wait` seconds."""

    def __init__(self, message: str, *, wait: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class Unkeepable(CommunityError):
    """A number too large, or letters that no database keeps."""


class DatabaseError(PanelError):
    """The database cannot be used as it is: wrong place, unknown format, damaged, or taken."""

    exit_code = 2


class DatabaseDown(DatabaseError):
    """The database does not answer now.

    What it acknowledged is kept. The same call may be made again: if the first one went through
    unnoticed, the second changes nothing.
    """

    exit_code = 3


class DatabaseFull(DatabaseDown):
    """The database has no room left; reading still works."""
