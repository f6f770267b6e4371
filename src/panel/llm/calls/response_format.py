"""The ladder of structured-output formats: strictest first, down only when the server says so."""

from typing import Final

from panel.llm.config import ResponseFormat
from panel.llm.types import ChatRequest

RUNGS: Final[tuple[ResponseFormat, ...]] = ("json_schema", "json_object", "prompt")


FAILURES: Final = 3
"""Answers in a row that could not be made on a rung, after which the run leaves it."""


class FormatFallback:
    """Remembers, for one target, the strictest rung that has not been refused."""

    def __init__(self, first: ResponseFormat) -> None:
        self._rung = RUNGS.index(first)
        self._mismade = 0

    def format(self, question: ChatRequest, *, below: int = 0) -> ResponseFormat:
        """Return the rung to send a question on; free text needs none.

        `below` counts the rungs that this one question could not be answered on.
        """
        if question.schema is None:
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
