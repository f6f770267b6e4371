"""A chat completion body, whole or put together from stream events, as a `ChatResponse`.

Interprets only as far as the wire goes; what the text says is the caller's business.
"""

import json
import math
import re
from typing import Any, Final

from panel.foundation.errors import (
    CallError,
    Empty,
    Filtered,
    NeedsRoom,
    Refused,
    Truncated,
    Unreachable,
)
from panel.llm.openai_compat.error_text import broke_off, error_in
from panel.llm.thinking import is_thinking
from panel.llm.types import ChatRequest, ChatResponse, Usage

MAX_TEXT: Final = 256_000
MAX_BLANKS: Final = 2_000

_BLANKS: Final = re.compile(rf"\s{{{MAX_BLANKS + 1}}}")
_FEW_TOKENS: Final = 32
"""A question for so few tokens wants the first ones: stopping there is no truncation."""

_CUT: Final = frozenset(("length", "max_tokens", "model_length", "max_output_tokens"))
_FILTERED: Final = frozenset(
    ("content_filter", "safety", "sensitive", "prohibited_content", "blocklist", "recitation")
)

Prices = dict[str, tuple[float, float]]


class EndlessReply(Exception):
    """The text grew past its cap, or is nothing but blanks: the rest is not worth waiting for."""


class StreamAssembler:
    """Puts stream events together into one body, and notices when they will not end."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = {}
        self.done = False
        self._ends: dict[str, str | None] = {}
        self._parts: dict[str, list[str]] = {}
        self._places: list[Any] = []
        self._length = 0
        self._blanks = 0
        self.pieces = 0
        """Pieces of text so far: at least as many tokens were made, and billed."""

    def add(self, event: Any) -> None:
        """Take in one event; raise `EndlessReply` over the caps."""
        if not isinstance(event, dict):
            return
        for key in ("id", "model", "usage", "timings", "message", "msg", "detail"):
            if event.get(key) is not None:
                self.body[key] = event[key]
        if error := error_in(event, partial=True):
            self.fail(error)
        choice = _first(event.get("choices"))
        if choice.get("index") not in (None, 0):
            return  # one answer was asked for
        for key in ("finish_reason", "native_finish_reason"):
            self._ends[key] = _text_or_none(choice.get(key)) or self._ends.get(key)
        places = choice.get("logprobs")
        if isinstance(places, dict) and isinstance(places.get("content"), list):
            self._places += places["content"]
        delta = choice.get("delta", choice.get("message"))
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        for key, piece in delta.items():
            if key == "content":
                self._add_text("content", text_of(piece))
                self._add_text("reasoning", thinking_of(piece))
            elif isinstance(piece, str) and key != "role":
                self._add_text(key, piece)

    def fail(self, error: Any) -> None:
        """Note that the server ends its answer with an error; the first one counts."""
        nested = error_in(error) if isinstance(error, dict) else None
        self.body.setdefault("error", nested or error or "an error without a word")

    @property
    def finish(self) -> str | None:
        """Why the answer ended, once that is known."""
        return self._ends.get("finish_reason")

    def _add_text(self, key: str, piece: str) -> None:
        if not piece:
            return
        self._parts.setdefault(key, []).append(piece)
        self.pieces += 1
        self._length += len(piece.encode("utf-8", "replace"))
        kept = piece.lstrip()
        leading = self._blanks + len(piece) - len(kept)
        self._blanks = len(kept) - len(kept.rstrip()) if kept else leading
        if leading > MAX_BLANKS or self._length > MAX_TEXT or _BLANKS.search(kept):
            raise EndlessReply

    def whole(self) -> dict[str, Any]:
        """Return the body as a server that does not stream would have sent it."""
        message = {"role": "assistant", "content": None}
        message |= {key: "".join(parts) for key, parts in self._parts.items()}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self.finish}
        if native := self._ends.get("native_finish_reason"):
            choice["native_finish_reason"] = native
        if self._places:
            choice["logprobs"] = {"content": self._places}
        begun = self._parts or self.finish or self._places
        return {**self.body, "choices": [choice] if begun else []}


def is_endless(text: str) -> bool:
    """Tell whether a whole text is over the caps that `StreamAssembler` keeps."""
    if 4 * len(text) > MAX_TEXT and len(text.encode("utf-8", "replace")) > MAX_TEXT:
        return True
    return len(text) > MAX_BLANKS and bool(_BLANKS.search(text))


def read_response(body: dict[str, Any], shell: ChatResponse, prices: Prices) -> ChatResponse:
    """Return `shell` (what the wire knows) with what the body says."""
    choice = _first(body.get("choices"))
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else choice.get("text")
    return ChatResponse(
        text=text_of(content),
        finish_reason=_text_or_none(choice.get("finish_reason")),
        usage=usage_of(body, prices.get(shell.served_by or "", prices.get(""))),
        model=_text_or_none(body.get("model")),
        served_by=shell.served_by,
        request_id=shell.request_id,
        top_logprobs=_top_logprobs(choice.get("logprobs")),
        raw=body,
        format=shell.format,
        seconds=shell.seconds,
    )


def check_response(response: ChatResponse, request: ChatRequest, host: str) -> ChatResponse:
    """Return a reply that holds an answer; raise the error it is otherwise, the reply with it."""
    choice = _first(response.raw.get("choices"))
    if not choice:
        error: CallError | None = Empty(f"{host} answered without any choice")
    else:
        message = choice.get("message")
        error = _fault(response, request, message if isinstance(message, dict) else {}, host)
    if error is not None:
        error.reply = response
        raise error
    return response


def _fault(
    response: ChatResponse, request: ChatRequest, message: dict[str, Any], host: str
) -> CallError | None:
    finish = (response.finish_reason or "").lower()
    if reason := broke_off(_first(response.raw.get("choices"))):
        return Unreachable(f"{host} broke the answer off: {_word(reason)}")
    if finish in _FILTERED:
        return Filtered(f"{host}: a content filter removed the answer ({_word(finish)})")
    if isinstance(message.get("refusal"), str) and message["refusal"].strip():
        return Refused(f"{host}: the model declined to answer")
    short = request.schema is None and (request.logprobs or request.max_tokens <= _FEW_TOKENS)
    blank = not response.text.strip()
    thought = any(message.get(key) for key in ("reasoning_content", "reasoning", "thinking"))
    thought = thought or bool(thinking_of(message.get("content")))
    if (short or finish in _CUT) and ((blank and thought) or is_thinking(response.text)):
        return NeedsRoom(f"{host}: the model was still thinking when its tokens were used up",
                         thinks=True)  # fmt: skip
    if short and blank and finish in _CUT and not response.top_logprobs:
        return NeedsRoom(f"{host}: the model had said nothing when its tokens were used up")
    if finish in _CUT and not short:
        return Truncated(f"{host}: the answer was cut off at {request.max_tokens} tokens")
    if blank and (thought or not response.top_logprobs):
        return Empty(f"{host}: the model answered with nothing{' but thinking' * thought}")
    return None


def text_of(content: Any) -> str:
    """Return the text of a message's content, which may be typed parts: those of text count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(text_of(part) for part in content)
    if not isinstance(content, dict):
        return ""
    kind = content.get("type")
    if kind in (None, "text", "output_text") and isinstance(content.get("text"), str | dict):
        text = content["text"]
        return text if isinstance(text, str) else text_of(text.get("value"))
    if kind is None and content:
        return json.dumps(content)  # an answer in JSON that the server has read for us
    return ""


