"""A call as a row of the journal, and back. Knows no database."""

import contextlib
import hashlib
import json
import math
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from panel.foundation.quick_json import any_json, json_bytes, sorted_json
from panel.llm.types import CallRecord, ChatRequest, ChatResponse, Usage
from panel.runs.journal.schema import CALL_COLUMNS, Row, Statement, Value, with_checksum

PUT_CALL: Final = (
    f"INSERT INTO calls ({', '.join(CALL_COLUMNS)}) VALUES ({', '.join('?' * len(CALL_COLUMNS))})"
)
COPY_CALL: Final = (
    f"INSERT INTO calls ({', '.join(CALL_COLUMNS)}) SELECT {', '.join('?' * len(CALL_COLUMNS))}"
    " WHERE NOT EXISTS (SELECT 1 FROM calls WHERE key = ? AND status = 'ok')"
)
PUT_TEXT: Final = "INSERT OR IGNORE INTO texts VALUES (?, ?)"

_RAW_INLINE: Final = 32_768
"""Longer raw replies, those with log-probabilities of every token, are compressed."""


@lru_cache(maxsize=512)
def text_digest(text: str) -> str:
    """Return the name of a text in `texts`: half its SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def plain(text: str) -> str:
    """Return the text with what UTF-8 cannot hold replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def texts_of(question: ChatRequest) -> dict[str, str]:
    """Return the parts of a question that are stored once, by digest."""
    parts = [question.system, question.shared]
    if question.schema is not None:
        parts.append(_schema_text(question.schema))
    return {text_digest(part): part for part in parts}


def put_texts(texts: dict[str, str]) -> list[Statement]:
    """Return the statements that store texts by digest."""
    return [(PUT_TEXT, (digest, plain(body))) for digest, body in texts.items()]


def call_row(call: CallRecord) -> Row:
    """Return the values of `CALL_COLUMNS` for a call that was made now."""
    question, tag = call.question, call.tag
    return with_checksum(
        call.key, plain(tag.tool), tag.persona, tag.step,
        question.sample, call.attempt, call.started.isoformat(), max(0.0, call.seconds),
        _status(call), call.reason, plain(call.detail),
        text_digest(question.system), text_digest(question.shared),
        None if question.schema is None else text_digest(_schema_text(question.schema)),
        plain(question.tail), question.max_tokens, float(question.temperature),
        int(question.logprobs), *_reply_values(call.reply, call.provider), 0,
    )  # fmt: skip


def reused_row(row: Row) -> Row:
    """Return the stored row of another run's call, marked as reused."""
    return with_checksum(*row[:-2], 1)


def row_reply(row: Row) -> ChatResponse:
    """Return the reply in a stored row; raises ValueError, KeyError or TypeError if damaged."""
    return stored_reply(dict(zip(CALL_COLUMNS, row, strict=True)))


def stored_reply(value: Mapping[str, Any]) -> ChatResponse:
    """Return the reply in the columns of a stored row, by name; raises as `row_reply`."""
    stored = any_json(value["reply"])
    return ChatResponse(
        text=stored["text"],
        finish_reason=value["finish_reason"],
        usage=Usage(
            input_tokens=value["input_tokens"],
            cached_tokens=value["cached_tokens"],
            output_tokens=value["output_tokens"],
            cost_usd=value["cost_usd"],
        ),
        model=value["model"],
        served_by=value["served_by"],
        request_id=value["request_id"],
        top_logprobs=tuple(stored["top_logprobs"]),
        raw=_unpacked(value["raw"]),
        format=value["format"],
        attempts=stored["attempts"],
        seconds=stored["seconds"],
    )


def _status(call: CallRecord) -> str:
    if call.reply is None:
        return "failed"
    return "ok" if call.usable else "unusable"


def _schema_text(schema: dict[str, Any]) -> str:
    return sorted_json(schema, compact=False)


def _reply_values(reply: ChatResponse | None, provider: str) -> tuple[Value, ...]:
    """Return the values from `format` to `raw`; a fallback is named in `reply`, also alone."""
    named = {"provider": provider} if provider else {}
    if reply is None:
        return (*(None,) * 9, json.dumps(named) if named else None, None)
    fields = {
        **named,
        "text": reply.text,
        "top_logprobs": reply.top_logprobs,
        "attempts": reply.attempts,
        "seconds": reply.seconds,
    }
    usage, cost = reply.usage, reply.usage.cost_usd
    exact = bool(reply.top_logprobs)
    return (
        reply.format, _maybe(reply.finish_reason),
        _maybe(reply.model), _maybe(reply.served_by), _maybe(reply.request_id),
        _count(usage.input_tokens), _count(usage.cached_tokens), _count(usage.output_tokens),
        None if cost is None or not math.isfinite(cost) else float(cost),
        _json(fields, exact=exact), _packed(reply.raw, exact=exact),
    )  # fmt: skip


def _count(tokens: int | None) -> int | None:
    # What a server reports may be anything; SQLite's integers end at 63 bits.
    return None if tokens is None else max(0, min(tokens, 2**62))


def _maybe(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _json(value: object, *, exact: bool) -> str:
    """Return a value as JSON; `exact` where infinite numbers are to be told from unknown ones."""
    if not exact:
        with contextlib.suppress(ValueError):
            return json_bytes(value).decode()
    # Escaped to ASCII, so that even a lone surrogate comes back as it was.
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        # Minus infinity is what some servers give for an impossible token.
        return -1e9 if value < 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _packed(raw: dict[str, Any], *, exact: bool) -> str | bytes:
    text = _json(raw, exact=exact)
    return text if len(text) <= _RAW_INLINE else zlib.compress(text.encode(), 1)


def _unpacked(raw: str | bytes) -> dict[str, Any]:
    text = zlib.decompress(raw).decode() if isinstance(raw, bytes) else raw
    value: dict[str, Any] = any_json(text)
    return value
