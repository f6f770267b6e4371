"""The endpoint of `replay:RUN`: stored answers are found before it is asked, so asking it fails."""

from panel.errors import NotStored
from panel.providers.message import Question, Reply
from panel.providers.target import Format


class Replay:
    """Answers nothing: what the replayed run holds never gets this far."""

    def __init__(self, name: str) -> None:
        """`name` is the provider value, `replay:RUN`."""
        self._name = name

    async def ask(self, question: Question, format: Format, *, deadline: float) -> Reply:
        """Raise `NotStored`: the run was asked something else."""
        run = self._name.removeprefix("replay:")
        raise NotStored(
            f"{self._name} holds no answer to one of the questions: a persona, a prompt, the tool"
            " or its evidence has changed since",
            hint=f"panel rerun {run} --provider local",
        )

    async def close(self) -> None:
        """Nothing is open."""
