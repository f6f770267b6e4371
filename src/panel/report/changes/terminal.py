"""Terminal: what changed, tool by tool, for the screen."""

from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from panel.report.changes.view import Changes, changes
from panel.report.scorecard.terminal_blocks import QUIET, STYLES, indent, to_text
from panel.report.scorecard.view import GLYPHS
from panel.runs.diff import RunDiff

SUFFIX = ".txt"

WIDTH: Final = 80


def render(diff: RunDiff, *, width: int = WIDTH, color: bool = False) -> str:
    """Return what changed between two runs as text of at most `width` columns."""
    return to_text(_blocks(changes(diff)), width, color)


def show(diff: RunDiff, out: Console) -> None:
    """Print what changed between two runs."""
    out.print(*_blocks(changes(diff)), sep="\n")


def _blocks(shown: Changes) -> Iterator[RenderableType]:
    yield Text(shown.headline, style="bold")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "Before", "After"):
        table.add_column(name, overflow="fold")
    for row in shown.sides:
        table.add_row(*(Text(text) for text in row))
    yield table
    for name, text in shown.agreement:
        yield Text(f"Same {name}: {text}")
    for tool in (t for t in shown.tools if t.changed):
        yield Text()
        yield Text.assemble((tool.name, "bold"), "  ", _moved(tool.before, tool.after))
        yield indent(Text(f"score {tool.score}", style=QUIET))
        for who, before, after in tool.votes:
            yield indent(Text.assemble(f"{who} ", _moved(before, after)))
        for answer in tool.answers:
            lead = Text.assemble(f"{answer.persona}: ", _moved(answer.before, answer.after), "  ")
            yield indent(lead + Text(answer.question, style=QUIET))
    if same := sum(not t.changed for t in shown.tools):
        yield Text(f"\n{same} tools with the same verdict, votes and answers")
    for where, names in (("before", shown.only_before), ("after", shown.only_after)):
        if names:
            yield Text(f"\nOnly in the run {where}: {', '.join(names)}")


def _moved(before: str, after: str) -> Text:
    old, new = (f"{GLYPHS.get(word, '')} {word}".strip() for word in (before, after))
    if old == new:
        return Text(old, style=STYLES.get(after, ""))
    return Text.assemble(old, " → ", (new, f"bold {STYLES.get(after, '')}".strip()))
