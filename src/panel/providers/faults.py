"""What a failed response means: HTTP status and body to one error of ours, with the next step.

Reads the shapes servers are known to use (a string, an object, a page); knows no HTTP client.
"""

import json
import re
from datetime import datetime
from typing import Any, Final, NamedTuple

from panel.errors import (
    BadReply,
    CallError,
    FormatRefused,
    KeyRejected,
    ModelNotFound,
    ParameterRefused,
    QuotaSpent,
    RateLimited,
    Unreachable,
)
from panel.providers.address import host_of
from panel.providers.hints import Headers, wait_hint
from panel.providers.redact import Redactor
from panel.providers.target import Format, Target

PARAMETERS: Final = (
    "top_logprobs", "logprobs", "stream_options", "max_tokens", "temperature", "seed",
    "reasoning_effort",
)  # fmt: skip
"""What a request can do without, the longer of two alike first."""

_CONTEXT: Final = re.compile(
    "context.{0,12}(?:length|window|size)|maximum context|exceed_context|prompt is too long"
    "|too many (?:input )?tokens|input is too long",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(
    "model_not_(?:supported|found)|unknown model|no such model|invalid model"
    "|model.{0,120}(?:not (?:found|supported by any|exist|available)|does not exist)",
    re.IGNORECASE | re.DOTALL,
)
_FORMAT: Final = re.compile("response_?format|schema|grammar|json|guided|structured", re.IGNORECASE)
_REFUSAL: Final = re.compile(
    "unsupported|not (?:currently )?(?:supported|permitted|allowed|available)|unknown"
    "|unrecogni[sz]ed|unexpected|extra|invalid|must be|less than"
    "|does not (?:support|accept)|doesn't support",
    re.IGNORECASE,
)


class Failed(NamedTuple):
    """A response that is no answer."""

    status: int
    headers: Headers
    body: str
    now: datetime
    """This machine's clock, where the server's is not given."""


class Faults:
    """Turns failed responses of one target into errors whose messages hold no secret."""

    def __init__(self, target: Target, redactor: Redactor) -> None:
        self.target = target
        self.redact = redactor
        self.host = host_of(target.base_url or "")

    def of(self, failed: Failed, *, format: Format) -> CallError:
        """Return the error that a response with a status of 300 and above stands for."""
        said = self._said(failed.body)
        match failed.status:
            case status if 300 <= status < 400:
                return self._redirected(failed)
            case 401 | 403:
                return self._key_rejected(failed.status, said)
            case 402:
                return QuotaSpent(f"{self.host}: no credit left (402){said}", hint=_QUOTA_HINT)
            case 429:
                hint = wait_hint(failed.headers, now=failed.now)
                return RateLimited(f"{self.host}: too many requests (429){said}", retry_after=hint)
            case 404:
                return self._no_model(404, said)
            case status if 400 <= status < 500 and status not in (408, 409, 425):
                return self._turned_down(failed, said, format)
        if failed.status == 500 and format != "prompt" and "grammar" in failed.body.lower():
            return FormatRefused(f"{self.host} does not take the format {format} (500){said}")
        return Unreachable(f"{self.host} answers {failed.status}{said}")

    def of_body(self, error: Any, now: datetime, *, format: Format) -> CallError:
        """Return the error that an error object in a 200 response stands for."""
        code = error.get("code", error.get("status")) if isinstance(error, dict) else None
        body = json.dumps({"error": error}, default=str)
        if isinstance(code, str) and code.isdigit():
            code = int(code)
        if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
            return self.of(Failed(code, (), body, now), format=format)
        if re.search("overloaded|server_error|unavailable|internal", body, re.IGNORECASE):
            return Unreachable(f"{self.host} answers with an error{self._said(body)}")
        return self._turned_down(Failed(200, (), body, now), self._said(body), format)

    def _key_rejected(self, status: int, said: str) -> CallError:
        if self.target.key is None:
            return KeyRejected(
                f"{self.host} wants a key ({status}) and none is set{said}",
                hint="name the server in panel.toml: [providers.NAME] with base_url and key_env",
            )
        where = self.target.key_from or "this server's settings"
        return KeyRejected(
            f"{self.host} rejects the key in {where} ({status}){said}", hint=f"check {where}"
        )

    def _no_model(self, status: int, said: str) -> CallError:
        model = self.redact.line(self.target.wire_model, limit=120)
        return ModelNotFound(
            f"{self.host} does not serve the model {model} ({status}){said}",
            hint="--model NAME, another --provider, or an address that ends in /v1",
        )

    def _turned_down(self, failed: Failed, said: str, format: Format) -> CallError:
        body, status = failed.body, failed.status
        if status == 413 or _CONTEXT.search(body):
            return BadReply(
                f"{self.host}: the question is longer than the model can read ({status}){said}",
                hint="give fewer evidence_tokens in panel.toml, or a model with a larger context",
            )
        if _NO_MODEL.search(body):
            return self._no_model(status, said)
        if (name := _parameter(body)) is not None:
            fault = ParameterRefused(f"{self.host} does not take {name} ({status}){said}")
            fault.parameter = name
            return fault
        if format != "prompt" and _FORMAT.search(body):
            return FormatRefused(f"{self.host} does not take the format {format} ({status}){said}")
        return BadReply(f"{self.host} turns the request down ({status}){said}")

    def _redirected(self, failed: Failed) -> CallError:
        to = next((value for name, value in failed.headers if name.lower() == "location"), "")
        elsewhere = host_of(to) if "//" in to else "another path"
        return BadReply(
            f"{self.host} redirects to {self.redact.line(elsewhere, limit=80)} ({failed.status}):"
            " not followed, a key belongs to one host",
            hint="give the final address as base_url in panel.toml",
        )

    def _said(self, body: str) -> str:
        text = self.redact.line(_message(body))
        return f": {text}" if text else ""


_QUOTA_HINT: Final = "add credit, name another account with --bill-to, or use --provider local"


def _message(body: str) -> str:
    """Return what an error body says: a page says nothing worth a line."""
    text = body.strip()
    if text[:1] == "<":
        return "a web page instead of an answer"
    try:
        found = json.loads(text[:65_536])
    except (ValueError, RecursionError):
        return text
    for key in ("error", "message", "detail", "msg"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return found if isinstance(found, str) else json.dumps(found) if found else ""


def _parameter(body: str) -> str | None:
    """Return the parameter that a server says it does not take."""
    if not _REFUSAL.search(body):
        return None
    return next((name for name in PARAMETERS if re.search(rf"\b{name}\b", body)), None)
