"""What every scorecard shows, computed once from the card: pure, and ignorant of any format.

All text in a view is on one line and free of what a screen would obey or hide. It is still
untrusted: a format escapes it for its own language.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from panel.evidence.facts import Facts
from panel.evidence.injection.detect import flagged_passages
from panel.evidence.tools.tool import KindOrigin, ToolKind
from panel.foundation.urls import https
from panel.report import figures
from panel.report.citations import Cite, Part, line, lines, paragraphs, parts
from panel.report.scorecard.findings import FindingView, Known, against, deciding, findings
from panel.reviews.review import Forecast, Missing, Review
from panel.reviews.support_check import ONLY_COUNTED
from panel.reviews.verdict.scorecard import Outcome, Scorecard, Verdict

GLYPHS: Final = {
    "ship": "▲", "skip": "▼", "split": "◆", "hold": "■", "incomplete": "○",
    "abstain": "–", "missing": "×",
}  # fmt: skip
"""A shape for each outcome and vote, so that no colour is needed to tell them apart."""

REASONS: Final = {
    "timeout": "no answer in time",
    "rate_limited": "the provider kept asking to wait",
    "refused": "the model declined to answer",
    "empty": "the model answered with nothing",
    "filtered": "a content filter removed the answer",
    "truncated": "the answer ran over its limit",
    "invalid": "the answer was not a review",
    "unreachable": "the provider could not be reached",
    "auth": "the provider rejected the key",
    "quota": "the account had no credit left",
    "model_not_found": "the provider does not serve this model",
}

ASKED: Final = {"whole": "one reply a reviewer", "stepwise": "one question at a time"}

FLAGGED_SHOWN: Final = 8
"""Suspicious passages shown whole; the flags name them all."""


@dataclass(frozen=True)
class ForecastView:
    """A forecast; `chance` is empty where the persona gave no probability."""

    claim: tuple[Part, ...]
    chance: str
    by: str


@dataclass(frozen=True)
class PersonaView:
    """One persona's review."""

    name: str
    title: str
    vote: str
    score: float | None
    coverage: float
    stance: str | None
    """The persona's own stance, only where it differs from its vote."""
    summary: tuple[tuple[Part, ...], ...]
    deciding: tuple[FindingView, ...]
    against: tuple[FindingView, ...]
    findings: tuple[FindingView, ...]
    tally: str
    fields: tuple[tuple[str, tuple[Part, ...]], ...]
    forecast: ForecastView | None
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class MissingView:
    """A review that could not be had."""

    title: str
    reason: str
    detail: str


@dataclass(frozen=True)
class PassageView:
    """A cited passage, whole."""

    id: str
    heading: str
    paragraphs: tuple[str, ...]
    code: str
    """Where the passage is code: its lines as they stand; else empty."""


@dataclass(frozen=True)
class SourceView:
    """A source and those of its passages that something on the card cites."""

    id: str
    name: str
    link: str | None
    retrieved: str
    sha256: str
    cited: tuple[PassageView, ...]
    total: int
    remarks: tuple[str, ...]
    """Flags, and what was taken out as hidden."""


@dataclass(frozen=True)
class CardView:
    """One scorecard."""

    name: str
    slug: str
    url: str
    link: str | None
    """`url` if it is a plain https address, else None."""
    category: str
    kind: str
    """What the tool is, and how that is known; empty where it is not."""
    price: str
    tagline: str
    description: tuple[str, ...]
    outcome: Outcome
    headline: str
    ship_percent: float | None
    score: float | None
    interval: tuple[float, float] | None
    votes: tuple[tuple[str, int], ...]
    """Vote and count in the order ship, abstain, missing, skip; zero counts left out."""
    warnings: tuple[str, ...]
    """What a reader must know first: the card's warnings, suspicious passages with their text."""
    notes: tuple[str, ...]
    personas: tuple[PersonaView, ...]
    missing: tuple[MissingView, ...]
    sources: tuple[SourceView, ...]
    read: tuple[tuple[str, str, Cite | None], ...]
    """What was read about price, licence and upkeep: label, text, passage; () if nothing was."""
    facts: tuple[tuple[str, str], ...]
    """How it was made, as label and text: provider, model, asked, time, tokens, cost, run."""


