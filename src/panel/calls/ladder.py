"""The ladder of structured-output formats: strictest first, down only when the server says so."""

from typing import Final

from panel.providers.message import Question
from panel.providers.target import Format

RUNGS: Final[tuple[Format, ...]] = ("json_schema", "json_object", "prompt")


class Ladder:
    """Remembers, for one target, the strictest rung that has not been refused."""

    def __init__(self, first: Format) -> None:
        self._rung = RUNGS.index(first)

    def format(self, question: Question) -> Format:
        """Return the rung to send a question on; free text needs none."""
        return "prompt" if question.schema is None else RUNGS[self._rung]

    def refused(self, format: Format) -> bool:
        """Note that a rung was refused; return whether there is a lower one to try.

        Calls under way at the same time may all report the same rung: it counts once.
        """
        self._rung = max(self._rung, min(RUNGS.index(format) + 1, len(RUNGS) - 1))
        return format != RUNGS[-1]
