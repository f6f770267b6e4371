"""Terminal: a scorecard for the screen, plain text where colour is off."""

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.segment import Segment, SegmentLines
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from panel.report import figures
from panel.report.scorecard.findings import (
    ANSWER_GLYPHS,
    DECIDED,
    FindingGroup,
    FindingView,
    Quote,
)
from panel.report.scorecard.summary import Summary, summarise
from panel.report.scorecard.terminal_blocks import (
    CITE,
    HUES,
    MARK,
    QUIET,
    STYLES,
    FitWidth,
    bar,
    bullet,
    heading,
    indent,
    inline,
    stamp,
    to_text,
    voted,
)
from panel.report.scorecard.view import (
    GLYPHS,
    OUTCOMES,
    VOTES,
    CardView,
    MissingView,
    PersonaView,
    view,
)
from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".txt"

Color = Literal["auto", "always", "never"]

WIDTH: Final = 80
NARROWEST, WIDEST = 60, 120
_AT_ONCE: Final = 100
"""Lines of a table that are printed at once."""

_THEME: Final = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [(33, 38, 45), (255, 123, 114), (63, 185, 80), (227, 179, 65),
     (88, 166, 255), (188, 140, 255), (86, 182, 194), (201, 209, 217)],
    [(139, 148, 158), (255, 161, 152), (86, 211, 100), (240, 200, 90),
     (121, 192, 255), (210, 168, 255), (125, 210, 220), (255, 255, 255)],
)  # fmt: skip


def render(cards: Iterable[Scorecard], *, width: int = WIDTH, color: bool = False) -> str:
    """Return the scorecards as text of at most `width` columns, with colour codes if asked."""
    return "".join(to_text(_card(view(card)), width, color) for card in cards)


