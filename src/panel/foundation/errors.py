"""Every error of panel, split by whether the user or the other side can fix it.

    PanelError
    ├── InputError            the user can fix it; asking again will not   (exit 2)
    │   ├── ToolError         a tool, tool list or evidence file cannot be used
    │   ├── PersonaError      a persona file breaks its contract
    │   ├── PromptError       a prompt template breaks its contract
    │   ├── SettingsError     panel.toml, an environment variable or an option is wrong
    │   ├── ProviderError     unknown provider, or one that is not fully named
    │   ├── MissingKey        the provider needs a key and none is there
    │   └── ModelError        a local model cannot be found, fetched or trusted
    ├── RunError              a run cannot be read, locked or resumed      (exit 2)
    │   └── RunStopped        it stopped early and can be resumed          (exit 3)
    │       └── DiskFull      no room left for the journal or a file
    ├── CommunityError        a vote, an address, a link or a request is rejected (exit 2)
    │   ├── AddressError      no address that mail can be sent to
    │   ├── TokenError        a mailed link is forged, expired or used already
    │   ├── Banned            the identity may not vote any more
    │   ├── QueueFull         enough review requests are waiting already
    │   ├── BudgetSpent       enough were asked for today, by one person or by all
    │   └── Unkeepable        a number or characters that the database cannot store
    ├── DatabaseError         the database cannot be used as it is   (exit 2)
    │   └── DatabaseDown      it does not answer now; what it acknowledged is kept (exit 3)
    │       └── DatabaseFull  it has no room left
    ├── FetchError            a page or document could not be had as evidence
    │   ├── Blocked           panel may not connect to its address
    │   ├── TooLarge  TooSlow
    │   ├── BadResponse       a status, or bytes, that are no page
    │   ├── NoAnswer          no such host, or no connection
    │   └── Unparseable       its bytes are no document that can be read
    ├── MailError             the mail server did not take a mail
    │   ├── MailRefused       it accepts no mail from us: key, sender, encryption  (exit 2)
    │   ├── MailRejected      not for this recipient, and it never will
    │   ├── MailDeferred      not now: trying again later may help
    │   └── MailUncertain     the connection broke after the whole mail was sent
    └── CallError             a request to a model got no usable answer
        ├── Transient                                 trying again may help
        │   └── RateLimited  Unreachable
        │       └── Untrusted                         its certificate: the run stops
        ├── TimedOut                                  its one total deadline passed
        ├── KeyRejected  QuotaSpent  ModelNotFound    no later call can succeed: the run stops
        ├── NotStored                                 a replayed run lacks the answer: likewise
        └── BadReply  Refused  Empty  Filtered  Truncated    answered, but not with an answer
            ├── FormatRefused  ParameterRefused       the server names what it turns down
            └── NeedsRoom                             asked again with more tokens

A message is one line without markup and never holds a key. `hint` is the next thing to type.
"""

from datetime import datetime
from typing import ClassVar, Final, Literal, get_args


class PanelError(Exception):
    """Anything panel reports in one line instead of a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(PanelError):
    """The input is wrong: a retry without a change fails again."""

    exit_code = 2


class ToolError(InputError):
    """A tool, a tool list or an evidence file cannot be used."""


class PersonaError(InputError):
    """A persona file breaks its contract."""


class PromptError(InputError):
    """A prompt template breaks its contract."""


class SettingsError(InputError):
    """A setting is unknown or has an impossible value."""


class ProviderError(InputError):
    """The provider is unknown, or not fully named."""


class MissingKey(InputError):
    """The provider needs a key and none was found."""


class ModelError(InputError):
    """A local model cannot be found, fetched or trusted."""


class RunError(PanelError):
    """A stored run cannot be read, locked, resumed or written."""

    exit_code = 2


class RunStopped(RunError):
    """The run stopped early; what is finished is kept and `panel resume` goes on."""

    exit_code = 3


class RunDamaged(RunStopped):
    """The journal was found damaged while the run went on; the next opening repairs it."""


class DiskFull(RunStopped):
    """There is no room left for the journal or a file."""


class CommunityError(PanelError):
    """A vote, an address, a link or a request is rejected."""

    exit_code = 2


class AddressError(CommunityError):
    """The text is not an address that mail can be sent to."""


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
        """The subject of a used link; None for others."""


class Banned(CommunityError):
    """The identity may not vote any more."""


class QueueFull(CommunityError):
    """The queue of review requests is full; a later request may be accepted."""


class BudgetSpent(CommunityError):
    """The limit of review requests is reached; none is accepted for `wait` seconds."""

    def __init__(self, message: str, *, wait: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class Unkeepable(CommunityError):
    """A number or characters that the database cannot store."""


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


class FetchError(PanelError):
    """A page or document could not be had; `code` is stable across releases."""

    code: ClassVar[str] = "not_fetched"


class Blocked(FetchError):
    """panel may not connect to the address, or to one that it redirects to."""

    code = "blocked_address"


class TooLarge(FetchError):
    """More bytes than a page may have."""

    code = "too_large"


class TooSlow(FetchError):
    """The page's one total deadline passed."""

    code = "too_slow"


