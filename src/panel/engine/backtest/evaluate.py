"""From a run over tools whose fate is known to a report. Sends no request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from panel.engine.backtest.baselines import baseline, chosen_baseline, columns, later_columns
from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.backtest.ranked import ranked, two_classes
from panel.foundation.proportion import Share
from panel.foundation.ranking import brier_score, roc_curve
from panel.reviews.backtest.report import BacktestReport, BacktestTool, RankedBy, Stratum
from panel.reviews.calibration.report import Bin
from panel.reviews.review import Finding, Review
from panel.reviews.verdict.scorecard import Scorecard, Verdict
from panel.runs.run import Run

BINS: Final = 5
"""Of ship %, which four reviewers can only move in steps of a fifth."""
_ANSWERS: Final = {"yes": 1.0, "unclear": 0.5, "no": 0.0}

Cards = Mapping[str, Scorecard]
"""Scorecards by slug, without their evidence."""


@dataclass(frozen=True)
class Judged:
    """Tools that were reviewed, with their scorecards and the names of the personas asked."""

    cases: tuple[BacktestCase, ...]
    cards: Cards
    personas: tuple[str, ...]

    def review(self, case: BacktestCase, persona: str) -> Review | None:
        """Return one persona's review of a tool; None where it is missing."""
        reviews = self.cards[case.tool.slug].reviews
        return next((review for review in reviews if review.persona == persona), None)

    def finding(self, case: BacktestCase, persona: str, criterion: str) -> Finding | None:
        """Return one persona's answer; None where it is missing or was not asked."""
        findings = review.findings if (review := self.review(case, persona)) else ()
        return next((finding for finding in findings if finding.criterion == criterion), None)


def evaluate(
    run: Run,
    cases: Sequence[BacktestCase],
    *,
    folder: str,
    listed: int,
    known_after: date | None = None,
    notes: Sequence[str] = (),
) -> BacktestReport:
    """Return the report on a run over the cases.

    `known_after` is the day after which a fate must have become known for a stratum of its own,
    `listed` how many tools the list has.
    """
    manifest = run.manifest
    cards = {card.tool.slug: card for card in run.each_verdict()}
    done = tuple(case for case in by_pair(cases) if case.tool.slug in cards)
    judged = Judged(done, cards, tuple(manifest.personas))
    asked = [len(card.reviews) + len(card.missing) for card in cards.values()]
    missing = sum(len(card.missing) for card in cards.values())
    days = [case.as_of for case in done if case.as_of]
    return BacktestReport(
        run=run.name,
        created=datetime.now(UTC).replace(microsecond=0),
        folder=folder,
        shown=manifest.backtest or "",
        provider=manifest.all_providers,
        model=manifest.all_models,
        asked=manifest.ask,
        samples=manifest.samples,
        personas=judged.personas,
        as_of=(min(days), max(days)) if days else None,
        listed=listed,
        missing=Share.of(missing, sum(asked)),
        strata=tuple(_strata(judged, known_after)),
        roc=_roc(judged),
        reliability=_reliability(judged),
        tools=tuple(_row(case, cards[case.tool.slug]) for case in done),
        usage=run.usage(),
        notes=(*notes, *_notes(done, len(cases))),
    )


def by_pair(cases: Iterable[BacktestCase]) -> list[BacktestCase]:
    """Return the tools of pairs first, by pair, the one that lived before the other."""
    return sorted(cases, key=lambda c: (c.pair is None, c.pair or "", c.fate != "lived"))


def _notes(done: Sequence[BacktestCase], cases: int) -> Iterator[str]:
    if len(done) < cases:
        yield f"{cases - len(done)} of {cases} tools have no verdict"
    if later := later_columns(done):
        yield f"no baselines, for they hold what came later: {', '.join(later)}"


def _strata(judged: Judged, known_after: date | None) -> Iterator[Stratum]:
    yield _stratum("all", judged)
    noted = [case for case in judged.cases if case.label_note]
    if noted:
        yield _stratum("without a label note", _without(judged, noted))
    if known_after is not None:
        earlier = [c for c in judged.cases if c.known_at is None or c.known_at <= known_after]
        yield _stratum(f"known after {known_after}", _without(judged, earlier))


def _without(judged: Judged, left_out: Sequence[BacktestCase]) -> Judged:
    """Return the tools but for some, and but for the others of their pairs."""
    slugs = {case.tool.slug for case in left_out}
    pairs = {case.pair for case in left_out if case.pair is not None}
    rest = (c for c in judged.cases if c.tool.slug not in slugs and c.pair not in pairs)
    return Judged(tuple(rest), judged.cards, judged.personas)


