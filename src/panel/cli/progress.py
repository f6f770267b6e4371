"""Live progress on standard error: a line a reviewer for one tool, one bar for a list.

Silent when standard error is no terminal.
"""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from panel.foundation.text import printable
from panel.reviews.events import Decided, Event, Reviewed, Started, Stepped
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Review
from panel.reviews.strategies.ask import steps

_COLOURS = {"ship": "green", "skip": "red", "split": "yellow", "hold": "magenta"}


class ProgressDisplay:
    """Watches the engine and draws; use it in a `with`."""

    def __init__(self, plan: ReviewPlan, tools: int) -> None:
        """`tools` is how many are left to review."""
        self._tools = tools
        self._counts: dict[str, int] = {}
        console = Console(file=sys.stderr)
        shown = console.is_terminal and tools > 0
        self._bars = Bars(*self._columns(), console=console, transient=True, disable=not shown)
        self._rows = {}
        if tools == 1:
            for persona in plan.personas:
                total = steps(plan, persona)
                self._rows[persona.name] = self._bars.add_task(
                    persona.title, total=total, start=False, state="waiting"
                )
        else:
            self._rows[""] = self._bars.add_task("Reviewing", total=tools, state="")

    def _columns(self) -> list[ProgressColumn]:
        left = TimeRemainingColumn() if self._tools > 1 else TimeElapsedColumn()
        return [
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            left,
            _State(),
        ]

    def watch(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case Started() | Decided() if "" in self._rows:
                self._many(event)
            case Stepped() if event.persona in self._rows:
                row = self._rows[event.persona]
                self._bars.start_task(row)
                # What a tool is decides how many questions there are.
                self._bars.update(row, total=event.total, completed=event.done, state=event.step)
            case Reviewed() if event.review.persona in self._rows:
                row = self._rows[event.review.persona]
                total = self._bars.tasks[self._bars.task_ids.index(row)].total
                self._bars.update(row, completed=total, state=_result(event))
                self._bars.stop_task(row)

    def _many(self, event: Started | Decided) -> None:
        row = self._rows[""]
        if isinstance(event, Started):
            self._bars.update(row, state=printable(event.tool.name))
            return
        outcome = event.card.verdict.outcome
        self._counts[outcome] = self._counts.get(outcome, 0) + 1
        counts = " · ".join(f"{count} {name}" for name, count in sorted(self._counts.items()))
        self._bars.update(row, advance=1, state=counts)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing and leave the terminal as it was."""
        self._bars.stop()


class _State(ProgressColumn):
    """The state of a row: a question's name, or a vote in its colour."""

    def render(self, task: Task) -> Text:
        state = str(task.fields.get("state", ""))
        return Text(state, style=_COLOURS.get(state.partition(" ")[0], "dim"))


def _result(event: Reviewed) -> str:
    if isinstance(event.review, Review):
        score = "" if event.review.score is None else f" {event.review.score:.0f}"
        return f"{event.review.vote}{score}"
    return f"missing: {event.review.reason}"
