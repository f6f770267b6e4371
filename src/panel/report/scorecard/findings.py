"""A review's findings as statements for, against and not shown, or as questions in old cards.

Each has the passages it quotes: a quote is always taken from the stored passage, never from what a
model wrote. Pure; knows no format.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from panel.evidence.source import Source
from panel.report import figures
from panel.report.citations import Cite, Part, is_passage, line, parts
from panel.reviews.compose import GUESSED, NOTICED, OPEN, prose_quotes
from panel.reviews.quotes import Excerpt, excerpt
from panel.reviews.review import Answer, Finding, Review
from panel.reviews.shortlist import BAD_NEWS, pieces
from panel.reviews.verdict.scorecard import Scorecard

SHOWN: Final = 3
"""Findings of one kind shown for each persona; the others follow on demand."""

DECIDED: Final = "What decided it"
"""Heading in cards before 0.2."""

UNSETTLED: Final = "Not settled"
"""Heading of what is unclear: true whether nothing was found, or what was found does not tell."""

QUOTED: Final = 2
"""Quotes shown with one finding."""

_TOWARDS: Final[dict[str, tuple[Answer, ...]]] = {
    "ship": ("yes",),
    "skip": ("no", "unclear"),
    "abstain": ("unclear",),
}
ANSWER_GLYPHS: Final[dict[Answer, str]] = {"yes": "✓", "no": "✗", "unclear": "?"}
"""A shape for each answer, so that no colour is needed to tell them apart."""

_IDENT: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_AGAINST: Final[dict[str, Answer]] = {"ship": "no", "skip": "yes"}


class Known:
    """The passages of a card by id: what a citation may refer to."""

    def __init__(self, evidence: Sequence[Source]) -> None:
        self._passages = {
            p.id: (p, line(s.source)) for s in evidence for p in s.passages if is_passage(p.id)
        }

    def __contains__(self, cite: object) -> bool:
        return cite in self._passages

    def quote(self, cite: str, about: str = "", *, words: str = "") -> "Quote | None":
        """Return a quote of the stored passage, or None where there is no such passage.

        It is `words` where they are a part of the passage, else its part that shares most with what
        the quote is `about`, or its beginning.
        """
        if cite not in self._passages:
            return None
        passage, source = self._passages[cite]
        whole = line(passage.text)
        if words and words != whole and words in whole:
            start, _, end = whole.partition(words)
            # A full stop that the words lack is nothing left out.
            before, after = (any(map(str.isalnum, rest)) for rest in (start, end))
            return Quote(line(cite), Excerpt(words, before, after).marked, source)
        texts = [text for text in map(line, pieces(passage)) if text] or [whole]
        return Quote(line(cite), excerpt(passage, texts, about).marked, source)


@dataclass(frozen=True)
class Quote:
    """A piece of a stored passage."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class FindingView:
    """A persona's answer to one question."""

    anchor: str
    """Its id in a page; the same for the same criterion in every card."""
    statement: str
    """The answer as a statement about the tool; empty in cards before 0.2."""
    question: str
    kind: str
    answer: Answer
    chance: str
    """Probability of the answer as text; empty for `unclear` and where the provider gave none."""
    weight: float
    """The criterion's; 1 where it is not known."""
    strength: float
    """How much it weighs in a score: the criterion's weight times |p − 0.5|, one half where only
    the answer is known."""
    dealbreaker: bool
    """A note of the verdict names it as what forced the vote."""
    because: tuple[Part, ...]
    cites: tuple[str, ...]
    quotes: tuple[Quote, ...]

    @property
    def text(self) -> str:
        """What is shown: the statement, or the question of an old card."""
        return self.statement or self.question

    @property
    def guess(self) -> bool:
        """Whether it is told as the guess of a model that cites no passage."""
        return self.statement.startswith(GUESSED)

    @property
    def cited(self) -> tuple[Cite, ...]:
        """The passages that it cites."""
        return tuple(Cite(cite) for cite in self.cites)

    @property
    def unquoted(self) -> tuple[Cite, ...]:
        """The passages that it cites and does not quote."""
        quoted = {quote.id for quote in self.quotes}
        return tuple(cite for cite in self.cited if cite.id not in quoted)


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one kind under their heading, strongest first."""

    title: str
    findings: tuple[FindingView, ...]
    """Shown in full, with what they quote."""
    others: tuple[FindingView, ...] = ()
    """Shown in short: a few findings are enough."""


def findings(review: Review, card: Scorecard, known: Known) -> tuple[FindingView, ...]:
    """Return all findings of a review in the order they were asked."""
    notes = [n for n in card.verdict.notes if review.persona in n or review.title in n]
    anchors = _anchors(review)
    # A point is followed by the sentence that the prose quotes for it.
    prose = prose_quotes(review.summary) if review.composed else {}
    return tuple(
        replace(finding_view(f, known, notes, review.own_claims, prose), anchor=next(anchors))
        for f in review.findings
    )


def _anchors(review: Review) -> Iterator[str]:
    """Yield an id for each finding; names that are no identifiers are not used in it."""
    seen: Counter[str] = Counter()
    for finding in review.findings:
        names = review.persona, finding.criterion
        anchor = "-".join(name if _IDENT.fullmatch(name) else "x" for name in ("f", *names))
        seen[anchor] += 1
        yield anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"


def grouped(
    views: Sequence[FindingView], vote: str, quoted: Iterable[str] = ()
) -> tuple[FindingGroup, ...]:
    """Return what is shown of a review's findings; a passage is quoted once, none of `quoted`.

    Statements stand for the tool, against it, or say what nothing shows; a skip begins with what
    speaks against. What a model only guesses comes last. Findings of cards before 0.2 are
    questions: those that decided the vote, and the strongest that speaks against the vote.
    """
    if not any(f.statement for f in views):
        groups = [
            FindingGroup(DECIDED, deciding(views, vote)),
            FindingGroup("Speaks against the vote", against(views, vote)),
        ]
        return tuple(_quoted_once(groups, quoted))
    by_answer = {
        answer: tuple(sorted((f for f in views if f.answer == answer and not f.guess), key=rank))
        for answer in ANSWER_GLYPHS
    }
    pro = FindingGroup("For it", by_answer["yes"][:SHOWN], by_answer["yes"][SHOWN:])
    contra = FindingGroup("Against it", by_answer["no"][:SHOWN], by_answer["no"][SHOWN:])
    unclear = _unsettled(by_answer["unclear"])
    order = [contra, unclear, pro] if vote == "skip" else [pro, contra, unclear]
    return tuple(_quoted_once([*order, _guesses(views)], quoted))


def _unsettled(views: Sequence[FindingView]) -> FindingGroup:
    """Return what is unclear, without the words that its heading says already."""
    bare = tuple(replace(f, quotes=(), statement=f.statement.removeprefix(OPEN)) for f in views)
    return FindingGroup(UNSETTLED, bare[:SHOWN], bare[SHOWN:])


def _guesses(views: Sequence[FindingView]) -> FindingGroup:
    """Return the guesses under a heading that begins their sentence."""
    ranked = sorted((f for f in views if f.guess), key=rank)
    guesses = tuple(replace(f, statement=f.statement.removeprefix(GUESSED)) for f in ranked)
    return FindingGroup(GUESSED.strip(), guesses[:SHOWN], guesses[SHOWN:])


def _quoted_once(groups: Iterable[FindingGroup], quoted: Iterable[str]) -> Iterator[FindingGroup]:
    seen = set(quoted)
    for group in (group for group in groups if group.findings or group.others):
        shown = []
        for finding in group.findings:
            fresh = tuple(quote for quote in finding.quotes if quote.id not in seen)
            seen.update(quote.id for quote in fresh)
            shown.append(replace(finding, quotes=fresh))
        # What is told in short quotes nothing, so that each point names its passages.
        others = tuple(replace(finding, quotes=()) for finding in group.others)
        yield replace(group, findings=tuple(shown), others=others)


def deciding(views: Sequence[FindingView], vote: str) -> tuple[FindingView, ...]:
    """Return the strongest findings towards the vote, dealbreakers first.

    A skip without a `no` was decided by what the evidence leaves open, so `unclear` comes next.
    """
    towards = _TOWARDS[vote]
    pool = sorted((f for f in views if f.answer in towards), key=rank)
    pool.sort(key=lambda f: towards.index(f.answer))
    return tuple((pool or sorted(views, key=rank))[:SHOWN])


def against(views: Sequence[FindingView], vote: str) -> tuple[FindingView, ...]:
    """Return the strongest finding that speaks against the vote, if there is one."""
    pool = [f for f in views if f.answer == _AGAINST.get(vote)]
    return tuple(sorted(pool, key=rank)[:1])


def rank(finding: FindingView) -> tuple[bool, float, bool]:
    """Return the order by weight: what forced the vote, then the surest, then what has a quote."""
    return (not finding.dealbreaker, -finding.strength, not finding.quotes)


def finding_view(
    finding: Finding,
    known: Known,
    notes: Sequence[str] = (),
    own: Sequence[str] = (),
    prose: Mapping[str, str] = MappingProxyType({}),
) -> FindingView:
    """Return what is shown of one finding.

    Args:
        finding: An answer to a criterion.
        known: The passages of its card.
        notes: Notes of the verdict about its persona; they name dealbreakers.
        own: Claims of the review that no passage contains.
        prose: By passage, what the review's prose quotes of it.
    """
    answered = finding.answer != "unclear"
    about = f"{finding.question} {finding.says} {BAD_NEWS if finding.answer == 'no' else ''}"
    if finding.decided_by:  # the line that code read, not the one nearest to the question
        about = finding.because
    elif NOTICED in finding.says:  # the notice, not what follows from it
        about = BAD_NEWS
    quotes = [known.quote(cite, about, words=line(prose.get(cite))) for cite in finding.cites]
    return FindingView(
        anchor="",
        statement=line(finding.says),
        question=line(finding.question),
        kind=finding.kind,
        answer=finding.answer,
        chance=_chance(finding),
        weight=finding.weight or 1,
        strength=(finding.weight or 1)
        * (abs(finding.p - 0.5) if finding.p is not None else 0.5 * answered),
        dealbreaker=answered and any(finding.criterion in note for note in notes),
        because=parts(line(finding.because), known, own),
        cites=tuple(line(c) for c in finding.cites if c in known),
        quotes=tuple(q for q in quotes if q)[:QUOTED],
    )


def _chance(finding: Finding) -> str:
    if finding.p is None or finding.answer == "unclear":
        return ""
    if finding.p_source == "fitted":  # of living, which the answer need not agree with
        return f"{figures.probability(finding.p)} lived"
    return figures.probability(finding.p if finding.answer == "yes" else 1 - finding.p)
