"""What a failed response means: HTTP status and body to one error of ours, with the next step.

First it is told apart whether it is about this account, this input, this moment, or about
something that the request can do without; only then the status counts. Knows no HTTP client.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from panel.foundation.errors import BadReply, CallError, Filtered, RateLimited, Unreachable
from panel.foundation.retry_after import Headers, retry_after, wait_in_body
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat import error_patterns
from panel.llm.openai_compat.account_errors import AccountErrors
from panel.llm.openai_compat.error_text import read_error
from panel.llm.openai_compat.failed_response import RefusedCall
from panel.llm.openai_compat.redact import Redactor
from panel.llm.openai_compat.refusals import fewer, parameter_refused, refused, too_long
from panel.llm.providers.urls import host_of

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
    """Turns failed responses of one target into errors whose messages hold no secret."""

    def __init__(self, target: ProviderConfig, redactor: Redactor) -> None:
        self.target = target
        self.redact = redactor
        self.host = host_of(target.base_url or "")
        self._accounts = AccountErrors(target, redactor)

    def of(
        self,
        failed: FailedResponse,
        *,
        format: ResponseFormat,
        sent: Mapping[str, Any] | None = None,
    ) -> CallError:
        """Return the error that a response with a status of 300 and above stands for.

        `sent` is the request's body: only what stands in it can have been refused.
        """
        if 300 <= failed.status < 400:
            return self._redirected(failed)
        case = self._case(failed, format, sent or {})
        return (
            self._page(case)
            or self._spent(case)
            or self._limited(case)
            or self._filtered(case)
            or refused(case, self.host)
            or self._guarded(case)
            or self._barred(case)
            or self._broken(case)
        )

    def of_body(
        self,
        error: Any,
        now: datetime,
        *,
        format: ResponseFormat,
        sent: Mapping[str, Any] | None = None,
    ) -> CallError:
        """Return the error that an error object in a 200 response stands for."""
        body = json.dumps({"error": error}, default=str)
        return self.of(FailedResponse(_status_in(error), (), body, now), format=format, sent=sent)

    def _case(
        self, failed: FailedResponse, format: ResponseFormat, sent: Mapping[str, Any]
    ) -> RefusedCall:
        said, headers = read_error(failed.body), list(failed.headers)
        words = self.redact.line(said.words)
        return RefusedCall(
            status=failed.status,
            said=said,
            text=" ".join(said.all[:_DECISIVE].split()),
            words=f": {words}" if words else "",
            wait=retry_after(headers, now=failed.now)
            or wait_in_body(said.waits, said.parts, now=failed.now),
            format=format,
            sent=sent,
            guarded=any(name.lower() in _GUARDS for name, _ in headers),
        )

    def _page(self, case: RefusedCall) -> CallError | None:
        """A bot filter, a sign-in page, a web server's own error: it speaks for no API."""
        page = case.said.page and case.status in _PAGES
        return self._passing(case) if page or (case.guarded and case.status < 500) else None

    def _passing(self, case: RefusedCall) -> CallError:
        rate = case.status == 429 or "1015" in case.text
        kind = RateLimited if rate else Unreachable
        return kind(f"{self.host} answers {case.status}{case.words}", retry_after=case.wait)

    def _spent(self, case: RefusedCall) -> CallError | None:
        """Credit or a long quota is spent; a mere rate is never taken for that."""
        if case.said.page and case.status != 402:
            return None
        text = case.text
        rate = error_patterns.RATE.search(text) is not None
        if case.status == 402 or error_patterns.SPENT.search(text):
            return self._affordable(case) or self._accounts.quota_spent(case)
        if case.status in (0, 403, 429) or rate:
            soon = case.wait is not None and case.wait <= _WAITABLE
            if error_patterns.DAILY.search(text) or (
                error_patterns.PERIOD.search(text)
                and error_patterns.REACHED.search(text)
                and not soon
            ):
                return self._accounts.quota_spent(case)
        coded = "insufficient_quota" in case.said.codes
        if error_patterns.QUOTA.search(text) and not rate and (coded or case.wait is None):
            return self._accounts.quota_spent(case)
        return None

    def _affordable(self, case: RefusedCall) -> CallError | None:
        """Credit for a shorter answer, where the answer itself still fits."""
        found = re.search(r"can only afford (\d+)", case.text)
        if found is None or not case.room - self.target.thinking <= int(found[1]) < case.room:
            return None
        return parameter_refused("max_tokens", case, self.host)

    def _limited(self, case: RefusedCall) -> CallError | None:
        if case.status != 429 and not (
            case.status in (0, 403) and error_patterns.LIMITED.search(case.text)
        ):
            return None
        if re.search("request too large", case.text, re.IGNORECASE) and fewer(case) is not None:
            return too_long(case, self.host)  # more than a whole minute's tokens: no wait helps
        return RateLimited(
            f"{self.host}: too many requests {case.told}{case.words}", retry_after=case.wait
        )

    def _filtered(self, case: RefusedCall) -> CallError | None:
        text = case.text
        flagged = error_patterns.FLAGGED.search(text) and not error_patterns.BARRED.search(text)
        barred_here = case.status == 451 and not error_patterns.PLACE.search(text)
        if (
            not (flagged or barred_here)
            or case.status in (401, 404)
            or case.said.page
            or case.parameter
        ):
            return None
        if error_patterns.GUARD.search(text) and not error_patterns.OF_INPUT.search(text):
            return None
        return Filtered(f"{self.host} does not take this input {case.told}{case.words}")

    def _guarded(self, case: RefusedCall) -> CallError | None:
        guard = error_patterns.GUARD.search(case.text) and not error_patterns.KEY.search(case.text)
        return self._passing(case) if guard and case.status == 403 else None

    def _barred(self, case: RefusedCall) -> CallError | None:
        """This key, or what its account may do; also a model it may not use."""
        if case.status == 403 and case.about_model:
            return self._accounts.no_model(case)
        return self._accounts.key_rejected(case)

    def _broken(self, case: RefusedCall) -> CallError:
        """The rest: the status decides."""
        if case.status == 404 or (case.about_model and case.status < 500):
            return self._accounts.no_model(case)
        down = case.status == 0 and error_patterns.DOWN.search(case.text)
        if case.status >= 500 or case.status in _MOMENT or down:
            what = f"answers {case.status}" if case.status else "answers with an error"
            return Unreachable(f"{self.host} {what}{case.words}", retry_after=case.wait)
        return BadReply(f"{self.host} turns the request down {case.told}{case.words}")

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