def stream(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Yield the text of `render`, card by card."""
    return (to_text(_card(view(card)), WIDTH, False) for card in cards)


def summary(cards: Iterable[Scorecard], *, width: int = WIDTH, color: bool = False) -> str:
    """Return one line a tool, and how many came out how."""
    return to_text(_summary(summarise(cards)), width, color)


def show(cards: Iterable[Scorecard], out: Console) -> None:
    """Print the scorecards."""
    for card in cards:
        out.print(*_card(view(card)), sep="\n")


def show_summary(cards: Iterable[Scorecard], out: Console) -> None:
    """Print one line a tool, and how many came out how; the evidence of cards is not needed."""
    table, *rest = _summary(summarise(cards))
    lines = Segment.split_lines(out.render(table))
    # Printed at once, a table of ten thousand tools would take 40 MB.
    while some := list(islice(lines, _AT_ONCE)):
        out.print(SegmentLines(some, new_lines=True), end="")
    out.print(*rest, sep="\n")


def console(
    file: TextIO, *, width: int | None = None, widest: int = WIDEST, color: Color = "auto"
) -> Console:
    """Return a console on `file` of at least 60 columns.

    Args:
        file: where to print.
        width: columns; None takes those of COLUMNS or the terminal, or 80 where there is neither.
        widest: columns at most.
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
    told = out.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    columns = width or (out.width if told else WIDTH)
    out.width = max(NARROWEST, min(widest, columns))
    return out


def render_svg(cards: Sequence[Scorecard], *, width: int = 100) -> str:
    """Return a picture of short scorecards on a dark screen: no script, font or remote address."""
    out = Console(
        file=io.StringIO(), record=True, width=width, markup=False, highlight=False, emoji=False,
        color_system="truecolor", force_terminal=True, legacy_windows=False,
    )  # fmt: skip
    for card in cards:
        out.print(*_short(view(card)), sep="\n")
    frame = Path(__file__).parents[1] / "templates" / "terminal.svg"
    return out.export_svg(
        title="panel: " + ", ".join(view(card).name for card in cards),
        theme=_THEME,
        code_format=frame.read_text(encoding="utf-8"),
        unique_id="panel",
    )


def _card(shown: CardView) -> Iterator[RenderableType]:
    yield from _top(shown)
    if shown.warnings or shown.read:
        yield Text()
    for text in shown.warnings:
        yield indent(bullet("!", text, "bold yellow"))
    if shown.read:
        yield indent(_read(shown))
    for persona in shown.personas:
        yield Text()
        yield from _persona(persona, shown.ship_at)
    for missing in shown.missing:
        yield Text()
        yield heading((missing.sign, HUES[missing.hue]), missing.title, "missing", Text())
        detail = f" ({missing.detail})" if missing.detail else ""
        yield indent(Text(f"{missing.reason}{detail}; counts as no vote"))
    yield Text()
    yield Rule(style=QUIET)
    for text in shown.notes:
        yield indent(Text(text))
    yield indent(_footer(shown))


def _short(shown: CardView) -> Iterator[RenderableType]:
    """Draw what no model worded: answer, votes, the strongest statements with their passages."""
    yield from _top(shown)
    yield Text()
    for finding in (shown.strongest("yes"), shown.strongest("no")):
        if finding:
            yield indent(_statement(replace(finding, because=())), after=1)
    made = dict(shown.facts)
    yield indent(Text(f"{made['Model']} at {made['Provider']} · {made['Made']}", QUIET))


def _top(shown: CardView) -> Iterator[RenderableType]:
    yield Text()
    yield _head(shown)
    yield Text()
    yield indent(inline(shown.answer, style="bold"), after=1)
    yield indent(_scores(shown))


def _head(shown: CardView) -> Table:
    about = Text(shown.name, style="bold")
    if shown.tagline:
        about.append(f"\n{shown.tagline}", "not bold")
    price = f"price: {shown.price}" if shown.price else ""
    if where := " · ".join(text for text in (shown.category, shown.kind, price, shown.url) if text):
        about.append(f"\n{where}", f"not bold {QUIET}")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold", vertical="middle")
    grid.add_row(stamp(shown.outcome), about)
    return grid


def _scores(shown: CardView) -> Table:
    """Draw each reviewer's vote and score, then the panel's: with signs, it is the legend."""
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(ratio=1)
    mark = shown.ship_at
    for persona in shown.personas:
        sign, title = _sign(persona), Text(persona.title, overflow="ellipsis")
        drawn: RenderableType = _bar(persona.score, HUES[persona.hue], mark)
        if persona.vote == "abstain" and persona.score is not None:
            drawn = Text("not counted", QUIET)
        grid.add_row(sign, title, voted(persona.vote), figures.score(persona.score), drawn)
    for missing in shown.missing:
        grid.add_row(_sign(missing), missing.title, voted("missing"), "–", "")
    share = Text(f"{figures.percent(shown.ship_percent)} ship", "bold")
    score = Text(figures.score(shown.score), "bold")
    grid.add_row("", Text("Panel", "bold"), share, score, _bar(
        shown.score, "bold", mark, shown.interval))  # fmt: skip
    if shown.interval:
        spread = f"{figures.interval(shown.interval)} over samples"
        grid.add_row("", "", "", "", Text(spread, QUIET))
    legend = f"{MARK} ships from {mark:g}"
    if shown.share.endswith("(weighted)"):
        legend += "; the panel's share is weighted"
    grid.add_row("", "", "", "", Text(legend, QUIET))
    return grid


def _sign(reviewer: PersonaView | MissingView) -> Text:
    return Text(f" {reviewer.sign} ", f"bold reverse {HUES[reviewer.hue]}")


def _bar(
    value: float | None, style: str, mark: float, spread: tuple[float, float] | None = None
) -> FitWidth:
    return FitWidth(lambda width: bar(value, width, style, spread, mark=mark))


def _read(shown: CardView) -> Text:
    """Draw what was read about price, licence and upkeep: one wrapped line."""
    pieces = []
    for label, text, cite in shown.read:
        parts = inline((text, cite) if cite else (text,))
        pieces.append(Text.assemble((f"{label}: ", QUIET), parts))
    return Text(" · ", style=QUIET).join(pieces)


def _persona(persona: PersonaView, mark: float) -> Iterator[RenderableType]:
    style = HUES[persona.hue]
    end = Text(f" {figures.score(persona.score):>5} ") + bar(persona.score, 16, style, mark=mark)
    yield heading((persona.sign, style), persona.title, persona.vote, end)
    for paragraph in persona.summary:
        yield indent(inline(paragraph), after=1)
    for name, quote in persona.quoted:
        yield indent(Text.assemble((f"{name}: ", "bold"), _quote(quote)))
    if persona.quoted:
        yield Text()
    for group in persona.groups:
        yield from _group(group)
    for name, words in persona.fields:
        yield indent(Text.assemble((f"{name}: ", "bold"), inline(words)))
    if forecast := persona.forecast:
        chance = f"Forecast, {forecast.chance} ".rstrip()
        yield indent(
            Text.assemble((f"{chance} by {forecast.by}: ", "bold"), inline(forecast.claim))
        )
    if persona.turns_on:
        yield indent(Text.assemble(("Turns on: ", "bold"), inline(persona.turns_on)))
    for name, text in persona.remarks:
        yield indent(Text.assemble((f"{name}: ", "bold"), text))
    answered = f"{persona.tally} · {figures.percent(100 * persona.coverage)} answered"
    for text in (answered, *persona.caveats):
        yield indent(Text(text, style=QUIET))


def _group(group: FindingGroup) -> Iterator[RenderableType]:
    if any(finding.statement for finding in group.findings):
        yield indent(Text(group.title, "bold"))
        for finding in group.findings:
            yield indent(_statement(finding))
        if group.others:
            texts = Text(" · ").join(_in_short(finding) for finding in group.others)
            yield indent(Text.assemble("  also: ", texts))
        yield Text()
        return
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True, width=12)
    rows.add_column(ratio=1, overflow="fold")
    lead = "" if group.title == DECIDED else "but "
    for finding in group.findings:
        rows.add_row(*_question(finding, lead))
    yield indent(rows, after=1)


