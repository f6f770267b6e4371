"""Terminal: two columns for the screen, plain text where colour is off."""

from collections.abc import Iterable, Iterator
from typing import Final

from panel.report import figures
from panel.report.citations import Own
from panel.report.comparison.advice_view import StatementPart
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.view import (
    LISTED,
    ComparedView,
    DifferenceView,
    PairView,
    PersonaPair,
    SideView,
    pair_view,
)
from panel.report.scorecard.findings import ANSWER_GLYPHS
from panel.report.scorecard.terminal_blocks import (
    CITE,
    HUES,
    QUIET,
    STYLES,
    Block,
    FitWidth,
    bar,
    bullet,
    columns,
    indent,
    inline,
    rule,
    stamp,
    to_text,
    words,
)
from panel.report.scorecard.view import GLYPHS, MissingView, PersonaView

SUFFIX = ".txt"

WIDTH: Final = 80


def render(comparison: Comparison, *, width: int = WIDTH, color: bool = False) -> str:
    """Return the comparison as text of at most `width` columns."""
    return to_text(blocks(comparison), width, color)


def blocks(comparison: Comparison) -> Iterator[Block]:
    """Yield what is drawn, from top to bottom."""
    shown = pair_view(comparison)
    yield words("")
    yield words((shown.title, "bold"))
    yield words("")
    yield indent(_statement(shown.advice.answer, "bold"), after=1)
    yield indent(columns(_heads(shown), (1, 1)), after=1)
    yield from _advice(shown)
    yield indent(columns(_scores(shown), (3, 4, 4)))
    if shown.weighing:
        yield indent(words((f"{shown.weighing}.", QUIET)))
    yield words("")
    for text in shown.cautions:
        yield indent(bullet("!", text, "bold yellow"))
    yield words("")
    yield rule("What differs between them")
    yield indent(words((shown.counted, QUIET)), after=1)
    for difference in (*shown.differences, *shown.more):
        yield from _difference(difference, shown)
    for persona in shown.personas:
        yield rule(persona.title)
        yield indent(columns([tuple(_opinions(persona, shown))], (1, 1)), after=1)
    yield rule("Price and upkeep, as read")
    yield indent(columns(_read(shown), (2, 3, 3)), after=1)
    if shown.community:
        yield rule("The community's vote, counted apart")
        rows = [(words(row.label), words(row.a), words(row.b)) for row in shown.community]
        yield indent(columns([_names(shown), *rows], (2, 3, 3)), after=1)
    yield rule()
    for text in shown.notes:
        yield indent(words(text))
    yield indent(columns([_names(shown), *_made(shown)], (2, 3, 3)))


def _heads(shown: PairView) -> Iterator[tuple[Block, Block]]:
    yield stamp(shown.a.card.outcome), stamp(shown.b.card.outcome)
    yield _name(shown.a), _name(shown.b)
    yield words((shown.a.headline, "bold")), words((shown.b.headline, "bold"))
    yield _number(shown.a), _number(shown.b)
    yield _score(shown.a), _score(shown.b)
    if any(side.card.price or side.community for side in shown.sides):
        yield _price(shown.a), _price(shown.b)


def _name(side: SideView) -> Block:
    tagline = f"\n{side.card.tagline}" if side.card.tagline else ""
    return words((side.name, "bold"), tagline)


def _number(side: SideView) -> Block:
    votes = " · ".join(f"{GLYPHS[vote]} {count} {vote}" for vote, count in side.card.votes)
    return words("Ship  ", (figures.percent(side.card.ship_percent), "bold"), f"  {votes}")


def _score(side: SideView) -> Block:
    spread = f"  {figures.interval(side.card.interval)} over samples" if side.card.interval else ""
    return words("Score ", (figures.score(side.card.score), "bold"), (f" of 100{spread}", QUIET))


def _price(side: SideView) -> Block:
    price = f"{LISTED}: {side.card.price}" if side.card.price else ""
    community = f"community: {side.community}" if side.community else ""
    return words((" · ".join(text for text in (price, community) if text), QUIET))


def _advice(shown: PairView) -> Iterator[Block]:
    advice = shown.advice
    yield rule(advice.headline)
    for pieces in advice.verdict:
        yield indent(_statement(pieces))
    for heading, _, statements in advice.reasons:
        yield words("")
        yield indent(words((heading, "bold")))
        for pieces in statements:
            yield indent(columns([(words("·"), _statement(pieces))], (1, 70)))
    for pieces in advice.prices:
        yield words("")
        yield indent(_statement(pieces))
    yield indent(words((f"{advice.by}.", QUIET)), after=1)


