"""The endpoint of `replay:RUN`: what it is asked failed then too, or was never asked.

Stored answers are found before an endpoint is asked at all.
"""

from collections.abc import Callable

from panel.foundation.errors import CallError, NotStored
from panel.llm.config import ResponseFormat
from panel.llm.types import ChatRequest, ChatResponse


class Replay:
    """Answers nothing: what the replayed run holds never gets this far."""

    def __init__(
        self, name: str, failure: Callable[[ChatRequest], CallError | None] = lambda request: None
    ) -> None:
        """`name` is the provider value; `failure` tells how a question failed in that run."""
        self._name = name
        self._failure = failure

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Raise what was met then, or `NotStored`: the run was asked something else."""
        if error := self._failure(request):
            raise error
        run = self._name.removeprefix("replay:")
        raise NotStored(
            f"{self._name} holds no answer to one of the questions: a persona, a prompt, the tool"
            " or its evidence has changed since",
            hint=f"panel rerun {run} --provider local",
        )

    async def close(self) -> None:
        """Nothing is open."""