def view(card: Scorecard, *, also: Iterable[str] = ()) -> CardView:
    """Compute what is shown of one card; `also` are passages that something beside it cites."""
    known = Known(card.evidence)
    personas = tuple(_persona(r, card, known) for r in card.reviews)
    facts = fact_rows(card.facts)
    cited = {cite.id for _, _, cite in facts if cite is not None}
    sources = tuple(_sources(card, cited.union(_cited(personas), flagged(card), also)))
    tool, verdict = card.tool, card.verdict
    return CardView(
        name=line(tool.name) or tool.slug,
        slug=line(tool.slug),
        url=line(tool.url),
        link=https(tool.url),
        category=line(tool.category),
        kind=kind_text(tool.kind, tool.kind_origin),
        price=line(tool.price) or figures.UNKNOWN,
        tagline=line(tool.tagline),
        description=paragraphs(tool.description or ""),
        outcome=verdict.outcome,
        headline=headline(verdict),
        ship_percent=verdict.ship_percent,
        score=verdict.score,
        interval=verdict.interval,
        votes=split(verdict),
        warnings=tuple(warnings(card)),
        notes=tuple(line(n) for n in verdict.notes) + _independence(card),
        personas=personas,
        missing=tuple(_missing(m) for m in card.missing),
        sources=sources,
        read=facts,
        facts=tuple(provenance(card)),
    )


def kind_text(kind: ToolKind | None, origin: KindOrigin | None) -> str:
    """Return what a tool is and how that is known; empty where it is not."""
    origins = {None: "as stated", "address": "by its address", "evidence": "by the evidence"}
    return f"{kind} ({origins[origin]})" if kind else ""


def label(ident: str) -> str:
    """Turn the id of a written field into a label: `dx_bet` becomes `Dx bet`."""
    words = line(ident).replace("_", " ")
    return words[:1].upper() + words[1:]


def headline(verdict: Verdict) -> str:
    """Return the verdict as one sentence without a full stop."""
    votes = verdict.votes
    voting = votes.ship + votes.skip
    texts = {
        "ship": f"{votes.ship} of {voting} voting reviewers ship it",
        "skip": f"{votes.skip} of {voting} voting reviewers skip it",
        "split": "The voting reviewers are evenly split",
        "hold": "Suspicious evidence: a person must look before this counts",
        "incomplete": f"Too few votes for a verdict: {voting}",
    }
    return texts[verdict.outcome]


def split(verdict: Verdict) -> tuple[tuple[str, int], ...]:
    """Return vote and count in the order ship, abstain, missing, skip; zero counts left out."""
    votes = verdict.votes.model_dump()
    return tuple((v, votes[v]) for v in ("ship", "abstain", "missing", "skip") if votes[v])


def _independence(card: Scorecard) -> tuple[str, ...]:
    effective = card.verdict.effective_votes
    if effective is None:
        return ()
    return (f"The {len(card.reviews)} reviewers are worth about {effective:.1f} independent votes",)


def _persona(review: Review, card: Scorecard, known: Known) -> PersonaView:
    shown = findings(review, card, known)
    own = review.own_claims
    answers = [f.answer for f in shown]
    return PersonaView(
        name=line(review.persona),
        title=line(review.title) or label(review.persona),
        vote=review.vote,
        score=review.score,
        coverage=review.coverage,
        stance=review.stance if review.stance != review.vote else None,
        summary=tuple(parts(p, known, own) for p in paragraphs(review.summary)),
        deciding=deciding(shown, review.vote),
        against=against(shown, review.vote),
        findings=shown,
        tally=" · ".join(f"{answers.count(a)} {a}" for a in ("yes", "no", "unclear")),
        fields=tuple((label(k), parts(line(t), known, own)) for k, t in review.fields.items() if t),
        forecast=_forecast(review.forecast, known) if review.forecast else None,
        caveats=tuple(caveats(review, card)),
    )


def _forecast(forecast: Forecast, known: Known) -> ForecastView:
    return ForecastView(
        claim=parts(line(forecast.claim), known),
        chance=figures.probability(forecast.probability),
        by=forecast.resolve_by.isoformat(),
    )


def _missing(missing: Missing) -> MissingView:
    return MissingView(label(missing.persona), REASONS[missing.reason], line(missing.detail))


def _cited(personas: Iterable[PersonaView]) -> Iterator[str]:
    for persona in personas:
        yield from (cite for f in persona.findings for cite in f.cites)
        texts: Sequence[tuple[Part, ...]] = [
            *persona.summary,
            *(text for _, text in persona.fields),
            *(f.because for f in persona.findings),
            persona.forecast.claim if persona.forecast else (),
        ]
        yield from (part.id for text in texts for part in text if isinstance(part, Cite))


