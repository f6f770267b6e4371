"""Building blocks for terminals: the verdict's stamp, bars, rules and indents. Knows no card."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from panel.report.citations import Cite, Own, Part
from panel.report.reviewers import Hue
from panel.report.scorecard.view import GLYPHS

STYLES: Final = {
    "ship": "green", "skip": "red", "split": "yellow", "hold": "magenta",
    "incomplete": "bright_black", "abstain": "bright_black", "missing": "bright_black",
    "yes": "green", "no": "red", "unclear": "yellow",
}  # fmt: skip
HUES: Final[dict[Hue, str]] = {
    "builder": "bright_blue", "skeptic": "bright_magenta", "business": "bright_cyan",
    "futurist": "bright_yellow", "guest": "white",
}  # fmt: skip
CITE: Final = "cyan"
QUIET: Final = "bright_black"

Block = RenderableType
"""Anything that can be drawn."""

FILLED, UNSURE, REST, MARK = "━", "╍", "─", "┃"


class ScoreBar(NamedTuple):
    """Three runs of characters: certainly reached, inside the interval, not reached."""

    filled: str
    unsure: str
    rest: str


def score_bar(
    value: float | None, width: int, interval: tuple[float, float] | None = None
) -> ScoreBar:
    """Draw a score of 0–100 over `width` characters; all rest where there is none."""
    if value is None:
        return ScoreBar("", "", REST * width)
    low, high = interval or (value, value)
    start, end = round(low / 100 * width), round(high / 100 * width)
    return ScoreBar(FILLED * start, UNSURE * (end - start), REST * (width - end))


def stamp(outcome: str) -> Panel:
    """Draw the verdict as a block of colour with shape and word."""
    word = Text(f" {GLYPHS[outcome]} {outcome.upper()} ")
    return Panel(word, box=box.HEAVY, style=f"bold reverse {STYLES[outcome]}", expand=False)


class FitWidth:
    """Draws something to the width there is."""

    def __init__(self, draw: Callable[[int], Text]) -> None:
        self.draw = draw

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield self.draw(min(options.max_width, 72))


def bar(
    value: float | None,
    width: int,
    style: str,
    spread: tuple[float, float] | None = None,
    *,
    mark: float | None = None,
) -> Text:
    """Draw a score of 0–100 over `width` columns, its interval dashed, with a mark across it."""
    filled, unsure, rest = score_bar(value, width, spread)
    drawn = Text.assemble((filled, style), (unsure, style), (rest, QUIET))
    if mark is None or not width:
        return drawn
    # What has not reached the mark ends before it, whatever the width rounds to.
    at = min(round(mark / 100 * width), width - 1)
    return Text.assemble(drawn[:at], (MARK, "bold"), drawn[at + 1 :])


def heading(sign: tuple[str, str], title: str, vote: str, end: Text) -> Table:
    """Draw a reviewer's line: sign and its style, title, a rule, the vote in colour, then `end`."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right")
    badge = Text(f" {sign[0]} ", f"bold reverse {sign[1]}")
    grid.add_row(badge, Text(title, "bold"), Rule(style=QUIET), voted(vote).append_text(end))
    return grid


def voted(vote: str) -> Text:
    """Draw a vote or outcome as shape, word and colour."""
    return Text(f"{GLYPHS[vote]} {vote}", f"bold {STYLES[vote]}")


def inline(text: Iterable[Part], *, style: str = "") -> Text:
    """Draw a text with its citations, and what is not in the evidence marked as such."""
    drawn = Text(style=style)
    for part in text:
        if isinstance(part, Cite):
            drawn.append(f" [{part.id}]", f"not bold {CITE}")
        elif isinstance(part, Own):
            drawn.append(part.text).append(" (not in evidence)", QUIET)
        else:
            drawn.append(part)
    return drawn


def bullet(mark: str, text: str, style: str) -> Table:
    """Draw a text that hangs behind a mark."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(Text(mark, style=style), Text(text, style=style))
    return grid


def words(*pieces: str | tuple[str, str]) -> Text:
    """Draw pieces of text in a row; a pair is a text with its style."""
    return Text.assemble(*pieces)


def columns(rows: Iterable[Sequence[Block]], ratios: Sequence[int]) -> Table:
    """Draw rows of blocks in columns that share the width in these ratios."""
    grid = Table.grid(padding=(0, 2), expand=True)
    for ratio in ratios:
        grid.add_column(ratio=ratio, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def rule(title: str = "") -> Rule:
    """Draw a line across, with a title at its left end."""
    return (
        Rule(Text(title, style="bold"), align="left", style=QUIET) if title else Rule(style=QUIET)
    )


def indent(block: RenderableType, *, after: int = 0) -> Padding:
    """Set a block in by two columns, with empty lines `after` it."""
    return Padding(block, (0, 1, after, 2))


def to_text(blocks: Iterable[RenderableType], width: int, color: bool) -> str:
    """Return what the blocks look like; without colour there are no control codes at all."""
    out = Console(
        file=(file := io.StringIO()), width=width, markup=False, highlight=False, emoji=False,
        color_system="standard" if color else None, force_terminal=color, no_color=not color,
        force_jupyter=False, legacy_windows=False,
    )  # fmt: skip
    for block in blocks:
        out.print(block)
    text = file.getvalue()
    return (
        text
        if color
        else "".join(f"{row.rstrip()}\n" for row in text.removesuffix("\n").split("\n"))
    )
