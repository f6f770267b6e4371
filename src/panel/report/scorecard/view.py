"""What every scorecard shows, computed once from the card: pure, and ignorant of any format.

All text in a view is on one line and free of what a screen would obey or hide. It is still
untrusted: a format escapes it for its own language.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from panel.evidence.source import Passage
from panel.foundation.urls import https
from panel.report import figures
from panel.report.citations import Cite, Part, line, lines, paragraphs, parts
from panel.report.reviewers import Hue, hue, signs
from panel.report.scorecard.answer import answer, share_told, voter
from panel.report.scorecard.findings import (
    FindingGroup,
    FindingView,
    Known,
    Quote,
    findings,
    grouped,
    rank,
)
from panel.report.scorecard.remarks import (
    caveats,
    fact_rows,
    flagged,
    kind_text,
    label,
    notes,
    provenance,
    remarks,
    warnings,
)
from panel.reviews.quotes import LINE_BREAK
from panel.reviews.review import Answer, Forecast, Missing, Review
from panel.reviews.score import Rule
from panel.reviews.verdict.scorecard import Outcome, Scorecard, Verdict

GLYPHS: Final = {
    "ship": "▲", "skip": "▼", "split": "◆", "hold": "■", "incomplete": "○",
    "abstain": "–", "missing": "×",
}  # fmt: skip
"""A shape for each outcome and vote, so that no colour is needed to tell them apart."""

OUTCOMES: Final[tuple[Outcome, ...]] = ("ship", "split", "skip", "hold", "incomplete")
"""In the order of lists."""

VOTES: Final = ("ship", "abstain", "missing", "skip")
"""In the order in which they are counted."""

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


READ: Final = "the facts read"
"""What cites a passage besides reviewers: facts about price, licence and upkeep."""


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
    sign: str
    hue: Hue
    anchor: str
    """Its id in a page."""
    vote: str
    score: float | None
    coverage: float
    summary: tuple[tuple[Part, ...], ...]
    groups: tuple[FindingGroup, ...]
    findings: tuple[FindingView, ...]
    tally: str
    fields: tuple[tuple[str, tuple[Part, ...]], ...]
    """Written parts by label, in cards before 0.2."""
    quoted: tuple[tuple[str, Quote], ...]
    """Steps of the argument that a composed review answers by a passage, with their labels."""
    forecast: ForecastView | None
    turns_on: tuple[Part, ...]
    remarks: tuple[tuple[str, str], ...]
    """Label and text: what was not asked of a tool of this kind, and what could be looked up."""
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class MissingView:
    """A review that could not be had."""

    name: str
    title: str
    sign: str
    hue: Hue
    reason: str
    detail: str


@dataclass(frozen=True)
class PassageView:
    """A cited passage, whole."""

    id: str
    heading: str
    paragraphs: tuple[str, ...]
    inline: str
    """All of it on one line."""
    code: str
    """Where the passage is code: its lines as they stand; else empty."""
    cited_by: tuple[tuple[str, tuple[str, ...]], ...]
    """The title of who cites it, and the ids of where it does, in reading order."""


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
    """Empty where it is not known."""
    tagline: str
    description: tuple[str, ...]
    outcome: Outcome
    answer: tuple[Part, ...]
    """The verdict in one sentence."""
    headline: str
    ship_at: float
    """The score from which a reviewer ships: the mark on every bar."""
    ship_percent: float | None
    share: str
    """Who ships, of whom, in words."""
    score: float | None
    interval: tuple[float, float] | None
    votes: tuple[tuple[str, int], ...]
    """Vote and count in the order ship, abstain, missing, skip; zero counts left out."""
    warnings: tuple[str, ...]
    """What a reader must know first: the card's warnings, suspicious passages with their text."""
    notes: tuple[str, ...]
    """What to know at last, whole sentences: independence, who wrote the words, the judge."""
    personas: tuple[PersonaView, ...]
    missing: tuple[MissingView, ...]
    sources: tuple[SourceView, ...]
    read: tuple[tuple[str, str, Cite | None], ...]
    """What was read about price, licence and upkeep: label, text, passage; only what is known."""
    facts: tuple[tuple[str, str], ...]
    """How it was made, as label and text: provider, model, asked, time, tokens, cost, run."""

    def strongest(self, answer: Answer) -> FindingView | None:
        """Return the statement of all reviewers that weighs most; None where there is none.

        A guess is none: under a verdict it would stand as what the evidence says.
        """
        findings = [f for p in self.personas for f in p.findings if f.statement and not f.guess]
        ranked = sorted((f for f in findings if f.answer == answer), key=rank)
        return next(iter(ranked), None)

    @property
    def answer_text(self) -> str:
        """The answer without its citations."""
        return "".join(part for part in self.answer if isinstance(part, str))


