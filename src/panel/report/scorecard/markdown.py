"""Markdown: readable as it stands and on a forge, passages as footnotes."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from panel.report import figures
from panel.report.citations import Cite, Own, Part
from panel.report.escaping import cell, escape
from panel.report.scorecard.findings import FindingView
from panel.report.scorecard.view import GLYPHS, CardView, PersonaView, SourceView, view
from panel.review.verdict.scorecard import Scorecard

SUFFIX = ".md"

_HEAD: Final = "| Reviewer | Vote | Score | Answered |\n|---|---|--:|--:|"
_TOOLS: Final = "| Tool | Verdict | Ship | Score |\n|---|---|--:|--:|"


def render(cards: Sequence[Scorecard]) -> str:
    """Return the scorecards as Markdown, an overview first where there are several."""
    views = [view(card) for card in cards]
    several = len(views) > 1
    blocks = [_overview(views)] if several else []
    for number, shown in enumerate(views, 1):
        blocks += _card(shown, f"{number}-" if several else "")
    return "\n\n".join(blocks) + "\n" if blocks else ""


def stamp(outcome: str) -> str:
    """Return an outcome or vote as shape and word: `▲ ship`."""
    return f"{GLYPHS[outcome]} {outcome}"


def _overview(views: Sequence[CardView]) -> str:
    rows = [
        f"| {cell(v.name)} | {stamp(v.outcome)} | {figures.percent(v.ship_percent)} "
        f"| {figures.score(v.score)} |"
        for v in views
    ]
    return "\n".join([f"# {len(views)} tools", "", _TOOLS, *rows])


def _card(shown: CardView, prefix: str) -> Iterator[str]:
    yield f"# {escape(shown.name)}"
    if shown.tagline:
        yield f"*{escape(shown.tagline)}*"
    yield _verdict(shown)
    yield from (f"> **Warning:** {escape(text)}" for text in shown.warnings)
    yield _about(shown)
    yield from (escape(text) for text in shown.description)
    yield "\n".join([_HEAD, *_rows(shown)])
    if shown.notes:
        yield "\n".join(f"- {escape(note)}" for note in shown.notes)
    if shown.read:
        yield "**Read from the evidence**"
        yield "\n".join(_read(shown, prefix))
    for persona in shown.personas:
        yield from _persona(persona, prefix)
    yield from _missing(shown)
    yield "## Evidence"
    yield from (_source(source) for source in shown.sources)
    yield "## How this was made"
    yield "\n".join(f"- {name}: {escape(text)}" for name, text in shown.facts)
    for source in shown.sources:
        yield from _passages(source, prefix)


def _verdict(shown: CardView) -> str:
    word = f"**{GLYPHS[shown.outcome]} {shown.outcome.upper()}**"
    spread = f" ({figures.interval(shown.interval)} over samples)" if shown.interval else ""
    share = f"{figures.percent(shown.ship_percent)} ship"
    return f"{word} · {share} · score {figures.score(shown.score)} of 100{spread}  \n" + (
        f"{shown.headline}."
    )


def _about(shown: CardView) -> str:
    facts = [f"Category: {escape(shown.category)}"] if shown.category else []
    facts.append(f"Entry price: {escape(shown.price)}")
    if shown.url:
        facts.append(f"<{shown.link}>" if shown.link else escape(shown.url))
    return " · ".join(facts)


def _read(shown: CardView, prefix: str) -> Iterator[str]:
    for label, text, cite in shown.read:
        yield f"- {label}: {escape(text)}" + (f" [^{prefix}{cite.id}]" if cite else "")


def _rows(shown: CardView) -> Iterator[str]:
    for p in shown.personas:
        answered = figures.percent(100 * p.coverage)
        yield f"| {cell(p.title)} | {stamp(p.vote)} | {figures.score(p.score)} | {answered} |"
    for m in shown.missing:
        yield f"| {cell(m.title)} | {stamp('missing')} | – | – |"


def _persona(persona: PersonaView, prefix: str) -> Iterator[str]:
    vote = f"{stamp(persona.vote)}, {figures.score(persona.score)}"
    yield f"## {escape(persona.title)}: {vote}"
    yield from (_inline(text, prefix) for text in persona.summary)
    if persona.deciding:
        yield f"**What decided it** ({persona.tally})"
        yield "\n".join(_finding(f, prefix) for f in persona.deciding)
    if persona.against:
        yield "**What speaks against it**"
        yield "\n".join(_finding(f, prefix) for f in persona.against)
    if written := list(_written(persona, prefix)):
        yield "**In its own words**"
        yield "\n".join(written)
    if persona.caveats:
        yield "\n".join(f"- Note: {escape(text)}" for text in persona.caveats)


def _finding(finding: FindingView, prefix: str) -> str:
    answer = f"**{finding.answer}**" + (f" {finding.chance}" if finding.chance else "")
    text = f"- {answer} · {escape(finding.question)}"
    if finding.dealbreaker:
        text += " **Dealbreaker.**"
    if finding.because:
        text += f" {_inline(finding.because, prefix)}"
    for quote in finding.quotes:
        text += f"\n  - “{escape(quote.text)}” [^{prefix}{quote.id}]"
    return text


def _written(persona: PersonaView, prefix: str) -> Iterator[str]:
    for name, text in persona.fields:
        yield f"- {escape(name)}: {_inline(text, prefix)}"
    if forecast := persona.forecast:
        chance = f"{forecast.chance} " if forecast.chance else ""
        yield f"- Forecast, {chance}by {forecast.by}: {_inline(forecast.claim, prefix)}"


def _missing(shown: CardView) -> Iterator[str]:
    for missing in shown.missing:
        yield f"## {escape(missing.title)}: {stamp('missing')}"
        detail = f" ({escape(missing.detail)})" if missing.detail else ""
        yield f"This review could not be had: {missing.reason}{detail}. It counts as no vote."


def _source(source: SourceView) -> str:
    name = f"<{source.link}>" if source.link else escape(source.name)
    lines = [
        f"- {escape(source.id)}: {name}",
        f"  - read {source.retrieved}, {len(source.cited)} of {source.total} passages cited below",
        f"  - sha256 {escape(source.sha256)}",
        *(f"  - {escape(remark)}" for remark in source.remarks),
    ]
    return "\n".join(lines)


def _passages(source: SourceView, prefix: str) -> Iterator[str]:
    for passage in source.cited:
        heading = f" · {escape(passage.heading)}" if passage.heading else ""
        text = escape(" ".join(passage.paragraphs))
        yield f"[^{prefix}{passage.id}]: **{passage.id}**{heading}: “{text}”"


def _inline(text: Iterable[Part], prefix: str) -> str:
    return "".join(_part(part, prefix) for part in text)


def _part(part: Part, prefix: str) -> str:
    if isinstance(part, Cite):
        return f"[^{prefix}{part.id}]"
    return f"{_words(part.text)} (not in evidence)" if isinstance(part, Own) else _words(part)


def _words(text: str) -> str:
    before = " " if text[:1] == " " else ""
    after = " " if text[-1:] == " " and text.strip() else ""
    return before + escape(text) + after
