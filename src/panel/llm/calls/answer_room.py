"""How much room a model needs before its short answers: learned from its replies, kept for a run.

Most models answer yes or no with their first token. Some begin with a line break or a preamble,
and some think first.
"""

from typing import Final

from panel.foundation.errors import NeedsRoom
from panel.llm.openai_compat.request import SHORT
from panel.llm.types import ChatRequest

ROOMS: Final = (64, 1_024, 4_096)
"""Tokens beyond those asked for, tried in turn: for a preamble, for thinking, for long thinking."""


class AnswerRoom:
    """Remembers, for one target, the room its answers needed so far."""

    def __init__(self, thinking: int) -> None:
        """`thinking` is the room that answers of more than a few words have from the start."""
        self.tokens = 0
        self._thinking = thinking
        self._thinks = False

    def widen(self, question: ChatRequest, fault: NeedsRoom) -> bool:
        """Learn from an answer that was not reached; return whether more room may help.

        Where there is no more, the fault is made to say what to do instead.
        """
        self._thinks = self._thinks or fault.thinks
        given = max(question.room, 0 if question.max_tokens <= SHORT else self._thinking)
        least = max(2 * given, ROOMS[1] if self._thinks else ROOMS[0])
        wider = next((room for room in ROOMS if room >= least), None)
        if wider is None:
            fault.say(self._no_more(question, question.max_tokens + given))
            return False
        # Calls under way at the same time all report the same: it counts once.
        self.tokens = max(self.tokens, wider)
        return True

    def _no_more(self, question: ChatRequest, tokens: int) -> str:
        does = "thinks first" if self._thinks else "does not begin with its answer"
        mend = "use --ask whole"
        if question.max_tokens > SHORT:
            mend = "give it more with thinking in panel.toml"
        return f"this model {does}, and came to no answer in {tokens:,} tokens: {mend}"
