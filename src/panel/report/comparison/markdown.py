"""A comparison as Markdown: readable as it stands and on a forge, passages as footnotes."""

from collections.abc import Iterable, Iterator
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, Own, Part
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.view import DifferenceView, PairView, PersonaPair, SideView, pair_view
from panel.report.comparison.view import StatementPart as Told
from panel.report.escaping import cell, escape
from panel.report.scorecard.findings import ANSWER_GLYPHS, FindingView
from panel.report.scorecard.markdown import stamp
from panel.report.scorecard.view import MissingView, PersonaView

_RULE: Final = "|---|---|---|"


def render(comparison: Comparison) -> str:
    """Return the comparison as Markdown."""
    return "\n\n".join(_blocks(pair_view(comparison))) + "\n"


def _blocks(shown: PairView) -> Iterator[str]:
    yield f"# {escape(shown.a.name)} vs {escape(shown.b.name)}"
    yield _table(shown, _overview(shown))
    yield from (_about(side) for side in shown.sides if side.card.description)
    yield f"## {escape(shown.advice.headline)}"
    yield from _advice(shown)
    if shown.cautions:
        yield "## How far this comparison carries"
        yield "\n".join(f"- {escape(text)}" for text in shown.cautions)
    yield "## What decides between them"
    yield f"{escape(shown.counted)}."
    if found := (*shown.differences, *shown.more):
        yield _table(shown, (_difference(each) for each in found))
    for persona in shown.personas:
        yield from _persona(persona, shown)
    yield "## Price and upkeep, as read"
    yield _table(shown, _read(shown))
    if shown.community:
        yield "## The community's vote"
        yield _table(shown, ((row.label, cell(row.a), cell(row.b)) for row in shown.community))
    yield "## How the two verdicts were made"
    yield _table(shown, ((label, cell(one), cell(two)) for label, one, two in shown.made))
    for side in shown.sides:
        yield from _passages(side)


def _table(shown: PairView, rows: Iterable[tuple[str, str, str]]) -> str:
    head = f"|  | {cell(shown.a.name)} | {cell(shown.b.name)} |"
    return "\n".join([head, _RULE, *(f"| {label} | {one} | {two} |" for label, one, two in rows)])


def _overview(shown: PairView) -> Iterator[tuple[str, str, str]]:
    a, b = shown.a.card, shown.b.card
    yield "Verdict", f"**{stamp(a.outcome)}**", f"**{stamp(b.outcome)}**"
    yield "Panel ship", figures.percent(a.ship_percent), figures.percent(b.ship_percent)
    yield "Score", _score(shown.a), _score(shown.b)
    for row in shown.scores[1:]:
        yield cell(row.label), figures.score(row.a), figures.score(row.b)
    yield "Entry price", cell(a.price), cell(b.price)
    yield "Category", cell(a.category) or "–", cell(b.category) or "–"
    yield "Community", shown.a.community or "no votes yet", shown.b.community or "no votes yet"


def _score(side: SideView) -> str:
    spread = f" ({figures.interval(side.card.interval)})" if side.card.interval else ""
    return f"{figures.score(side.card.score)} of 100{spread}"


def _about(side: SideView) -> str:
    return f"**{escape(side.name)}**: {escape(' '.join(side.card.description))}"


def _advice(shown: PairView) -> Iterator[str]:
    yield from (_told(pieces) for pieces in shown.advice.verdict)
    for heading, _, statements in shown.advice.reasons:
        yield f"**{escape(heading)}**"
        yield "\n".join(f"- {_told(pieces)}" for pieces in statements)
    yield from (_told(pieces) for pieces in shown.advice.prices)
    yield f"*{escape(shown.advice.by)}.*"


def _told(pieces: Iterable[Told]) -> str:
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: Told) -> str:
    if isinstance(piece, str):
        return _words(piece)
    if isinstance(piece, Own):
        return f"{_words(piece.text)} (not in evidence)"
    return f"[^{piece.side}-{piece.id}]"


def _difference(found: DifferenceView) -> tuple[str, str, str]:
    extra = " **Dealbreaker.**" if found.dealbreaker else ""
    asked = f"{cell(found.question)} ({cell(found.title)}){extra}"
    return asked, _answer(found.a, "a"), _answer(found.b, "b")


def _answer(given: FindingView, side: str) -> str:
    chance = f" {given.chance}" if given.chance else ""
    quoted = "".join(f" “{cell(q.text)}” [^{side}-{q.id}]" for q in given.quotes[:1])
    return f"{ANSWER_GLYPHS[given.answer]} **{given.answer}**{chance}{quoted}"


def _persona(persona: PersonaPair, shown: PairView) -> Iterator[str]:
    yield f"## {escape(persona.title)}"
    yield from _opinion(persona.a, shown.a, persona.title)
    yield from _opinion(persona.b, shown.b, persona.title)


def _opinion(found: PersonaView | MissingView | None, side: SideView, title: str) -> Iterator[str]:
    name = escape(side.name)
    if found is None:
        yield f"**{name}**: {escape(title)} was not asked about this one."
    elif isinstance(found, MissingView):
        detail = f" ({escape(found.detail)})" if found.detail else ""
        yield f"**{name}**: {stamp('missing')}. {found.reason}{detail}. It counts as no vote."
    else:
        yield f"**{name}**: {stamp(found.vote)}, {figures.score(found.score)} ({found.tally})"
        yield from (f"> {_inline(text, side.side)}" for text in found.summary)
        if forecast := found.forecast:
            chance = f"{forecast.chance} " if forecast.chance else ""
            claim = _inline(forecast.claim, side.side)
            yield f"Forecast, {chance}by {forecast.by}: {claim}"


def _read(shown: PairView) -> Iterator[tuple[str, str, str]]:
    for label, one, two in shown.read:
        yield label, _fact(one, "a"), _fact(two, "b")


def _fact(found: tuple[str, Cite | None], side: str) -> str:
    text, cite = found
    return cell(text) + (f" [^{side}-{cite.id}]" if cite else "")


def _passages(side: SideView) -> Iterator[str]:
    for source in side.card.sources:
        for passage in source.cited:
            text = escape(" ".join(passage.paragraphs))
            where = f"{escape(side.name)}, {passage.id}, {escape(source.name)}"
            yield f"[^{side.side}-{passage.id}]: **{where}**: “{text}”"


def _inline(text: Iterable[Part], side: str) -> str:
    out = ""
    for part in text:
        if isinstance(part, Cite):
            out += f"[^{side}-{part.id}]"
        elif isinstance(part, Own):
            out += f"{_words(part.text)} (not in evidence)"
        else:
            out += _words(part)
    return out


def _words(text: str) -> str:
    before = " " if text[:1] == " " else ""
    after = " " if text[-1:] == " " and text.strip() else ""
    return before + escape(text) + after
