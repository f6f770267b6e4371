"""The request body of a question, without what this server has said it does not take."""

from typing import Any, Final

from panel.errors import BadReply, CallError, ParameterRefused
from panel.providers.message import Question
from panel.providers.target import Format, Target

_TOP: Final = 20
_FEWER: Final = 5
"""Some servers give log-probabilities of five tokens at most."""

SHORT: Final = 16
"""Answers of so few tokens, a word or an id, are read where they begin: no room to think."""


class Payload:
    """Builds request bodies; learns from `ParameterRefused` what to leave out from then on."""

    def __init__(self, target: Target) -> None:
        self._model = target.wire_model
        self._stream = target.stream
        self._top = _TOP
        self._thinking = target.thinking
        self._effort = "none"
        """How much a model that thinks first is asked to think before a short answer."""
        self._without: set[str] = set()

    def of(self, question: Question, format: Format) -> dict[str, Any]:
        """Return the body as JSON data."""
        room = question.max_tokens
        room += max(question.room, self._thinking if room > SHORT else 0)
        body: dict[str, Any] = {
            "model": self._model,
            "messages": question.messages(),
            "max_tokens": room,
            "temperature": question.temperature,
            "seed": question.sample,
        }
        if self._stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if question.logprobs:
            body |= {"logprobs": True, "top_logprobs": self._top}
        if question.schema is not None and format != "prompt":
            body["response_format"] = _response_format(format, question.schema)
        if question.room and self._effort:
            body["reasoning_effort"] = self._effort
        if "max_tokens" in self._without:
            body["max_completion_tokens"] = room
        return {key: value for key, value in body.items() if key not in self._without}

    def blamed(self, fault: CallError, question: Question) -> CallError:
        """Return the error of a request; one that asked for little thinking is blamed on that.

        Few servers name the parameter when they turn its value down.
        """
        sent = question.room and self._effort and "reasoning_effort" not in self._without
        if type(fault) is not BadReply or not sent:
            return fault
        blamed = ParameterRefused(fault.message)
        blamed.parameter = "reasoning_effort"
        return blamed

    def learn(self, fault: CallError) -> None:
        """Leave out, shorten or rename the parameter a server does not take."""
        if not isinstance(fault, ParameterRefused):
            return
        if fault.parameter == "top_logprobs" and self._top > _FEWER:
            self._top = _FEWER
        elif fault.parameter == "reasoning_effort" and self._effort == "none":
            self._effort = "low"
        elif fault.parameter in ("logprobs", "top_logprobs"):
            self._without |= {"logprobs", "top_logprobs"}
        else:
            self._without.add(fault.parameter)


def _response_format(format: Format, schema: dict[str, Any]) -> dict[str, Any]:
    if format == "json_object":
        return {"type": "json_object"}
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": named}
