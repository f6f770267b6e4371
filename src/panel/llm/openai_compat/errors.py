"""What a failed response means: HTTP status and body to one error of ours, with the next step.

`ErrorReader` decides in an order: whether it is about the account, this input, this moment, or
about something that the request can do without; only then the status counts. Knows no HTTP client.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from panel.foundation.errors import (
    BadReply,
    CallError,
    Filtered,
    FormatRefused,
    KeyRejected,
    ModelNotFound,
    ParameterRefused,
    QuotaSpent,
    RateLimited,
    Unreachable,
)
from panel.foundation.retry_after import Headers, retry_after, wait_in_body
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat import error_patterns
from panel.llm.openai_compat.error_text import ErrorText, read_error
from panel.llm.openai_compat.named_limits import fewer_tokens
from panel.llm.openai_compat.redact import Redactor
from panel.llm.providers.table import provider_table

PARAMETERS: Final = (
    "top_logprobs", "logprobs", "stream_options", "max_completion_tokens", "max_tokens",
    "temperature", "seed",
)  # fmt: skip
"""What a request can do without, the longer of two alike first."""


class RefusedCall(NamedTuple):
    """A response that is no answer, and the request it was sent to."""

    status: int
    """0: an error object inside of a 200 that names no status of its own."""
    body: ErrorText
    text: str
    """All of the body that may decide, on one line."""
    words: str
    """What it says for people: "" or `: ` and one harmless line without secrets."""
    wait: float | None
    """Seconds the server asks us to wait."""
    format: ResponseFormat
    payload: Mapping[str, Any]
    """The request's body: only what stands in it can have been refused."""
    guarded: bool
    """A header says that a guard before the server answers."""

    @property
    def status_text(self) -> str:
        """The status for messages."""
        return f"({self.status or 200})"

    @property
    def room(self) -> int:
        """Tokens that were asked for; 0 where none were named."""
        room = self.payload.get("max_tokens", self.payload.get("max_completion_tokens"))
        return room if isinstance(room, int) else 0

    @property
    def has_system(self) -> bool:
        """Whether a system message was sent."""
        return any(message.get("role") == "system" for message in self.payload.get("messages", ()))

    @property
    def parameter(self) -> str | None:
        """The parameter, of those that were sent, that the server says it does not take."""
        if not error_patterns.REFUSAL.search(self.text):
            return None
        names = (name for name in PARAMETERS if name in self.payload)
        return next((name for name in names if re.search(rf"\b{name}\b", self.text)), None)

    @property
    def about_model(self) -> bool:
        """Whether it says that the model is not there."""
        return error_patterns.NO_MODEL.search(self.text) is not None and self.parameter is None


_DISPENSABLE: Final = ("logprobs", "seed", "stream_options", "temperature")
"""What is left out, one after the other, where a server takes not all and names none."""


def refused(failure: RefusedCall, host: str) -> CallError | None:
    """Return the error of a request that can be asked differently, or never; None for others."""
    if failure.status in (401, 402) or (failure.body.page and failure.status != 413):
        return None
    broke = failure.status >= 500
    if _system_refused(failure):
        return parameter_refused("system", failure, host)
    if not broke and (failure.status == 413 or fewer(failure) is not None):
        return too_long(failure, host)
    if "logprobs" in failure.payload and error_patterns.LOGPROBS.search(failure.text):
        return parameter_refused("logprobs", failure, host)
    if not broke and not failure.about_model and (name := failure.parameter):
        return parameter_refused(name, failure, host)
    if failure.format != "prompt" and (error := _format_refused(failure, host)):
        return error
    if error_patterns.PARAMETERS_UNMET.search(failure.text):
        for name in _DISPENSABLE:
            if name in failure.payload:
                return parameter_refused(name, failure, host)
    return None


def fewer(failure: RefusedCall) -> int | None:
    """Return the room that is left; 0: the question is too long; None: it is not about that."""
    limit = fewer_tokens(failure.text, failure.room)
    return None if limit is None else limit.tokens


