"""The endpoint of `replay:RUN`, for requests without a stored response.

`ChatClient` uses stored responses before it calls an endpoint.
"""

from collections.abc import Callable

from panel.foundation.errors import CallError, NotStored
from panel.llm.config import ResponseFormat
from panel.llm.types import ChatRequest, ChatResponse


class Replay:
    """Raises the stored error of a request, or `NotStored`."""

    def __init__(
        self, name: str, failure: Callable[[ChatRequest], CallError | None] = lambda request: None
    ) -> None:
        """`name` is the provider value; `failure` returns the stored error of a request."""
        self._name = name
        self._failure = failure

    async def ask(
        self, request: ChatRequest, format: ResponseFormat, *, deadline: float
    ) -> ChatResponse:
        """Raise the stored error, or `NotStored` where the run has no such request."""
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