def thinking_of(content: Any) -> str:
    """Return what typed parts of a content hold of thinking; "" where there is none."""
    if isinstance(content, list):
        return "".join(thinking_of(part) for part in content)
    if isinstance(content, dict) and content.get("type") in ("thinking", "reasoning", "thought"):
        inner = content.get(content["type"], content.get("text"))
        return text_of(inner) or " "
    return ""


def _word(reason: str) -> str:
    return re.sub(r"[^\w -]", "", reason)[:40]


def _first(choices: Any) -> dict[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _text_or_none(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def _top_logprobs(logprobs: Any) -> tuple[dict[str, float], ...]:
    """Return the likeliest tokens per place, from the list form or the older one of mappings."""
    if not isinstance(logprobs, dict):
        return ()
    if isinstance(logprobs.get("content"), list):
        return tuple(_place(place) for place in logprobs["content"])
    older = logprobs.get("top_logprobs")
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
    numbers: dict[str, float] = {}
    for token, value in pairs:
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(token, str) and right and math.isfinite(value):
            numbers[token] = max(float(value), numbers.get(token, -math.inf))
    return numbers


_INPUT: Final = ("prompt_tokens", "input_tokens", "prompt_eval_count", "promptTokenCount")
_OUTPUT: Final = ("completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount")
_CACHED: Final = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
_BESIDE: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
"""Where these stand, `input_tokens` does not hold them."""


def usage_of(body: dict[str, Any], price: tuple[float, float] | None) -> Usage:
    """Return what a completion body tells of tokens and cost; what it does not tell is None.

    `price` is USD per million input and output tokens.
    """
    usage_field = body.get("usage")
    usage: dict[str, Any] = usage_field if isinstance(usage_field, dict) else {}
    read, written = _told(usage, _INPUT), _told(usage, _OUTPUT)
    if read is not None and "prompt_tokens" not in usage:
        read += sum(_count(usage.get(name)) or 0 for name in _BESIDE)
    reported = usage.get("cost")
    if isinstance(reported, int | float) and not isinstance(reported, bool) and 0 <= reported < 1e6:
        cost_usd: float | None = float(reported)
    elif price and read is not None and written is not None:
        cost_usd = (read * price[0] + written * price[1]) / 1e6
    else:
        cost_usd = None
    return Usage(
        input_tokens=read, cached_tokens=_cached(body, usage, read), output_tokens=written,
        cost_usd=cost_usd,
    )  # fmt: skip


def _cached(body: dict[str, Any], usage: dict[str, Any], read: int | None) -> int | None:
    """Return the cached ones of the tokens read; a server that has a cache tells of it."""
    if read is None:
        return None
    timings = body.get("timings")
    places = [usage, usage.get("prompt_tokens_details"), usage.get("input_tokens_details")]
    counts = [_told(place, _CACHED) or 0 for place in places if isinstance(place, dict)]
    if isinstance(timings, dict):
        counts.append(_count(timings.get("cache_n")) or 0)
    return min(read, max(counts, default=0))


def _told(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((n for name in names if (n := _count(usage.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    """Return a count of tokens: a whole number, also written as 120.0 or "120"; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    right = isinstance(value, int) and not isinstance(value, bool)
    return value if right and 0 <= value <= 10**9 else None