def view(card: Scorecard, *, also: Iterable[str] = ()) -> CardView:
    """Compute what is shown of one card; `also` are passages that something beside it cites."""
    known = Known(card.evidence)
    seats = signs([*(r.persona for r in card.reviews), *(m.persona for m in card.missing)])
    personas = tuple(
        _persona(review, number, seats[review.persona], card, known)
        for number, review in enumerate(card.reviews, 1)
    )
    facts = tuple((label, text, cite) for label, text, cite in fact_rows(card.facts) if cite)
    cited = {cite.id for _, _, cite in facts}
    cited_by = _cited_by(personas)
    for cite in cited:
        cited_by.setdefault(cite, {})[READ] = ("read",)
    looked_up = (ident for r in card.reviews for o in r.looked_up for ident in o.cites)
    shown = {*cited_by, *flagged(card), *looked_up, *also}
    tool, verdict = card.tool, card.verdict
    return CardView(
        name=line(tool.name) or tool.slug,
        slug=line(tool.slug),
        url=line(tool.url),
        link=https(tool.url),
        category=line(tool.category),
        kind=kind_text(tool.kind, tool.kind_origin),
        price=line(tool.price),
        tagline=line(tool.tagline),
        description=paragraphs(tool.description or ""),
        outcome=verdict.outcome,
        answer=answer(
            verdict.outcome,
            verdict.votes,
            [
                voter(review, p.title, _reasons(p), card.ship_at)
                for p, review in zip(personas, card.reviews, strict=True)
            ],
            by_findings=any(review.composed for review in card.reviews),
        ),
        headline=headline(verdict),
        ship_at=Rule().ship_at if card.ship_at is None else card.ship_at,
        ship_percent=verdict.ship_percent,
        share=share_told(verdict),
        score=verdict.score,
        interval=verdict.interval,
        votes=split(verdict),
        warnings=tuple(warnings(card)),
        notes=tuple(notes(card)),
        personas=personas,
        missing=tuple(_missing(m, seats[m.persona]) for m in card.missing),
        sources=tuple(_sources(card, shown, cited_by)),
        read=facts,
        facts=tuple(provenance(card)),
    )


def _reasons(persona: PersonaView) -> tuple[FindingView, ...]:
    """Return what can be a reason for a verdict: not what a step of the argument quotes already.

    That a page says what its tool does, shows it at work and names a price is true of most.
    """
    quoted = {quote.id for _, quote in persona.quoted}
    return tuple(f for f in persona.findings if not quoted & {*f.cites}) or persona.findings


class Ranked(Protocol):
    """What has a place in a list: a card, or a card in short."""

    @property
    def outcome(self) -> Outcome:
        """What the panel says."""
        ...

    @property
    def score(self) -> float | None:
        """The panel's score, 0 to 100."""
        ...


R = TypeVar("R", bound=Ranked)


def ranked(views: Iterable[R]) -> list[R]:
    """Return cards in the order of lists: by outcome, those that ship first, then by score."""
    return sorted(views, key=lambda v: (OUTCOMES.index(v.outcome), -(v.score or 0.0)))


def headline(verdict: Verdict) -> str:
    """Return the verdict as one sentence without a full stop."""
    votes = verdict.votes
    voting = votes.ship + votes.skip
    asked, others = f"{voting} voting reviewers", ""
    if votes.abstain:
        asked = f"{voting + votes.abstain} reviewers"
        others = f", {votes.abstain} abstain{'s' if votes.abstain == 1 else ''}"
    texts = {
        "ship": f"{votes.ship} of {asked} ship it{others}",
        "skip": f"{votes.skip} of {asked} skip it{others}",
        "split": "The voting reviewers are evenly split",
        "hold": "Suspicious evidence: a person must look before this counts",
        "incomplete": f"Too few votes for a verdict: {voting}",
    }
    return texts[verdict.outcome]


def split(verdict: Verdict) -> tuple[tuple[str, int], ...]:
    """Return vote and count in the order ship, abstain, missing, skip; zero counts left out."""
    votes = verdict.votes.model_dump()
    return tuple((v, votes[v]) for v in VOTES if votes[v])