def too_long(failure: RefusedCall, host: str) -> CallError:
    """Return the error of a question that is too long with, or without, its answer."""
    if fewer(failure):
        return parameter_refused("max_tokens", failure, host)
    what = f"{host}: the question is longer than the model can read"
    if re.search("per min|tpm", failure.text, re.IGNORECASE):
        what = f"{host} takes fewer tokens a minute than this question has"
    return BadReply(
        f"{what} {failure.status_text}{failure.words}",
        hint="give fewer evidence_tokens in panel.toml, or a model with a larger context",
    )


def parameter_refused(name: str, failure: RefusedCall, host: str) -> ParameterRefused:
    """Return the error that names a parameter, with the words that may hold its limit."""
    if name == "max_tokens" and "max_completion_tokens" in failure.payload:
        name = "max_completion_tokens"
    what = {"system": "a system message"}.get(name, name)
    if name.startswith("max_") and fewer(failure):
        what = f"{name} of {failure.room:,}"
    error = ParameterRefused(f"{host} does not take {what} {failure.status_text}{failure.words}")
    error.parameter, error.words = name, failure.text
    return error


def _system_refused(failure: RefusedCall) -> bool:
    """A server that broke (5xx) must speak of roles or templates, not of a system of its own."""
    if not failure.has_system or not error_patterns.SYSTEM.search(failure.text):
        return False
    return failure.status < 500 or error_patterns.TEMPLATE.search(failure.text) is not None


def _format_refused(failure: RefusedCall, host: str) -> FormatRefused | None:
    once = error_patterns.MISMADE.search(failure.text) is not None
    strict = failure.status >= 500 or failure.status in (403, 404)
    named = error_patterns.FORMAT_BROKE if strict else error_patterns.FORMAT
    unmet = error_patterns.PARAMETERS_UNMET.search(failure.text) is not None
    if (
        not (once or unmet or failure.status == 501 or named.search(failure.text))
        or failure.about_model
    ):
        return None
    what = "could not answer in" if once else "does not take"
    error = FormatRefused(
        f"{host} {what} the format {failure.format} {failure.status_text}{failure.words}"
    )
    error.once = once
    return error


_HF_CREDIT: Final = "https://huggingface.co/settings/billing"


class AccountErrors:
    """Errors about one provider's account, and what to do about them."""

    def __init__(self, config: ProviderConfig, redactor: Redactor) -> None:
        self._config = config
        self._redact = redactor
        self._host = host_of(config.base_url or "")

    def quota_spent(self, failure: RefusedCall) -> QuotaSpent:
        """Return the error of an account without credit, or with its quota spent."""
        return QuotaSpent(f"{self._host}: no credit left {failure.status_text}{failure.words}",
                          hint=self._top_up())  # fmt: skip

    def key_rejected(self, failure: RefusedCall) -> KeyRejected | None:
        """Return the error of a key, or of an account that may not do this; None for others."""
        bad_key = error_patterns.BAD_KEY.search(failure.text) is not None and failure.status < 500
        if failure.status not in (401, 403, 451) and not bad_key:
            return None
        about_key = (
            bad_key or failure.status == 401 or error_patterns.KEY.search(failure.text) is not None
        )
        error = self._rejected(failure, about_key)
        known = error_patterns.ACCOUNT.search(failure.text) or error_patterns.BARRED.search(
            failure.text
        )
        error.certain = bool(about_key or known)
        return error

    def no_model(self, failure: RefusedCall) -> ModelNotFound:
        """Return the error of a model that is not served."""
        model = self._redact.line(self._config.wire_model, limit=120)
        return ModelNotFound(
            f"{self._host} does not serve the model {model} {failure.status_text}{failure.words}",
            hint="--model NAME, another --provider, or an address that ends in /v1",
        )

    def _rejected(self, failure: RefusedCall, about_key: bool) -> KeyRejected:
        where = self._config.key_from or "this server's settings"
        hint = "name the server in panel.toml: [providers.NAME] with base_url and key_env"
        suffix = f": {url}" if (url := self._key_url()) else ""
        if self._config.key is None and about_key:
            problem = f"wants a key {failure.status_text} and none is set"
        elif self._config.key is None:
            problem = f"does not allow this {failure.status_text}"
        elif about_key:
            problem = f"rejects the key in {where} {failure.status_text}"
            hint = f"check {where}{suffix}"
        else:
            problem = f"does not allow this with the key in {where} {failure.status_text}"
            hint = f"check what {where} and its account may do{suffix}"
        return KeyRejected(f"{self._host} {problem}{failure.words}", hint=hint)

    def _top_up(self) -> str:
        if self._is_router():
            return (
                f"a free account has no credit: buy some at {_HF_CREDIT}, name an organisation"
                " that pays with --bill-to, or use --provider local"
            )
        where = f" where its key is had: {url}" if (url := self._key_url()) else ""
        return f"add credit{where}, or use another account, another --provider or --provider local"

    def _is_router(self) -> bool:
        return self._host == host_of(provider_table().router.base_url or "")

    def _key_url(self) -> str:
        table = provider_table()
        if self._is_router():
            return table.router.key_url or ""
        rows = (row for row in table.rows.values() if host_of(row.base_url or "") == self._host)
        return next((row.key_url for row in rows if row.key_url), "")


