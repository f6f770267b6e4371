"""The body of a request, without what this server has turned down."""

from typing import Any, Final, NamedTuple

from panel.foundation.errors import BadReply, CallError, ParameterRefused
from panel.llm.config import ProviderConfig, ResponseFormat
from panel.llm.openai_compat.named_limits import LEAST, NextLimit, fewer_logprobs, fewer_tokens
from panel.llm.types import ChatRequest

_TOP: Final = 20

SHORT: Final = 16
"""Answers of so few tokens, a word or an id, are read where they begin: no room to think."""


_MARGIN: Final = 16
"""Tokens by which two questions of one length may differ."""


class _Context(NamedTuple):
    """How long question and answer may be together, learned from one that was too long."""

    tokens: int
    a_character: float
    """Tokens a character of that question had."""


class Payload:
    """Builds request bodies; learns from `ParameterRefused` what this server takes.

    Nothing it learns is part of a question's meaning: keys and stored answers stay the same.
    """

    def __init__(self, config: ProviderConfig) -> None:
        self._model = config.wire_model
        self._stream = config.stream
        self._top = _TOP
        self._thinking = config.thinking
        self._effort = "none"
        """How much a model that thinks first is asked to think before a short answer."""
        self._without: set[str] = set()
        self._takes_system = True
        self._most: int | None = None
        self._least = 1
        self._context: _Context | None = None
        self._rooms: dict[int, int] = {}
        """Room for questions whose own was refused, by the hash of their text."""

    def of(self, request: ChatRequest, format: ResponseFormat) -> dict[str, Any]:
        """Return the body as JSON data."""
        messages = self._messages(request)
        room = self._room(request, messages)
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "max_tokens": room,
            "temperature": request.temperature,
            "seed": request.sample,
        }
        if self._stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if request.logprobs:
            body |= {"logprobs": True, "top_logprobs": self._top}
        if request.schema is not None and format != "prompt":
            body["response_format"] = _response_format(format, request.schema)
        if request.room and self._effort:
            body["reasoning_effort"] = self._effort
        if "max_tokens" in self._without:
            body["max_completion_tokens"] = room
        return {key: value for key, value in body.items() if key not in self._without}

    def blamed(self, error: CallError, sent: dict[str, Any]) -> CallError:
        """Return the error of a request; one that asked for little thinking is blamed on that.

        Few servers name the parameter when they turn its value down.
        """
        if type(error) is not BadReply or "reasoning_effort" not in sent:
            return error
        blamed = ParameterRefused(error.message)
        blamed.parameter = "reasoning_effort"
        return blamed

    def learn(self, error: CallError, sent: dict[str, Any]) -> None:
        """Leave out, shorten or rename what was refused in the body `sent`.

        Of bodies that were under way together, each counts only as far as it is news.
        """
        if not isinstance(error, ParameterRefused):
            return
        match error.parameter:
            case "system":
                self._takes_system = False
            case "logprobs" | "top_logprobs":
                self._fewer_logprobs(error.words, sent.get("top_logprobs", 0))
            case "max_tokens" | "max_completion_tokens":
                self._fewer_tokens(error, sent)
            case "reasoning_effort":
                if sent.get("reasoning_effort") == self._effort:
                    self._effort = "low" if self._effort == "none" else ""
            case parameter:
                self._without.add(parameter)

    def _messages(self, request: ChatRequest) -> list[dict[str, str]]:
        system, *rest = [{**m, "content": _encodable(m["content"])} for m in request.messages()]
        if self._takes_system:
            return [system, *rest]
        first, *tail = rest
        return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *tail]

    def _room(self, request: ChatRequest, messages: list[dict[str, str]]) -> int:
        room = request.max_tokens
        room += max(request.room, self._thinking if room > SHORT else 0)
        room = max(self._least, min(room, self._most or room))
        if self._rooms and (known := self._rooms.get(_text_of(messages))) is not None:
            return min(room, known)
        if self._context is not None:
            taken = _length(messages) * self._context.a_character * 1.02 + _MARGIN
            if (left := self._context.tokens - int(taken)) >= LEAST:
                return min(room, left)
        return room

    def _fewer_logprobs(self, words: str, sent: int) -> None:
        if sent > self._top:
            return
        self._top = fewer_logprobs(words, sent) or self._top
        if self._top >= sent:
            self._without |= {"logprobs", "top_logprobs"}

    def _fewer_tokens(self, error: ParameterRefused, sent: dict[str, Any]) -> None:
        call = sent.get("max_tokens", sent.get("max_completion_tokens", 0))
        room = fewer_tokens(error.words, call)
        if room is None or not room.tokens:
            self._without.add(error.parameter)
        elif room.tokens > call:
            self._least = room.tokens
        elif room.always:
            self._most = min(room.tokens, self._most or room.tokens)
        else:
            self._rooms[_text_of(sent["messages"])] = room.tokens
            self._learn_context(room, sent["messages"])

    def _learn_context(self, room: NextLimit, messages: list[dict[str, str]]) -> None:
        if room.context is not None and room.prompt is not None:
            rate = room.prompt / max(1, _length(messages))
            known = self._context.a_character if self._context else 0.0
            self._context = _Context(room.context, max(rate, known))


def _encodable(text: str) -> str:
    """Return a text with half characters, which no encoding has, replaced by question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _length(messages: list[dict[str, str]]) -> int:
    return sum(len(message["content"]) for message in messages)


def _text_of(messages: list[dict[str, str]]) -> int:
    return hash(tuple(message["content"] for message in messages))


def _response_format(format: ResponseFormat, schema: dict[str, Any]) -> dict[str, Any]:
    if format == "json_object":
        return {"type": "json_object"}
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": named}
