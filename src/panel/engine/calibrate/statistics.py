"""Statistics over decided cases: shipped, swayed, citations, stances, reliability. Pure."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from panel.engine.calibrate.threshold import ships
from panel.engine.calibrate.votes import CaseAnswers, CaseDecision, decide_case, uncited
from panel.foundation.proportion import Share
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.calibration.fitting import Sample
from panel.reviews.calibration.report import Bin, Shift, Sway, ThresholdResult
from panel.reviews.personas import Persona
from panel.reviews.review import Review
from panel.reviews.score import Rule
from panel.reviews.verdict.samples import effective_votes

BINS: Final = 10
FEWEST_COMPARED: Final = 8


def reading(cases: Sequence[CaseDecision], ship_at: float) -> ThresholdResult:
    """Count what ships at a threshold; the cases must have been decided at it."""
    clean = [c for c in cases if c.answers.case.injection is None]

    def shipped(*kinds: str) -> Share:
        chosen = [c for c in clean if c.answers.case.control.kind in kinds]
        return Share.of(sum(ships(c.ships_up_to, ship_at) for c in chosen), len(chosen))

    return ThresholdResult(
        ship_at=ship_at,
        good=shipped("good"),
        bland=shipped("bland"),
        bad=shipped("bad"),
        empty=shipped("empty"),
        lenient=shipped("bland", "bad"),
        sway=_sway(cases),
    )


def _sway(cases: Sequence[CaseDecision]) -> Sway:
    originals = {c.answers.case.slug: c for c in cases if c.answers.case.injection is None}
    pairs = [
        (originals[c.answers.case.control.slug], c)
        for c in cases
        if c.answers.case.injection is not None and c.answers.case.control.slug in originals
    ]
    changed = [copy for first, copy in pairs if copy.outcome != first.outcome]
    to_ship = [c for c in changed if c.outcome == "ship"]
    silent = [c for c in to_ship if not c.answers.held]
    kinds = [c.answers.case.injection.kind for _, c in pairs if c.answers.case.injection]
    moved = [c.answers.case.injection.kind for c in changed if c.answers.case.injection]
    return Sway(
        changed=Share.of(len(changed), len(pairs)),
        to_ship=Share.of(len(to_ship), len(pairs)),
        silent=Share.of(len(silent), len(pairs)),
        shift=_shift(pairs),
        by_kind={k: Share.of(moved.count(k), kinds.count(k)) for k in dict.fromkeys(kinds)},
    )


def _shift(pairs: Iterable[tuple[CaseDecision, CaseDecision]]) -> Shift:
    moved = [b.score - a.score for a, b in pairs if a.score is not None and b.score is not None]
    if not moved:
        return Shift(pairs=0, mean=None, largest=None)
    mean = round(statistics.fmean(moved), 2)
    return Shift(pairs=len(moved), mean=mean, largest=round(max(moved), 2))


def flips(cases: Sequence[CaseAnswers], personas: Sequence[Persona], rule: Rule) -> Share | None:
    """Return how many further samples have another outcome than the first; None with one sample."""
    total = changed = 0
    for answers in cases:
        first, *later = [
            decide_case(answers, personas, rule, sample=k).outcome
            for k in range(len(answers.reviews))
        ]
        total += len(later)
        changed += sum(outcome != first for outcome in later)
    return Share.of(changed, total) if total > 0 else None


def unknown_citations(reviews: Sequence[Review]) -> Share:
    """Return how many citations name a passage that does not exist."""
    unknown = sum(r.unknown_cites for r in reviews)
    known = sum(len(f.cites) for r in reviews for f in r.findings)
    return Share.of(unknown, unknown + known)


def unsupported_citations(reviews: Sequence[Review]) -> Share:
    """Return how many facts that came with a citation are not shown by the passage they cite."""
    cited = sum(
        f.kind == "fact" and f.answer != "unclear" and bool(f.cites)
        for r in reviews
        for f in r.findings
    )
    return Share.of(sum(r.unsupported for r in reviews), cited)


def uncited_facts(reviews: Sequence[Review], rule: Rule) -> Share:
    """Return how many facts answered yes or no came without a valid citation."""
    lost = sum(max(r.uncited_facts, sum(uncited(f, rule) for f in r.findings)) for r in reviews)
    cited = sum(f.kind == "fact" and f.answer != "unclear" for r in reviews for f in r.findings)
    return Share.of(lost, lost + cited)


def stance_differs(reviews: Sequence[Review]) -> Share:
    """Return how many voting reviews say ship or skip against their own findings."""
    voting = [r for r in reviews if r.stance is not None and r.vote != "abstain"]
    return Share.of(sum(r.stance != r.vote for r in voting), len(voting))


def independent_votes(cases: Sequence[CaseDecision], personas: Sequence[Persona]) -> float | None:
    """Return the effective number of votes, by the correlation of the reviewers' scores.

    Only controls on which every reviewer has a score are compared; None where they are fewer
    than 8, because a correlation over less would be chance.
    """
    rows = [c.reviews for c in cases if c.answers.case.injection is None]
    whole = [row for row in rows if len(row) == len(personas) and _all_scored(row)]
    if len(whole) < FEWEST_COMPARED:
        return None
    by_name = {p.name: [r for row in whole for r in row if r.persona == p.name] for p in personas}
    votes = effective_votes(by_name)
    return None if votes is None else round(votes, 2)


def reliability(samples: Sequence[Sample], made: Sequence[Calibration]) -> tuple[Bin, ...]:
    """Return how often answers of each probability should be yes, in ten bins.

    Each sample is read by the calibration beside it.
    """
    points: list[list[tuple[float, float]]] = [[] for _ in range(BINS)]
    for sample, calibration in zip(samples, made, strict=True):
        for key, label in sample.labels.items():
            persona, _, criterion = key.partition(".")
            p = calibration.probability(sample.differences[key], persona, criterion)
            points[min(BINS - 1, int(p * BINS))].append((p, label))
    return tuple(_bin(number, in_bin) for number, in_bin in enumerate(points))


def _bin(number: int, points: Sequence[tuple[float, float]]) -> Bin:
    return Bin(
        low=number / BINS,
        high=(number + 1) / BINS,
        answers=len(points),
        mean=round(statistics.fmean(p for p, _ in points), 4) if points else None,
        yes=round(statistics.fmean(y for _, y in points), 4) if points else None,
    )


def _all_scored(reviews: Iterable[Review]) -> bool:
    return all(r.score is not None for r in reviews)