_WAITABLE: Final = 300.0
"""A daily quota that opens again within so many seconds is waited for like any rate."""

_MOMENT: Final = frozenset((408, 409, 425, 498, 529))
"""Of this moment like 5xx; 498 and 529 are vendors' own for "too busy"."""

_PAGES: Final = (401, 403, 406, 418, 429, 451)
"""A page with such a status comes from what stands before the server, not from its API."""

_DECISIVE: Final = 8_000
"""Characters of what a server says that are looked at: longer ones repeat what was asked."""

_GUARDS: Final = frozenset(("cf-mitigated", "x-amzn-waf-action"))


class FailedResponse(NamedTuple):
    """A response that is no answer."""

    status: int
    headers: Headers
    body: str
    now: datetime
    """This machine's clock, where the server's is not given."""


class ErrorReader:
    """Turns failed responses of one provider into errors whose messages hold no secret."""

    def __init__(self, config: ProviderConfig, redactor: Redactor) -> None:
        self.config = config
        self.redact = redactor
        self.host = host_of(config.base_url or "")
        self._accounts = AccountErrors(config, redactor)

    def of(
        self,
        failed: FailedResponse,
        *,
        format: ResponseFormat,
        payload: Mapping[str, Any] | None = None,
    ) -> CallError:
        """Return the error that a response with a status of 300 and above stands for.

        `sent` is the request's body: only what stands in it can have been refused.
        """
        if 300 <= failed.status < 400:
            return self._redirected(failed)
        failure = self._read(failed, format, payload or {})
        return (
            self._page(failure)
            or self._spent(failure)
            or self._limited(failure)
            or self._filtered(failure)
            or refused(failure, self.host)
            or self._guarded(failure)
            or self._barred(failure)
            or self._broken(failure)
        )

    def of_body(
        self,
        error: Any,
        now: datetime,
        *,
        format: ResponseFormat,
        payload: Mapping[str, Any] | None = None,
    ) -> CallError:
        """Return the error that an error object in a 200 response stands for."""
        body = json.dumps({"error": error}, default=str)
        return self.of(
            FailedResponse(_status_in(error), (), body, now), format=format, payload=payload
        )

    def _read(
        self, failed: FailedResponse, format: ResponseFormat, payload: Mapping[str, Any]
    ) -> RefusedCall:
        body, headers = read_error(failed.body), list(failed.headers)
        words = self.redact.line(body.words)
        return RefusedCall(
            status=failed.status,
            body=body,
            text=" ".join(body.all[:_DECISIVE].split()),
            words=f": {words}" if words else "",
            wait=retry_after(headers, now=failed.now)
            or wait_in_body(body.waits, body.parts, now=failed.now),
            format=format,
            payload=payload,
            guarded=any(name.lower() in _GUARDS for name, _ in headers),
        )

    def _page(self, failure: RefusedCall) -> CallError | None:
        """A bot filter, a sign-in page, a web server's own error: it speaks for no API."""
        page = failure.body.page and failure.status in _PAGES
        return (
            self._passing(failure) if page or (failure.guarded and failure.status < 500) else None
        )

    def _passing(self, failure: RefusedCall) -> CallError:
        rate = failure.status == 429 or "1015" in failure.text
        kind = RateLimited if rate else Unreachable
        return kind(
            f"{self.host} answers {failure.status}{failure.words}", retry_after=failure.wait
        )

    def _spent(self, failure: RefusedCall) -> CallError | None:
        """Credit or a long quota is spent; a mere rate is never taken for that."""
        if failure.body.page and failure.status != 402:
            return None
        text = failure.text
        rate = error_patterns.RATE.search(text) is not None
        if failure.status == 402 or error_patterns.SPENT.search(text):
            return self._affordable(failure) or self._accounts.quota_spent(failure)
        if failure.status in (0, 403, 429) or rate:
            soon = failure.wait is not None and failure.wait <= _WAITABLE
            if error_patterns.DAILY.search(text) or (
                error_patterns.PERIOD.search(text)
                and error_patterns.REACHED.search(text)
                and not soon
            ):
                return self._accounts.quota_spent(failure)
        coded = "insufficient_quota" in failure.body.codes
        if error_patterns.QUOTA.search(text) and not rate and (coded or failure.wait is None):
            return self._accounts.quota_spent(failure)
        return None

    def _affordable(self, failure: RefusedCall) -> CallError | None:
        """Credit for a shorter answer, where the answer itself still fits."""
        match = re.search(r"can only afford (\d+)", failure.text)
        if match is None or not failure.room - self.config.thinking <= int(match[1]) < failure.room:
            return None
        return parameter_refused("max_tokens", failure, self.host)

    def _limited(self, failure: RefusedCall) -> CallError | None:
        if failure.status != 429 and not (
            failure.status in (0, 403) and error_patterns.LIMITED.search(failure.text)
        ):
            return None
        if (
            re.search("request too large", failure.text, re.IGNORECASE)
            and fewer(failure) is not None
        ):
            return too_long(failure, self.host)  # more than a whole minute's tokens: no wait helps
        return RateLimited(
            f"{self.host}: too many requests {failure.status_text}{failure.words}",
            retry_after=failure.wait,
        )

    def _filtered(self, failure: RefusedCall) -> CallError | None:
        text = failure.text
        flagged = error_patterns.FLAGGED.search(text) and not error_patterns.BARRED.search(text)
        barred_here = failure.status == 451 and not error_patterns.PLACE.search(text)
        if (
            not (flagged or barred_here)
            or failure.status in (401, 404)
            or failure.body.page
            or failure.parameter
        ):
            return None
        if error_patterns.GUARD.search(text) and not error_patterns.OF_INPUT.search(text):
            return None
        return Filtered(
            f"{self.host} does not take this input {failure.status_text}{failure.words}"
        )

    def _guarded(self, failure: RefusedCall) -> CallError | None:
        guard = error_patterns.GUARD.search(failure.text) and not error_patterns.KEY.search(
            failure.text
        )
        return self._passing(failure) if guard and failure.status == 403 else None

    def _barred(self, failure: RefusedCall) -> CallError | None:
        """This key, or what its account may do; also a model it may not use."""
        if failure.status == 403 and failure.about_model:
            return self._accounts.no_model(failure)
        return self._accounts.key_rejected(failure)

    def _broken(self, failure: RefusedCall) -> CallError:
        """The rest: the status decides."""
        if failure.status == 404 or (failure.about_model and failure.status < 500):
            return self._accounts.no_model(failure)
        down = failure.status == 0 and error_patterns.DOWN.search(failure.text)
        if failure.status >= 500 or failure.status in _MOMENT or down:
            what = f"answers {failure.status}" if failure.status else "answers with an error"
            return Unreachable(f"{self.host} {what}{failure.words}", retry_after=failure.wait)
        return BadReply(f"{self.host} turns the request down {failure.status_text}{failure.words}")

    def _redirected(self, failed: FailedResponse) -> CallError:
        to = next((value for name, value in failed.headers if name.lower() == "location"), "")
        elsewhere = host_of(to) if "//" in to else "another path"
        return BadReply(
            f"{self.host} redirects to {self.redact.line(elsewhere, limit=80)} ({failed.status}):"
            " not followed, a key belongs to one host",
            hint="give the final address as base_url in panel.toml",
        )


def _status_in(error: Any) -> int:
    """Return the HTTP status that an error object names; 0 where it names none."""
    for key in ("code", "status", "status_code", "http_status"):
        code = error.get(key) if isinstance(error, dict) else None
        if isinstance(code, str) and code.isdigit():
            code = int(code)
        if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
            return code
    return 0