def _statement(finding: FindingView) -> Table:
    """Draw a statement behind its mark, with its reason and its passages below."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    text = _in_short(finding)
    text.append(f" ({finding.chance})" if finding.chance else "", QUIET)
    _explained(text, finding)
    mark = Text(ANSWER_GLYPHS[finding.answer], f"bold {STYLES[finding.answer]}")
    grid.add_row(mark, text)
    return grid


def _in_short(finding: FindingView) -> Text:
    return Text(finding.text) + inline(finding.unquoted)


def _question(finding: FindingView, lead: str) -> tuple[Text, Text]:
    answer = Text.assemble(lead, (finding.answer, f"bold {STYLES[finding.answer]}"))
    answer.append(f" {finding.chance}" if finding.chance else "")
    text = _in_short(finding)
    _explained(text, finding)
    return answer, text


def _explained(text: Text, finding: FindingView) -> None:
    if finding.dealbreaker:
        text.append(" Dealbreaker.", "bold red")
    if finding.because:
        text.append(": " if finding.statement else " ").append_text(inline(finding.because))
    for quote in finding.quotes:
        text.append("\n").append_text(_quote(quote))


def _quote(quote: Quote) -> Text:
    return Text.assemble((f"“{quote.text}”", "italic"), (f" {quote.id}", CITE))


def _footer(shown: CardView) -> Group:
    facts = dict(shown.facts)
    first = ("Provider", "Model", "Asked", "Time")
    calls, comma, reused = facts["Calls"].partition(",")
    tokens = "tokens unknown" if facts["Tokens"] == figures.UNKNOWN else facts["Tokens"]
    usage = f"{calls} calls{comma}{reused} · {tokens} · cost {facts['Cost']}"
    made = f"{facts['Run']} · {facts['Made']}"
    rows = (" · ".join(facts[name] for name in first), usage, made)
    return Group(*(Text(row, style=QUIET, overflow="fold") for row in rows))


def _summary(summary: Summary) -> Iterator[RenderableType]:
    """Draw one line a tool, those that ship first and by score, and the reviewers' signs."""
    rows, seats = summary.rows, summary.seats
    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    table.add_column("Tool", overflow="fold", ratio=1)
    for name, justify in (("Verdict", "left"), ("Ship", "right"), ("Score", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for seat in seats:
        table.add_column(Text(seat.sign, HUES[seat.hue]), no_wrap=True, justify="center")
    marks = {"": Text(), **{vote: Text(GLYPHS[vote], STYLES[vote]) for vote in VOTES}}
    words = {outcome: voted(outcome) for outcome in {row.outcome for row in rows}}
    for row in rows:
        cast = [row.votes[seat.name][0] if seat.name in row.votes else "" for seat in seats]
        share, score = figures.percent(row.ship_percent), figures.score(row.score)
        table.add_row(Text(row.name), words[row.outcome], share, score, *[marks[v] for v in cast])
    yield table
    outcomes = Counter(row.outcome for row in rows)
    counts = " · ".join(f"{outcomes[o]} {o}" for o in OUTCOMES if o in outcomes)
    yield Text(f"{len(rows)} tools: {counts}" if rows else "no tools")
    if seats:
        yield Text(" · ").join(
            Text.assemble((seat.sign, HUES[seat.hue]), f" {seat.title}") for seat in seats
        )
        voted_so = {vote for row in rows for vote, _ in row.votes.values()}
        yield Text(" · ".join(f"{GLYPHS[v]} {v}" for v in VOTES if v in voted_so), QUIET)
