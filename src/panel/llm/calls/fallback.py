"""What a run learns of its model: the strictest response format and the tokens its answers take."""

from typing import Final

from panel.foundation.errors import NeedsRoom
from panel.llm.config import ResponseFormat
from panel.llm.openai_compat.request import SHORT
from panel.llm.types import ChatRequest

RUNGS: Final[tuple[ResponseFormat, ...]] = ("json_schema", "json_object", "prompt")


FAILURES: Final = 3
"""Answers in a row that could not be made on a rung, after which the run leaves it."""


class FormatFallback:
    """Remembers, for one target, the strictest rung that has not been refused."""

    def __init__(self, first: ResponseFormat) -> None:
        self._rung = RUNGS.index(first)
        self._mismade = 0

    def format(self, request: ChatRequest, *, below: int = 0) -> ResponseFormat:
        """Return the rung to send a question on; free text needs none.

        `below` counts the rungs that this one question could not be answered on.
        """
        if request.schema is None:
            return "prompt"
        return RUNGS[min(self._rung + below, len(RUNGS) - 1)]

    def refused(self, format: ResponseFormat) -> bool:
        """Note that a rung was refused; return whether there is a lower one to try.

        Calls under way at the same time may all report the same rung: it counts once.
        """
        self._rung = max(self._rung, min(RUNGS.index(format) + 1, len(RUNGS) - 1))
        return format != RUNGS[-1]

    def mismade(self, format: ResponseFormat) -> bool:
        """Note that one answer could not be made on a rung; return whether there is a lower one.

        The run stays on the rung: it is left only after several such answers in a row.
        """
        self._mismade += 1
        if self._mismade >= FAILURES:
            self._mismade = 0
            return self.refused(format)
        return format != RUNGS[-1]

    def held(self, format: ResponseFormat) -> None:
        """Note that an answer came on a rung."""
        if format == RUNGS[self._rung]:
            self._mismade = 0


ROOMS: Final = (64, 1_024, 4_096)
"""Tokens beyond those asked for, tried in turn: for a preamble, for thinking, for long thinking."""


class AnswerRoom:
    """Remembers, for one target, the room its answers needed so far."""

    def __init__(self, thinking: int) -> None:
        """`thinking` is the room that answers of more than a few words have from the start."""
        self.tokens = 0
        self._thinking = thinking
        self._thinks = False

    def widen(self, request: ChatRequest, error: NeedsRoom) -> bool:
        """Learn from an answer that was not reached; return whether more room may help.

        Where there is no more, the fault is made to say what to do instead.
        """
        self._thinks = self._thinks or error.thinks
        given = max(request.room, 0 if request.max_tokens <= SHORT else self._thinking)
        least = max(2 * given, ROOMS[1] if self._thinks else ROOMS[0])
        wider = next((room for room in ROOMS if room >= least), None)
        if wider is None:
            error.say(self._no_more(request, request.max_tokens + given))
            return False
        # Calls under way at the same time all report the same: it counts once.
        self.tokens = max(self.tokens, wider)
        return True

    def _no_more(self, request: ChatRequest, tokens: int) -> str:
        does = "thinks first" if self._thinks else "does not begin with its answer"
        mend = "use --ask whole"
        if request.max_tokens > SHORT:
            mend = "give it more with thinking in panel.toml"
        return f"this model {does}, and came to no answer in {tokens:,} tokens: {mend}"