class BadResponse(FetchError):
    """The server sent no page; `status` is None where no response was complete."""

    code = "bad_response"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_at: datetime | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retry_at = retry_at
        """The time at which the server's rate limit resets, where it states one."""


class NoAnswer(FetchError):
    """No such host, no connection, no trusted TLS."""

    code = "no_answer"


class Unparseable(FetchError):
    """The bytes are no document that can be read within the limits."""

    code = "unparseable"


class MailError(PanelError):
    """The mail server did not take a mail; names the server, never the recipient or a password."""


class MailRefused(MailError):
    """The server rejects the key, the sender or the encryption: no later mail can succeed."""

    exit_code = 2


class MailRejected(MailError):
    """The server turned this recipient or this mail down for good (5xx)."""


class MailDeferred(MailError):
    """No connection, a lost one, or a 4xx reply: the mail was not accepted, a retry may help.

    `everybody`: the server accepts no mail now, whoever the recipient is.
    """

    def __init__(self, message: str, *, everybody: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.everybody = everybody


class MailUncertain(MailError):
    """The whole mail was sent and no reply came: the server may have accepted it."""


MissingReason = Literal[
    "timeout", "rate_limited", "refused", "empty", "filtered", "truncated",
    "invalid", "unreachable", "auth", "quota", "model_not_found",
]  # fmt: skip
"""Why a review is missing; codes that are stable across releases."""

PASSING: Final[frozenset[MissingReason]] = frozenset({"timeout", "rate_limited", "unreachable"})
"""Temporary reasons: such a review is pending, and `panel resume` asks for it again."""

REASONS: Final[frozenset[MissingReason]] = frozenset(get_args(MissingReason))
"""Every reason: `panel retry` asks again for a review missing for any of them."""


class CallError(PanelError):
    """A request to a model got no usable answer."""

    reason: ClassVar[MissingReason] = "unreachable"
    stops_run: ClassVar[bool] = False
    elsewhere: bool = False
    """The provider could not answer, whatever it was asked: another one may."""
    retry_after: float | None = None
    """Seconds the server asks us to wait, where it asks."""
    reply: object = None
    """The `ChatResponse`, where one came: its tokens are counted too."""


class Transient(CallError):
    """A temporary failure: a retry may succeed."""

    elsewhere = True

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
    elsewhere = True


class Unreachable(Transient):
    """No connection, a broken reply, a server error (5xx), or the page of a proxy or login."""

    reason = "unreachable"


class Untrusted(Unreachable):
    """The server's certificate is not trusted here: a retry does not help."""

    stops_run = True


class KeyRejected(CallError):
    """401 or 403: the key is missing or wrong, or its account may not do this."""

    reason = "auth"
    stops_run = True
    elsewhere = True
    certain: bool = True
    """False: the server gives no reason, so only this one request may be rejected."""


class QuotaSpent(CallError):
    """The account has no credit left, or its daily, weekly or monthly quota is used up."""

    reason = "quota"
    stops_run = True
    elsewhere = True


class ModelNotFound(CallError):
    """The provider does not serve this model."""

    reason = "model_not_found"
    stops_run = True
    elsewhere = True


class NotStored(CallError):
    """The replayed run has no response to this request: part of the request has changed."""

    stops_run = True


class BadReply(CallError):
    """The request was rejected, or the reply does not have the requested form."""

    reason = "invalid"


class FormatRefused(BadReply):
    """The server rejected the request and named the structured-output format."""

    once: bool = False
    """True: the server supports the format, and failed to generate this one answer in it."""


class ParameterRefused(BadReply):
    """The server rejected the request and named a parameter; the next request changes it."""

    parameter: str = ""
    """Its name in the request; `system` for the role of the first message."""
    words: str = ""
    """The server's message, which may state the number that it accepts."""


class NeedsRoom(BadReply):
    """The tokens ran out before the model reached its short answer."""

    def __init__(self, message: str, *, thinks: bool = False) -> None:
        """`thinks`: the tokens went into thinking, which takes far more than a preamble."""
        super().__init__(message)
        self.thinks = thinks

    def say(self, message: str) -> None:
        """Replace the message, where no more tokens can be given."""
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
    """Return the error of a stored reason, to raise it again in a replay."""
    kinds: tuple[type[CallError], ...] = (
        Unreachable, RateLimited, TimedOut, Truncated, Filtered, Empty, Refused,
    )  # fmt: skip
    return next((kind for kind in kinds if kind.reason == reason), BadReply)(message)
