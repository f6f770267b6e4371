"""Live progress on standard error: a line a reviewer for one tool, a bar and counts for a list.

Where standard error is no terminal, a list says how far it is once a minute.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from panel.cli.console import say
from panel.foundation.text import printable
from panel.report import figures
from panel.reviews.events import Decided, Event, LeftOut, Reviewed, Started, Stepped, WentOver
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Review
from panel.reviews.strategies.ask import steps
from panel.reviews.verdict.scorecard import RunUsage

HEARTBEAT: Final = 60.0
"""Seconds from one line to the next where standard error is no terminal."""

_COLOURS = {"ship": "green", "skip": "red", "split": "yellow", "hold": "magenta"}


@dataclass
class ListTally:
    """What is known so far of a list under review."""

    total: int
    clock: Callable[[], float] = monotonic
    outcomes: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: int = 0

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self._begun = self.clock()

    @property
    def done(self) -> int:
        """Tools that need no more work."""
        return self.outcomes.total() + self.left_out

    def add(self, outcome: str, usage: RunUsage) -> None:
        """Count a tool that has its verdict."""
        self.outcomes[outcome] += 1
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        self.unpriced += usage.unpriced_calls
        if usage.cost_usd is not None:
            self.cost = (self.cost or 0.0) + usage.cost_usd

    def parts(self) -> list[str]:
        """Return what to say, the most important first: outcomes, rate, time left, cost, tokens."""
        said = [f"{count:,} {name}" for name, count in sorted(self.outcomes.items())]
        if self.left_out:
            said.append(f"{self.left_out:,} left out")
        outcomes = [", ".join(said)] if said else []
        elapsed = self.clock() - self._begun
        if not self.done or elapsed <= 0:
            return outcomes
        left = figures.duration(elapsed * (self.total - self.done) / self.done)
        rate = 60 * self.done / elapsed
        more = [f"{rate:,.0f} a minute" if rate >= 10 else f"{rate:.1f} a minute", f"{left} left"]
        if self.cost is not None:
            more.append(figures.money(self.cost) + (" and more" if self.unpriced else ""))
        if self.input_tokens:
            tokens = (self.input_tokens, self.output_tokens)
            more.append("tokens {} in, {} out".format(*map(_rounded, tokens)))
        return outcomes + more

    def line(self) -> str:
        """Return all of it in one line."""
        return " · ".join([f"{self.done:,} of {self.total:,} tools", *self.parts()])


class ProgressDisplay:
    """Watches the engine and draws; use it in a `with`."""

    def __init__(self, plan: ReviewPlan, tools: int) -> None:
        """`tools` is how many are left to review."""
        self.tally = ListTally(tools)
        self._went_over: set[tuple[str, str]] = set()
        console = Console(file=sys.stderr)
        self.shown = console.is_terminal and tools > 0
        several = tools != 1
        self._bars = _Bars(
            *self._columns(several),
            console=console,
            transient=True,
            disable=not self.shown,
            tally=self.tally if several else None,
        )
        self._rows = {}
        if several:
            self._rows[""] = self._bars.add_task("Reviewing", total=tools, state="")
        else:
            for persona in plan.personas:
                total = steps(plan, persona)
                self._rows[persona.name] = self._bars.add_task(
                    persona.title, total=total, start=False, state="waiting"
                )

    def _columns(self, several: bool) -> list[ProgressColumn]:
        bar = BarColumn(bar_width=24)
        columns = [SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), bar]
        return [*columns, MofNCompleteColumn(), TimeElapsedColumn(), _State()]

    def watch(self, event: Event) -> None:
        """Draw one event."""
        match event:
            case LeftOut():
                self.tally.left_out += 1
                say(f"warning: left out: {event.reason}")
                self._count()
            case WentOver() if (event.provider, event.fallback) not in self._went_over:
                self._went_over.add((event.provider, event.fallback))
                say(f"note: {event.fallback} is asked instead of {event.provider}: {event.reason}")
            case Started() if "" in self._rows:
                self._bars.update(self._rows[""], state=printable(event.tool.name)[:24])
            case Decided() if "" in self._rows:
                self.tally.add(event.card.verdict.outcome, event.card.usage)
                self._count()
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

    async def heartbeat(self, every: float = HEARTBEAT) -> None:
        """Say once a minute how far a list is, where nothing is drawn; ends when cancelled."""
        while not self.shown and "" in self._rows:
            await asyncio.sleep(every)
            say(self.tally.line())

    def _count(self) -> None:
        if "" in self._rows:
            self._bars.update(self._rows[""], completed=self.tally.done)

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


class _Bars(Bars):
    """The rows, and for a list what is known of it in lines below them."""

    def __init__(
        self,
        *columns: ProgressColumn,
        console: Console,
        transient: bool,
        disable: bool,
        tally: ListTally | None,
    ) -> None:
        # First: the constructor draws the rows already.
        self._tally, self._screen = tally, console
        super().__init__(*columns, console=console, transient=transient, disable=disable)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the rows, then the lines."""
        yield from super().get_renderables()
        if self._tally is not None:
            for line in packed(self._tally.parts(), self._screen.width - 1):
                yield Text(line, style="dim")


def packed(parts: Iterable[str], width: int) -> list[str]:
    """Return the parts in as few indented lines of that width as their order allows."""
    lines: list[str] = []
    for part in parts:
        if lines and len(longer := f"{lines[-1]} · {part}") <= width:
            lines[-1] = longer
        else:
            lines.append(f"  {part}")
    return lines


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


def _rounded(tokens: int) -> str:
    """Write a count of tokens in three digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if tokens >= size:
            return f"{tokens / size:.3g}{letter}"
    return str(tokens)