def _statement(pieces: Iterable[StatementPart], style: str = "") -> Block:
    drawn: list[str | tuple[str, str]] = []
    for piece in pieces:
        if isinstance(piece, str):
            drawn.append((piece, style))
        elif isinstance(piece, Own):
            drawn += [piece.text, (" (not in evidence)", QUIET)]
        else:
            drawn.append((f" [{piece.label}]", CITE))
    return words(*drawn)


def _names(shown: PairView) -> tuple[Block, Block, Block]:
    return words(""), words((shown.a.name, "bold")), words((shown.b.name, "bold"))


def _scores(shown: PairView) -> Iterator[tuple[Block, Block, Block]]:
    yield _names(shown)
    for row in shown.scores:
        label = words((row.sign, HUES[row.hue]), f" {row.label}") if row.hue else words(row.label)
        yield (
            label,
            _measure(row.a, row.note_a, shown.a.card.ship_at),
            _measure(row.b, row.note_b, shown.b.card.ship_at),
        )


def _measure(value: float | None, note: str, mark: float) -> Block:
    text = f"{figures.score(value):>5} "
    if note:  # beside a bar it would look like a score that counts
        return words(text, (note, QUIET))
    return FitWidth(
        lambda width: words(text) + bar(value, max(0, min(width - 6, 20)), "bold", mark=mark)
    )


def _difference(difference: DifferenceView, shown: PairView) -> Iterator[Block]:
    dealbreaker = f" Dealbreaker for {difference.dealbreaker}." if difference.dealbreaker else ""
    title = (f"  {difference.title}", QUIET)
    yield indent(words((difference.subject, "bold"), (dealbreaker, "bold red"), title))
    sides = _answer(shown.a.name, difference.a), _answer(shown.b.name, difference.b)
    yield indent(columns([sides], (1, 1)), after=1)


def _answer(name: str, compared: ComparedView) -> Block:
    finding = compared.finding
    answer = finding.answer
    pieces: list[str | tuple[str, str]] = [
        (f"{name}\n", QUIET),
        (f"{ANSWER_GLYPHS[answer]} {finding.statement or answer}", f"bold {STYLES[answer]}"),
        (f" {compared.sure}", QUIET) if compared.sure else "",
    ]
    for quote in finding.quotes[:1]:
        pieces += [(f"\n“{quote.text}”", "italic"), (f" {quote.id}", CITE)]
    return words(*pieces)


def _opinions(persona: PersonaPair, shown: PairView) -> Iterator[Block]:
    for side, opinion in ((shown.a, persona.a), (shown.b, persona.b)):
        yield _opinion(side.name, opinion)


def _opinion(name: str, opinion: PersonaView | MissingView | None) -> Block:
    if opinion is None:
        return words((f"{name}\n", "bold"), "not asked")
    if isinstance(opinion, MissingView):
        detail = f" ({opinion.detail})" if opinion.detail else ""
        vote = (f"{GLYPHS['missing']} missing\n", STYLES["missing"])
        return words((f"{name}\n", "bold"), vote, f"{opinion.reason}{detail}; counts as no vote")
    vote = (f"{GLYPHS[opinion.vote]} {opinion.vote}", f"bold {STYLES[opinion.vote]}")
    drawn = words((f"{name}\n", "bold"), vote, f"  {figures.score(opinion.score)}\n")
    for paragraph in opinion.summary:
        drawn = drawn + inline(paragraph) + words("\n")
    if opinion.turns_on:
        drawn = drawn + words(("\nTurns on: ", "bold")) + inline(opinion.turns_on) + words("\n")
    if forecast := opinion.forecast:
        chance = f"{forecast.chance} " if forecast.chance else ""
        drawn = drawn + words((f"\nForecast, {chance}by {forecast.by}: ", "bold"))
        drawn = drawn + inline(forecast.claim) + words("\n")
    notes = "".join(f"\nNote: {caveat}" for caveat in opinion.caveats)
    return drawn + words((f"\n{opinion.tally}{notes}", QUIET))


def _read(shown: PairView) -> Iterator[tuple[Block, Block, Block]]:
    yield _names(shown)
    for label, *facts in shown.read:
        cells = [inline((text, cite) if cite else (text,)) for text, cite in facts]
        yield words((label, QUIET)), cells[0], cells[1]


def _made(shown: PairView) -> Iterator[tuple[Block, Block, Block]]:
    for label, a, b in shown.made:
        yield words((label, QUIET)), words((a, QUIET)), words((b, QUIET))
