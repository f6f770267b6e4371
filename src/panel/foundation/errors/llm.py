"""A question to a model that got no usable answer, and the stable codes for it."""

from typing import ClassVar, Final, Literal, get_args

from panel.foundation.errors.root import PanelError

MissingReason = Literal[
    "timeout", "rate_limited", "refused", "empty", "filtered", "truncated",
    "invalid", "unreachable", "auth", "quota", "model_not_found",
]  # fmt: skip
"""Why a review is missing: the codes of DESIGN §7, stable across releases."""

PASSING: Final[frozenset[MissingReason]] = frozenset({"timeout", "rate_limited", "unreachable"})
"""Reasons that pass: a review missing for one of them is pending, and `panel resume` asks it."""

REASONS: Final[frozenset[MissingReason]] = frozenset(get_args(MissingReason))
"""Every reason: `panel retry` asks what is missing for any of them."""


class CallError(PanelError):
    """One question to a model got no usable answer."""

    reason: ClassVar[MissingReason] = "unreachable"
    transient: ClassVar[bool] = False
    stops_run: ClassVar[bool] = False
    retry_after: float | None = None
    """Seconds the server asks us to wait, where it asks."""
    reply: object = None
    """What came back (a `Reply`), where something did: its tokens are counted all the same."""


class Transient(CallError):
    """It may pass: trying again may help."""

    transient = True

    def __init__(
        self, message: str, *, retry_after: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The server asks us to wait."""

    reason = "rate_limited"


class TimedOut(CallError):
    """The call's one total deadline passed."""

    reason = "timeout"


class Unreachable(Transient):
    """No connection, a broken reply, a server fault (5xx) or a page that stands in between."""

    reason = "unreachable"


class Untrusted(Unreachable):
    """The server's certificate is not trusted here: waiting does not mend it, a person does."""

    transient = False
    stops_run = True


class KeyRejected(CallError):
    """401 or 403: the key is missing or wrong, or its account may not do this."""

    reason = "auth"
    stops_run = True
    certain: bool = True
    """False: the server does not say why, so that it may be about this one question only."""


class QuotaSpent(CallError):
    """The account has no credit left, or has spent its quota of the day, week or month."""

    reason = "quota"
    stops_run = True


class ModelNotFound(CallError):
    """The provider does not serve this model."""

    reason = "model_not_found"
    stops_run = True


class NotStored(CallError):
    """A replayed run holds no answer to this question: something about it has changed."""

    stops_run = True


class BadReply(CallError):
    """The request was turned down, or the reply is not what was asked for."""

    reason = "invalid"


class FormatRefused(BadReply):
    """The server turned the request down and named the structured-output format."""

    once: bool = False
    """True: the format is taken, only this answer could not be made in it."""


class ParameterRefused(BadReply):
    """The server turned the request down and named a parameter; the next one is different."""

    parameter: str = ""
    """Its name in the request; `system` for the role of the first message."""
    said: str = ""
    """The server's words, which may hold the number that it does take."""


class NeedsRoom(BadReply):
    """The model had not come to its short answer when its tokens were used up."""

    def __init__(self, message: str, *, thinks: bool = False) -> None:
        """`thinks` tells that it was thinking, which takes far more room than a preamble."""
        super().__init__(message)
        self.thinks = thinks

    def say(self, message: str) -> None:
        """Say instead what to do, once no more room can be given."""
        self.message = message
        self.args = (message,)


class Refused(CallError):
    """The model declined to answer."""

    reason = "refused"


class Empty(CallError):
    """The model answered with nothing."""

    reason = "empty"


class Filtered(CallError):
    """A content filter removed the answer."""

    reason = "filtered"


class Truncated(CallError):
    """The answer hit the token limit or the size cap."""

    reason = "truncated"


def call_error(reason: str, message: str) -> CallError:
    """Return the error that a stored reason stands for, to be met again in a replay."""
    kinds: tuple[type[CallError], ...] = (
        Unreachable, RateLimited, TimedOut, Truncated, Filtered, Empty, Refused,
    )  # fmt: skip
    return next((kind for kind in kinds if kind.reason == reason), BadReply)(message)
