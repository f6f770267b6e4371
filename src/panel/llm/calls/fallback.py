"""What a run learns about its model: the strictest format and the tokens that answers need."""

from typing import Final

from panel.foundation.errors import NeedsRoom
from panel.llm.config import ResponseFormat
from panel.llm.openai_compat.request import SHORT
from panel.llm.types import ChatRequest

FORMATS: Final[tuple[ResponseFormat, ...]] = ("json_schema", "json_object", "prompt")


FAILURES: Final = 3
"""Failed generations in a row after which the run falls back to a weaker format."""


class FormatFallback:
    """Remembers, for one provider, the strictest format that has not been refused."""

    def __init__(self, first: ResponseFormat) -> None:
        self._strictest = FORMATS.index(first)
        self._malformed = 0

    def format(self, request: ChatRequest, *, below: int = 0) -> ResponseFormat:
        """Return the format to ask for; free text needs none.

        `below` counts the formats that this one request could not be answered in.
        """
        if request.schema is None:
            return "prompt"
        return FORMATS[min(self._strictest + below, len(FORMATS) - 1)]

    def refused(self, format: ResponseFormat) -> bool:
        """Note that a format was refused; return whether there is a weaker one to try.

        Calls under way at the same time may all report the same format: it counts once.
        """
        self._strictest = max(self._strictest, min(FORMATS.index(format) + 1, len(FORMATS) - 1))
        return format != FORMATS[-1]

    def malformed(self, format: ResponseFormat) -> bool:
        """Note a failed generation in a format; return whether a weaker one is left.

        The run falls back only after several such failures in a row.
        """
        self._malformed += 1
        if self._malformed >= FAILURES:
            self._malformed = 0
            return self.refused(format)
        return format != FORMATS[-1]

    def accepted(self, format: ResponseFormat) -> None:
        """Note that an answer came in a format."""
        if format == FORMATS[self._strictest]:
            self._malformed = 0


ROOMS: Final = (64, 1_024, 4_096)
"""Tokens beyond the request's, tried in turn: for a preamble, for thinking, for long thinking."""


class AnswerRoom:
    """Remembers, for one provider, the tokens its answers needed so far."""

    def __init__(self, thinking: int) -> None:
        """`thinking` is the room that answers of more than a few words have from the start."""
        self.tokens = 0
        self.thinking = thinking
        self._thinks = False

    def widen(self, request: ChatRequest, error: NeedsRoom) -> bool:
        """Learn from an answer that was not reached; return whether more room may help.

        Where there is no more, the message of the error becomes what to do instead.
        """
        self._thinks = self._thinks or error.thinks
        room = max(request.room, 0 if request.max_tokens <= SHORT else self.thinking)
        least = max(2 * room, ROOMS[1] if self._thinks else ROOMS[0])
        wider = next((room for room in ROOMS if room >= least), None)
        if wider is None:
            error.say(self._exhausted_message(request, request.max_tokens + room))
            return False
        # Calls under way at the same time all report the same: it counts once.
        self.tokens = max(self.tokens, wider)
        return True

    def _exhausted_message(self, request: ChatRequest, tokens: int) -> str:
        reason = "thinks first" if self._thinks else "does not begin with its answer"
        hint = "use --ask whole"
        if request.max_tokens > SHORT:
            hint = "give it more with thinking in panel.toml"
        return f"this model {reason}, and came to no answer in {tokens:,} tokens: {hint}"
