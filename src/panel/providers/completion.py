"""A chat completion body, whole or put together from stream events, as a `Reply`.

Interprets only as far as the wire goes; what the text says is the asker's business.
"""

import math
import re
from dataclasses import replace
from typing import Any, Final

from panel.errors import CallError, Empty, Filtered, Refused, Truncated
from panel.providers.message import Question, Reply, Usage

MAX_TEXT: Final = 256_000
MAX_BLANKS: Final = 2_000

_BLANKS: Final = re.compile(rf"\s{{{MAX_BLANKS + 1}}}")
_FEW_TOKENS: Final = 32
"""A question for so few tokens wants the first ones: stopping there is no truncation."""

Prices = dict[str, tuple[float, float]]


class Endless(Exception):
    """The text grew past its cap, or is nothing but blanks: the rest is not worth waiting for."""


class Assembly:
    """Puts stream events together into one body, and notices when they will not end."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {}
        self.done = False
        self.finish: str | None = None
        self._parts: dict[str, list[str]] = {}
        self._places: list[Any] = []
        self._length = 0
        self._blanks = 0
        self.pieces = 0
        """Pieces of text so far: at least as many tokens were made, and billed."""

    def add(self, event: Any) -> None:
        """Take in one event; raise `Endless` over the caps."""
        if not isinstance(event, dict):
            return
        for key in ("id", "model", "usage", "timings", "error"):
            if event.get(key) is not None:
                self.body[key] = event[key]
        choice = _first(event.get("choices"))
        self.finish = _text_or_none(choice.get("finish_reason")) or self.finish
        if isinstance(choice.get("error"), dict):
            self.body["error"] = choice["error"]
        places = choice.get("logprobs")
        if isinstance(places, dict) and isinstance(places.get("content"), list):
            self._places += places["content"]
        delta = choice.get("delta", choice.get("message"))
        for key, piece in delta.items() if isinstance(delta, dict) else ():
            if isinstance(piece, str) and key != "role":
                self._add_text(key, piece)

    def _add_text(self, key: str, piece: str) -> None:
        self._parts.setdefault(key, []).append(piece)
        self.pieces += bool(piece)
        self._length += len(piece.encode("utf-8", "replace"))
        kept = piece.lstrip()
        leading = self._blanks + len(piece) - len(kept)
        self._blanks = len(kept) - len(kept.rstrip()) if kept else leading
        if leading > MAX_BLANKS or self._length > MAX_TEXT or _BLANKS.search(kept):
            raise Endless

    def whole(self) -> dict[str, Any]:
        """Return the body as a server that does not stream would have sent it."""
        message = {"role": "assistant", "content": None}
        message |= {key: "".join(parts) for key, parts in self._parts.items()}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self.finish}
        if self._places:
            choice["logprobs"] = {"content": self._places}
        begun = self._parts or self.finish or self._places
        return {**self.body, "choices": [choice] if begun else []}


def is_endless(text: str) -> bool:
    """Tell whether a whole text is over the caps that `Assembly` keeps."""
    return len(text.encode("utf-8", "replace")) > MAX_TEXT or bool(_BLANKS.search(text))


def reply_of(body: dict[str, Any], shell: Reply, prices: Prices) -> Reply:
    """Return `shell` (what the wire knows) with what the body says."""
    choice = _first(body.get("choices"))
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return replace(
        shell,
        text=_joined(content),
        finish_reason=_text_or_none(choice.get("finish_reason")),
        usage=_usage(body, prices.get(shell.served_by or "", prices.get(""))),
        model=_text_or_none(body.get("model")),
        top_logprobs=_top_logprobs(choice.get("logprobs")),
        raw=body,
    )


def checked(reply: Reply, question: Question, host: str) -> Reply:
    """Return a reply that holds an answer; raise the error it is otherwise, the reply with it."""
    choice = _first(reply.raw.get("choices"))
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    fault = _fault(reply, question, message, host)
    if fault is not None:
        fault.reply = reply
        raise fault
    return reply


def _fault(
    reply: Reply, question: Question, message: dict[str, Any], host: str
) -> CallError | None:
    blank = not reply.text.strip()
    wants_end = question.schema is not None or not (
        question.logprobs or question.max_tokens <= _FEW_TOKENS
    )
    if not reply.raw.get("choices"):
        return Empty(f"{host} answered without any choice")
    if reply.finish_reason == "content_filter":
        return Filtered(f"{host}: a content filter removed the answer")
    if isinstance(message.get("refusal"), str) and message["refusal"].strip():
        return Refused(f"{host}: the model declined to answer")
    if reply.finish_reason == "length" and wants_end:
        limit = question.max_tokens
        return Truncated(f"{host}: the answer was cut off at {limit} tokens")
    thought = any(message.get(key) for key in ("reasoning_content", "reasoning"))
    if blank and (thought or not reply.top_logprobs):
        return Empty(f"{host}: the model answered with nothing{' but thinking' * thought}")
    return None


def _first(choices: Any) -> dict[str, Any]:
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, dict) else {}


def _text_or_none(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def _joined(content: Any) -> str:
    """Some servers send the content in typed parts; those of text are the answer."""
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int:
    right = isinstance(value, int) and not isinstance(value, bool)
    return value if right and 0 <= value <= 10**9 else 0


def _usage(body: dict[str, Any], price: tuple[float, float] | None) -> Usage:
    given = body.get("usage")
    usage = given if isinstance(given, dict) else {}
    details = usage.get("prompt_tokens_details")
    timings = body.get("timings")
    tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    cached = max(
        _count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
        _count(timings.get("cache_n")) if isinstance(timings, dict) else 0,
        _count(usage.get("prompt_cache_hit_tokens")),
    )
    cost = usage.get("cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 1e6:
        known: float | None = float(cost)
    else:
        known = (tokens[0] * price[0] + tokens[1] * price[1]) / 1e6 if price and usage else None
    return Usage(input_tokens=tokens[0], cached_tokens=min(cached, tokens[0]),
                 output_tokens=tokens[1], cost_usd=known)  # fmt: skip


def _top_logprobs(given: Any) -> tuple[dict[str, float], ...]:
    """Return the likeliest tokens per place, from the list form or the older one of mappings."""
    if not isinstance(given, dict):
        return ()
    if isinstance(given.get("content"), list):
        return tuple(_place(place) for place in given["content"])
    older = given.get("top_logprobs")
    if isinstance(older, list):
        return tuple(_numbers(place.items()) if isinstance(place, dict) else {} for place in older)
    return ()


def _place(place: Any) -> dict[str, float]:
    if not isinstance(place, dict):
        return {}
    top = place.get("top_logprobs")
    entries = [place, *(top if isinstance(top, list) else [])]
    pairs = [(e.get("token"), e.get("logprob")) for e in entries if isinstance(e, dict)]
    return _numbers(pairs)


def _numbers(pairs: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for token, value in pairs:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(token, str) and right and math.isfinite(value):
            found[token] = max(float(value), found.get(token, -math.inf))
    return found
