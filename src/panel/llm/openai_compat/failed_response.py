"""One failed response, read: what every decision about it looks at."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from panel.llm.config import ResponseFormat
from panel.llm.openai_compat import error_patterns
from panel.llm.openai_compat.error_text import ErrorText

PARAMETERS: Final = (
    "top_logprobs", "logprobs", "stream_options", "max_completion_tokens", "max_tokens",
    "temperature", "seed",
)  # fmt: skip
"""What a request can do without, the longer of two alike first."""


class RefusedCall(NamedTuple):
    """A response that is no answer, and the request it was sent to."""

    status: int
    """0: an error object inside of a 200 that names no status of its own."""
    said: ErrorText
    text: str
    """Everything said that may decide, on one line."""
    words: str
    """What it says for people: "" or `: ` and one harmless line without secrets."""
    wait: float | None
    """Seconds the server asks us to wait."""
    format: ResponseFormat
    sent: Mapping[str, Any]
    """The request's body: only what stands in it can have been refused."""
    guarded: bool
    """A header says that a guard before the server answers."""

    @property
    def told(self) -> str:
        """The status for messages."""
        return f"({self.status or 200})"

    @property
    def room(self) -> int:
        """Tokens that were asked for; 0 where none were named."""
        room = self.sent.get("max_tokens", self.sent.get("max_completion_tokens"))
        return room if isinstance(room, int) else 0

    @property
    def has_system(self) -> bool:
        """Whether a system message was sent."""
        return any(message.get("role") == "system" for message in self.sent.get("messages", ()))

    @property
    def parameter(self) -> str | None:
        """The parameter, of those that were sent, that the server says it does not take."""
        if not error_patterns.REFUSAL.search(self.text):
            return None
        names = (name for name in PARAMETERS if name in self.sent)
        return next((name for name in names if re.search(rf"\b{name}\b", self.text)), None)

    @property
    def about_model(self) -> bool:
        """Whether it says that the model is not there."""
        return error_patterns.NO_MODEL.search(self.text) is not None and self.parameter is None