def _persona(review: Review, number: int, sign: str, card: Scorecard, known: Known) -> PersonaView:
    shown = findings(review, card, known)
    own = review.own_claims
    answers = [f.answer for f in shown]
    quoted = tuple(_quoted(review, known)) if review.composed else ()
    return PersonaView(
        name=line(review.persona),
        title=line(review.title) or label(review.persona),
        sign=sign,
        hue=hue(review.persona),
        anchor=f"r{number}",
        vote=review.vote,
        score=review.score,
        coverage=review.coverage,
        summary=tuple(parts(p, known, own) for p in paragraphs(review.summary)),
        groups=grouped(shown, review.vote, [quote.id for _, quote in quoted]),
        findings=shown,
        tally=" · ".join(f"{answers.count(a)} {a}" for a in ("yes", "no", "unclear")),
        fields=tuple((label(k), parts(line(t), known, own)) for k, t in review.fields.items() if t),
        quoted=quoted,
        forecast=_forecast(review.forecast, known) if review.forecast else None,
        turns_on=parts(line(review.turns_on), known, own),
        remarks=tuple(remarks(review, card)),
        caveats=tuple(caveats(review, card)),
    )


def _quoted(review: Review, known: Known) -> Iterator[tuple[str, Quote]]:
    """Yield the beats of a composed review, each as the passage it points at."""
    for name, text in review.beats.items():
        pieces = parts(line(text), known)
        words = "".join(part for part in pieces if isinstance(part, str)).strip(" “”")
        cited = (part.id for part in pieces if isinstance(part, Cite))
        if quote := known.quote(next(cited, ""), words=words):
            yield label(name), quote


def _forecast(forecast: Forecast, known: Known) -> ForecastView:
    return ForecastView(
        claim=parts(line(forecast.claim), known),
        chance=figures.probability(forecast.probability),
        by=forecast.resolve_by.isoformat(),
    )


def _missing(missing: Missing, sign: str) -> MissingView:
    return MissingView(
        name=line(missing.persona),
        title=label(missing.persona),
        sign=sign,
        hue=hue(missing.persona),
        reason=REASONS[missing.reason],
        detail=line(missing.detail),
    )


CitedBy = dict[str, dict[str, tuple[str, ...]]]
"""By passage: the title of each reviewer that cites it, and the ids of where it does."""


def _cited_by(personas: Iterable[PersonaView]) -> CitedBy:
    cited: CitedBy = {}
    for persona in personas:
        for place, cites in _citations(persona):
            for cite in dict.fromkeys(cites):
                places = cited.setdefault(cite, {})
                places[persona.title] = (*places.get(persona.title, ()), place)
    return cited


def _citations(persona: PersonaView) -> Iterator[tuple[str, list[str]]]:
    """Yield the places of a review in reading order, each with the passages it cites."""
    at = persona.anchor
    for number, paragraph in enumerate(persona.summary, 1):
        yield f"{at}-p{number}", _cites(paragraph)
    for number, (_, quote) in enumerate(persona.quoted, 1):
        yield f"{at}-q{number}", [quote.id]
    for finding in persona.findings:
        yield finding.anchor, [*finding.cites, *_cites(finding.because)]
    for number, (_, text) in enumerate(persona.fields, 1):
        yield f"{at}-w{number}", _cites(text)
    if persona.forecast:
        yield f"{at}-forecast", _cites(persona.forecast.claim)
    yield f"{at}-turns-on", _cites(persona.turns_on)


def _cites(text: Iterable[Part]) -> list[str]:
    return [part.id for part in text if isinstance(part, Cite)]


def _passage(passage: Passage, cited_by: tuple[tuple[str, tuple[str, ...]], ...]) -> PassageView:
    prose = passage.kind == "prose"
    texts = paragraphs(passage.text if prose else passage.text.replace("\n", "\n\n"))
    return PassageView(
        id=line(passage.id),
        heading=line(passage.heading),
        paragraphs=texts,
        inline=(" " if prose else LINE_BREAK).join(texts),
        code=lines(passage.text) if passage.kind == "code" else "",
        cited_by=cited_by,
    )


def _sources(card: Scorecard, shown: Container[str], cited_by: CitedBy) -> Iterator[SourceView]:
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
                _passage(p, tuple(cited_by.get(p.id, {}).items()))
                for p in source.passages
                if p.id in shown
            ),
            total=len(source.passages),
            remarks=tuple(remarks),
        )
