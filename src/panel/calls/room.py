"""How much room a model needs before its short answers: learned from its replies, kept for a run.

Most models answer yes or no with their first token. Some begin with a line break or a preamble,
and some think first.
"""

from typing import Final

from panel.errors import NeedsRoom
from panel.providers.message import Question

ROOMS: Final = (64, 1_024, 4_096)
"""Tokens beyond those asked for, tried in turn: for a preamble, for thinking, for long thinking."""


class Room:
    """Remembers, for one target, the room its answers needed so far."""

    def __init__(self) -> None:
        self.tokens = 0
        self.thinks = False

    def widen(self, question: Question, fault: NeedsRoom) -> bool:
        """Learn from an answer that was not reached; return whether more room may help.

        Where there is no more, the fault's message says what to do instead.
        """
        self.thinks = self.thinks or fault.thinks
        least = ROOMS[1] if self.thinks else ROOMS[0]
        wider = next((room for room in ROOMS if room > question.room and room >= least), None)
        if wider is None:
            does = "thinks first" if self.thinks else "does not begin with its answer"
            tokens = question.max_tokens + question.room
            fault.message = (
                f"this model {does}, and came to no answer in {tokens:,} tokens: use --ask whole"
            )
            return False
        # Calls under way at the same time all report the same: it counts once.
        self.tokens = max(self.tokens, wider)
        return True
