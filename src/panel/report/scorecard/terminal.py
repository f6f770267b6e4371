"""Terminal: a scorecard for the screen, plain text where colour is off."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from panel.report import figures
from panel.report.scorecard.findings import FindingView
from panel.report.scorecard.terminal_blocks import (
    BLOCKS,
    CITE,
    QUIET,
    STYLES,
    FitWidth,
    bar,
    bullet,
    heading,
    indent,
    inline,
    split_bar,
    stamp,
    to_text,
)
from panel.report.scorecard.view import GLYPHS, CardView, PersonaView, view
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".txt"

Color = Literal["auto", "always", "never"]

WIDTH: Final = 80
NARROWEST, WIDEST = 60, 120

_THEME: Final = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(33, 38, 45), (255, 123, 114), (63, 185, 80), (227, 179, 65),
     (88, 166, 255), (188, 140, 255), (86, 182, 194), (201, 209, 217)],
    [(139, 148, 158), (255, 161, 152), (86, 211, 100), (240, 200, 90),
     (121, 192, 255), (210, 168, 255), (125, 210, 220), (255, 255, 255)],
)  # fmt: skip


def render(cards: Sequence[Scorecard], *, width: int = WIDTH, color: bool = False) -> str:
    """Return the scorecards as text of at most `width` columns, with colour codes if asked."""
    return to_text((block for card in cards for block in _card(view(card))), width, color)


def summary(cards: Sequence[Scorecard], *, width: int = WIDTH, color: bool = False) -> str:
    """Return one line a tool, and how many came out how."""
    return to_text(_summary([view(card) for card in cards]), width, color)


def show(cards: Sequence[Scorecard], out: Console) -> None:
    """Print the scorecards."""
    for card in cards:
        out.print(*_card(view(card)), sep="\n")


def show_summary(cards: Sequence[Scorecard], out: Console) -> None:
    """Print one line a tool, and how many came out how."""
    out.print(*_summary([view(card) for card in cards]), sep="\n")


def console(file: TextIO, *, width: int | None = None, color: Color = "auto") -> Console:
    """Return a console of 60–120 columns on `file`.

    Args:
        file: where to print.
        width: columns; None takes the terminal's, or 80 where there is none.
        color: `auto` is on for terminals, and off where NO_COLOR is set.
    """
    forced = {"auto": None, "always": True, "never": False}[color]
    out = Console(
        file=file,
        force_terminal=forced,
        no_color=None if color == "auto" else color == "never",
        color_system=None if color == "never" else "auto",
        markup=False,
        highlight=False,
        emoji=False,
    )
    columns = width or (out.width if out.is_terminal else WIDTH)
    out.width = max(NARROWEST, min(WIDEST, columns))
    return out


def render_svg(cards: Sequence[Scorecard], *, width: int = 100) -> str:
    """Return a picture of scorecards on a dark screen: no script, font or remote address."""
    out = Console(
        file=io.StringIO(), record=True, width=width, markup=False, highlight=False, emoji=False,
        color_system="truecolor", force_terminal=True, legacy_windows=False,
    )  # fmt: skip
    show(cards, out)
    frame = Path(__file__).parents[1] / "templates" / "terminal.svg"
    return out.export_svg(
        title="panel: " + ", ".join(view(card).name for card in cards),
        theme=_THEME,
        code_format=frame.read_text(encoding="utf-8"),
        unique_id="panel",
    )


def _card(shown: CardView) -> Iterator[RenderableType]:
    yield Text()
    yield _head(shown)
    yield Text()
    yield indent(Text(shown.headline, style=f"bold {STYLES[shown.outcome]}"))
    yield indent(_numbers(shown))
    for text in shown.warnings:
        yield indent(bullet("!", text, "bold yellow"))
    for text in shown.notes:
        yield indent(bullet("·", text, QUIET))
    if shown.read:
        yield indent(_read(shown))
    for persona in shown.personas:
        yield Text()
        yield from _persona(persona)
    for missing in shown.missing:
        yield Text()
        yield heading(missing.title, "missing", Text(" review"))
        detail = f" ({missing.detail})" if missing.detail else ""
        yield indent(Text(f"{missing.reason}{detail}; counts as no vote"))
    yield Text()
    yield Rule(style=QUIET)
    yield indent(_footer(shown))


def _head(shown: CardView) -> Table:
    about = Text(shown.name, style="bold")
    if shown.tagline:
        about.append(f"\n{shown.tagline}", "not bold")
    about_it = (shown.category, shown.kind, f"price: {shown.price}", shown.url)
    where = " · ".join(text for text in about_it if text)
    about.append(f"\n{where}", f"not bold {QUIET}")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold", vertical="middle")
    grid.add_row(stamp(shown.outcome), about)
    return grid


def _numbers(shown: CardView) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(ratio=1)
    share = figures.percent(shown.ship_percent)
    grid.add_row(f"Ship  {share:>5}", FitWidth(lambda width: _split(shown, width)))
    grid.add_row("", Text(_counted(shown.votes), style=QUIET))
    score = figures.score(shown.score)
    grid.add_row(
        f"Score {score:>5}", FitWidth(lambda width: bar(shown.score, width, "bold", shown.interval))
    )
    if shown.interval:
        grid.add_row("", Text(f"{figures.interval(shown.interval)} over samples", style=QUIET))
    return grid


def _read(shown: CardView) -> Text:
    """Draw what was read about price, licence and upkeep: one wrapped line."""
    pieces = []
    for label, text, cite in shown.read:
        parts = inline((text, cite) if cite else (text,))
        pieces.append(Text.assemble((f"{label}: ", QUIET), parts))
    return Text(" · ", style=QUIET).join(pieces)


def _split(shown: CardView, width: int) -> Text:
    blocks = split_bar(shown.votes, width)
    return Text(" ").join(Text(block, style=STYLES[vote]) for vote, block in blocks)


def _persona(persona: PersonaView) -> Iterator[RenderableType]:
    end = Text(f" {figures.score(persona.score):>5} ")
    yield heading(persona.title, persona.vote, end + bar(persona.score, 16, STYLES[persona.vote]))
    for paragraph in persona.summary:
        yield indent(inline(paragraph), after=1)
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True, width=12)
    rows.add_column(ratio=1, overflow="fold")
    for finding in persona.deciding:
        rows.add_row(*_finding(finding, ""))
    for finding in persona.against:
        rows.add_row(*_finding(finding, "but "))
    yield indent(rows, after=1)
    for name, words in persona.fields:
        yield indent(Text.assemble((f"{name}: ", "bold"), inline(words)))
    if forecast := persona.forecast:
        chance = f"Forecast, {forecast.chance} ".rstrip()
        yield indent(
            Text.assemble((f"{chance} by {forecast.by}: ", "bold"), inline(forecast.claim))
        )
    answered = f"{persona.tally} · {figures.percent(100 * persona.coverage)} answered"
    for text in (answered, *persona.caveats):
        yield indent(Text(text, style=QUIET))


def _finding(finding: FindingView, lead: str) -> tuple[Text, Text]:
    answer = Text.assemble(lead, (finding.answer, f"bold {STYLES[finding.answer]}"))
    answer.append(f" {finding.chance}" if finding.chance else "")
    text = Text(finding.question)
    if finding.dealbreaker:
        text.append(" Dealbreaker.", "bold red")
    if finding.because:
        text.append(" ").append_text(inline(finding.because))
    for quote in finding.quotes:
        text.append(f"\n“{quote.text}”", "italic").append(f" {quote.id}", f"not italic {CITE}")
    return answer, text


def _footer(shown: CardView) -> Group:
    facts = dict(shown.facts)
    first = ("Provider", "Model", "Asked", "Time")
    calls, comma, reused = facts["Calls"].partition(",")
    tokens = "tokens unknown" if facts["Tokens"] == figures.UNKNOWN else facts["Tokens"]
    usage = f"{calls} calls{comma}{reused} · {tokens} · cost {facts['Cost']}"
    made = f"{facts['Run']} · {facts['Made']}"
    rows = (" · ".join(facts[name] for name in first), usage, made)
    return Group(*(Text(row, style=QUIET, overflow="fold") for row in rows))


def _summary(views: Sequence[CardView]) -> Iterator[RenderableType]:
    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    table.add_column("Tool", overflow="fold", ratio=1)
    for name, justify in (("Verdict", "left"), ("Ship", "right"), ("Score", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("Votes", no_wrap=True)
    for v in views:
        word = Text(f"{GLYPHS[v.outcome]} {v.outcome}", style=f"bold {STYLES[v.outcome]}")
        votes = [p.vote for p in v.personas] + ["missing"] * len(v.missing)
        marks = Text(" ").join(Text(GLYPHS[vote], style=STYLES[vote]) for vote in votes)
        share = figures.percent(v.ship_percent)
        table.add_row(Text(v.name), word, share, figures.score(v.score), marks)
    yield table
    outcomes = [v.outcome for v in views]
    kinds = [o for o in ("ship", "skip", "split", "hold", "incomplete") if o in outcomes]
    counts = " · ".join(f"{outcomes.count(o)} {o}" for o in kinds)
    yield Text(f"{len(views)} tools: {counts}" if views else "no tools")


def _counted(votes: Sequence[tuple[str, int]]) -> str:
    return " · ".join(f"{BLOCKS[vote]} {count} {vote}" for vote, count in votes) or "no votes"