def _stratum(name: str, judged: Judged) -> Stratum:
    cases, cards = judged.cases, judged.cards
    fates = [case.fate for case in cases]
    outcomes = [(case.fate, cards[case.tool.slug].verdict.outcome) for case in cases]
    forecasts = [
        (percent / 100, case.fate == "lived")
        for case in cases
        if (percent := cards[case.tool.slug].verdict.ship_percent) is not None
    ]
    base = sum(lived for _, lived in forecasts) / len(forecasts) if forecasts else 0.0
    return Stratum(
        name=name,
        lived=fates.count("lived"),
        died=fates.count("died"),
        shipped_lived=Share.of(outcomes.count(("lived", "ship")), fates.count("lived")),
        shipped_died=Share.of(outcomes.count(("died", "ship")), fates.count("died")),
        undecided=sum(outcome not in ("ship", "skip") for _, outcome in outcomes),
        brier=_rounded(brier_score(forecasts)),
        brier_base=_rounded(brier_score([(base, lived) for _, lived in forecasts])),
        forecasts=len(forecasts),
        score=ranked("score", "the panel's score", cases, lambda c: _verdict(cards, c).score),
        ship_percent=ranked(
            "ship_percent", "the panel's ship %", cases, lambda c: _verdict(cards, c).ship_percent
        ),
        personas=tuple(_by_persona(judged, persona) for persona in judged.personas),
        criteria=tuple(_by_criteria(judged)),
        baselines=tuple(baseline(column, cases) for column in columns(cases)),
        chosen_baseline=chosen_baseline(cases),
    )


def _verdict(cards: Cards, case: BacktestCase) -> Verdict:
    return cards[case.tool.slug].verdict


def _by_persona(judged: Judged, persona: str) -> RankedBy:
    def score(case: BacktestCase) -> float | None:
        review = judged.review(case, persona)
        return review.score if review else None

    return ranked(persona, persona, judged.cases, score)


def _by_criteria(judged: Judged) -> Iterator[RankedBy]:
    questions: dict[tuple[str, str], str] = {}
    for case in judged.cases:
        for review in judged.cards[case.tool.slug].reviews:
            for finding in review.findings:
                questions.setdefault((review.persona, finding.criterion), finding.question)
    order = {name: place for place, name in enumerate(judged.personas)}
    for (persona, criterion), question in sorted(
        questions.items(), key=lambda item: order.get(item[0][0], 0)
    ):

        def answer(
            case: BacktestCase, persona: str = persona, criterion: str = criterion
        ) -> float | None:
            finding = judged.finding(case, persona, criterion)
            if finding is None:
                return None
            return _ANSWERS[finding.answer] if finding.p is None else finding.p

        yield ranked(f"{persona}.{criterion}", question, judged.cases, answer)


def _roc(judged: Judged) -> tuple[tuple[float, float], ...]:
    classes = two_classes(judged.cases, lambda c: _verdict(judged.cards, c).score)
    if not classes.all_low or not classes.all_high:
        return ()
    corners = roc_curve(classes.all_low, classes.all_high)
    return tuple((round(false, 4), round(true, 4)) for false, true in corners)


def _reliability(judged: Judged) -> tuple[Bin, ...]:
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for case in judged.cases:
        percent = judged.cards[case.tool.slug].verdict.ship_percent
        if percent is not None:
            place = min(BINS - 1, int(percent / 100 * BINS))
            groups[place].append((percent / 100, case.fate == "lived"))
    return tuple(_bin(number, group) for number, group in enumerate(groups))


def _bin(number: int, group: Sequence[tuple[float, bool]]) -> Bin:
    count = len(group)
    return Bin(
        low=number / BINS,
        high=(number + 1) / BINS,
        answers=count,
        mean=round(sum(p for p, _ in group) / count, 4) if count else None,
        yes=round(sum(lived for _, lived in group) / count, 4) if count else None,
    )


def _row(case: BacktestCase, card: Scorecard) -> BacktestTool:
    return BacktestTool(
        slug=case.tool.slug,
        name=case.tool.name,
        pair=case.pair,
        fate=case.fate,
        outcome=card.verdict.outcome,
        score=_rounded(card.verdict.score),
        ship_percent=_rounded(card.verdict.ship_percent),
        why=case.why,
        label_note=case.label_note,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