def _sources(card: Scorecard, cited: set[str]) -> Iterator[SourceView]:
    for source in card.evidence:
        remarks = [line(flag) for flag in source.flags]
        if source.removed_hidden:
            remarks.append(f"hidden pieces taken out before reading: {source.removed_hidden}")
        yield SourceView(
            id=line(source.id),
            name=line(source.source),
            link=https(source.source),
            retrieved=figures.moment(source.retrieved),
            sha256=line(source.sha256),
            cited=tuple(
                PassageView(
                    line(p.id),
                    line(p.heading),
                    paragraphs(p.text),
                    lines(p.text) if p.kind == "code" else "",
                )
                for p in source.passages
                if p.id in cited
            ),
            total=len(source.passages),
            remarks=tuple(remarks),
        )


def flagged(card: Scorecard) -> tuple[str, ...]:
    """Return the ids of the stored passages that the flags of the evidence name."""
    known = {p.id for source in card.evidence for p in source.passages}
    named = flagged_passages([flag for source in card.evidence for flag in source.flags])
    return tuple(ident for ident in named if ident in known)


def warnings(card: Scorecard) -> Iterator[str]:
    """Yield the card's warnings, then what is suspicious, then the passages it stands in."""
    yield from (line(w) for w in card.warnings)
    for source in card.evidence:
        for flag in source.flags:
            yield f"{line(source.source)} ({line(source.id)}): {line(flag)}"
    texts = {p.id: line(p.text) for source in card.evidence for p in source.passages}
    for ident in flagged(card)[:FLAGGED_SHOWN]:
        yield f"{ident} reads: “{texts[ident]}”"


def caveats(review: Review, card: Scorecard) -> Iterator[str]:
    """Yield what to know about one review."""
    if review.stance not in (None, review.vote):
        yield f"own stance: {review.stance}, asked after the findings and not counted"
    if review.flip_rate:
        yield f"{figures.percent(100 * review.flip_rate)} of samples voted otherwise"
    if review.uncited_facts:
        yield f"facts without a citation, taken as unclear: {review.uncited_facts}"
    if review.unsupported:
        outcome = "" if ONLY_COUNTED in review.notes else ", taken as unclear"
        yield f"facts their passage does not show{outcome}: {review.unsupported}"
    if review.unknown_cites:
        yield f"citations of passages that do not exist, dropped: {review.unknown_cites}"
    if claims := review.own_claims:
        listed = ", ".join(line(claim) for claim in claims)
        yield f"figures and names not in the evidence, the reviewer's own: {len(claims)} ({listed})"
    if (review.provider, review.model) != (card.provider, card.model):
        yield f"answered by {line(review.model)} at {line(review.provider)}"


def provenance(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield how a card was made, as label and text: provider, model, calls, tokens, cost, run."""
    usage = card.usage
    reused = f", {usage.reused_calls} answers reused" if usage.reused_calls else ""
    yield "Provider", line(card.provider)
    yield "Model", line(card.model)
    yield "Asked", f"{card.asked}: {ASKED[card.asked]}"
    yield "Calls", f"{usage.calls}{reused}"
    yield (
        "Tokens",
        figures.tokens(
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            uncounted=usage.uncounted_calls,
        ),
    )
    yield "Cost", figures.money(usage.cost_usd, unpriced=usage.unpriced_calls)
    yield "Time", figures.duration(usage.seconds)
    yield "Run", line(card.run)
    yield "Made", figures.moment(card.created)


def fact_rows(facts: Facts) -> tuple[tuple[str, str, Cite | None], ...]:
    """Return the facts as label, text and passage, `unknown` where there is none; () if all are."""
    rows = [
        (name, _fact(fact.value), Cite(line(fact.passage)) if fact.passage else None)
        for name, fact in (
            ("Entry price", facts.entry_price),
            ("Licence", facts.licence),
            ("Last release", facts.last_release),
            ("Released", facts.released),
            ("Open issues", facts.open_issues),
            ("Stars", facts.stars),
            ("Archived", facts.archived),
        )
    ]
    return tuple(rows) if any(cite for _, _, cite in rows) else ()


def _fact(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return line(value) or figures.UNKNOWN
