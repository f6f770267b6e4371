"""A fit on a run over tools whose fate is known, held against the plain rule. Asks nothing.

Every figure is out of sample: a fold of pairs is left out, everything is fitted on the others,
choices included, and the tools left out are scored by that.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from panel.engine.backtest.evaluate import by_pair
from panel.engine.backtest.fit_curves import rounded
from panel.engine.backtest.fit_weights import Fit, Fitter
from panel.engine.backtest.folds import folds, split
from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.backtest.ranked import ranked, two_classes
from panel.engine.backtest.rescore import AnsweredTool, answered_tools, verdict_by
from panel.foundation.errors import RunError
from panel.foundation.proportion import Share
from panel.foundation.ranking import (
    TwoClasses,
    area_difference_interval,
    area_under_curve,
    brier_score,
    mean_interval,
    pairs_right,
)
from panel.reviews.backtest.fit_report import (
    CriterionFit,
    FitReport,
    PersonaFit,
    RuleDifferences,
    RuleFigures,
    ThresholdFit,
)
from panel.reviews.backtest.record import FEWEST
from panel.reviews.backtest.report import Fate
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Missing
from panel.reviews.verdict.scorecard import Verdict
from panel.reviews.weights import (
    FigureDifference,
    FittedOn,
    FittedThreshold,
    FittedWeights,
    OutOfSample,
    PersonaWeights,
)
from panel.runs.manifest import fingerprint, plan_of
from panel.runs.metadata import stored_personas
from panel.runs.run import Run

FOLDS: Final = 10

Verdicts = dict[str, Verdict]
"""By slug."""


@dataclass(frozen=True)
class BacktestFit:
    """The report, and the file that it may be written to."""

    report: FitReport
    weights: FittedWeights | None
    """What is clearly better than the plain rule; None where nothing is."""
    everything: FittedWeights
    """The same with the fitted weights, also where they are not clearly better."""


def outcomes_fingerprint(cases: Sequence[BacktestCase]) -> str:
    """Return the fingerprint of a list's tools, pairs and fates, in any order."""
    return fingerprint([[c.tool.slug, c.pair, c.fate] for c in sorted(cases, key=_slug)])


def fit_run(
    run: Run,
    cases: Sequence[BacktestCase],
    *,
    folder: str,
    outcomes: str,
    notes: Sequence[str] = (),
) -> BacktestFit:
    """Fit on the reviews of a run.

    Args:
        run: Has reviewed the tools of the cases.
        cases: The tools and their fates.
        folder: The name of the list's folder.
        outcomes: Its fingerprint, whole.
        notes: About the list and its evidence.

    Raises:
        RunError: no tool of one of the fates has a review.
    """
    tools = answered_tools(run, by_pair(cases))
    fates: set[Fate] = {tool.case.fate for tool in tools}
    personas = stored_personas(run)
    if len(fates) < 2 or personas is None:
        raise RunError(
            f"run {run.name} has reviews of {len(tools)} tools, all of one fate: nothing can be"
            " fitted" if personas else f"run {run.name} has kept no reviewers"
        )  # fmt: skip
    manifest = run.manifest
    plan = plan_of(manifest, personas=personas, calibration=None)
    done = [tool.case for tool in tools]
    on = FittedOn(
        folder=folder,
        outcomes=outcomes,
        tools=len(done),
        lived=sum(case.fate == "lived" for case in done),
        pairs=len(two_classes(done, lambda case: 0.0).pairs),
        day=datetime.now(UTC).date(),
        run=run.name,
        provider=manifest.all_providers,
        model=manifest.all_models,
        asked=manifest.ask,
        shown=manifest.backtest or "",
    )
    fitter = Fitter(plan, manifest.rule.plain(), on)
    lost = [*notes]
    if len(done) < len(cases):
        lost.append(f"{len(cases) - len(done)} of {len(cases)} tools have no verdict")
    answers = [answer for tool in tools for rows in tool.answers.values() for answer in rows]
    if missing := sum(isinstance(answer, Missing) for answer in answers):
        lost.append(f"{missing} of {len(answers)} reviews are missing")
    return fit_tools(fitter, tools, samples=manifest.samples, notes=lost)


def fit_tools(
    fitter: Fitter, tools: Sequence[AnsweredTool], *, samples: int, notes: Sequence[str] = ()
) -> BacktestFit:
    """Fit on tools, both fates among them, and hold the fit against the plain rule."""
    plan, cases = fitter.plan, [tool.case for tool in tools]
    plain = {_slug(tool.case): verdict_by(fitter.rule, plan, tool) for tool in tools}
    held_out = _held_out(fitter, tools)
    curved, fitted = held_out[False, False], held_out[True, False]
    final = fitter.fit(tools)
    by_weights = _differences(cases, fitted, curved)
    beaten, because = _decision(cases, final, by_weights)
    thresholds = {
        weighted: _threshold(
            fitter.rule.ship_at,
            final.ship_at[weighted],
            cases,
            held_out[weighted, False],
            held_out[weighted, True],
        )
        for weighted in (False, True)
    }
    report = FitReport(
        created=datetime.now(UTC).replace(microsecond=0),
        fitted_on=fitter.on,
        samples=samples,
        folds=len(folds(cases, FOLDS)),
        plain=_figures("plain rule", cases, plain),
        curves_only=_figures("plain weights, fitted curves", cases, curved),
        fitted=_figures("fitted weights", cases, fitted),
        by_curves=_differences(cases, curved, plain),
        by_weights=by_weights,
        beaten=beaten,
        because=because,
        threshold=thresholds[beaten],
        apart=final.shrinking.apart,
        strength=None if math.isinf(final.shrinking.strength) else final.shrinking.strength,
        personas=tuple(_persona(p, final.weights[p.name]) for p in _weighed(plan, final)),
        curves=final.curves,
        notes=tuple(notes),
    )
    return BacktestFit(report, *_files(report, final, thresholds))


def _held_out(fitter: Fitter, tools: Sequence[AnsweredTool]) -> dict[tuple[bool, bool], Verdicts]:
    """Return each tool's verdicts by rules that did not know it: curves are fitted in all.

    By whether weights are fitted as well, and whether the threshold is.
    """
    made: dict[tuple[bool, bool], Verdicts] = {
        (weighted, moved): {} for weighted in (False, True) for moved in (False, True)
    }
    for held in folds([tool.case for tool in tools], FOLDS):
        fit = fitter.fit([tools[place] for place in split(len(tools), held)])
        for (weighted, moved), verdicts in made.items():
            rule = fit.rule(fitter.rule, fitter.on, weighted=weighted, moved=moved)
            for tool in (tools[place] for place in held):
                verdicts[_slug(tool.case)] = verdict_by(rule, fitter.plan, tool)
    return made


def _slug(case: BacktestCase) -> str:
    return case.tool.slug


def _figures(name: str, cases: Sequence[BacktestCase], verdicts: Verdicts) -> RuleFigures:
    outcomes = [(case.fate, verdicts[_slug(case)].outcome) for case in cases]
    forecasts = [
        (percent / 100, case.fate == "lived")
        for case in cases
        if (percent := verdicts[_slug(case)].ship_percent) is not None
    ]
    lived = sum(fate == "lived" for fate, _ in outcomes)
    return RuleFigures(
        score=ranked("score", name, cases, lambda case: verdicts[_slug(case)].score),
        brier=rounded(brier_score(forecasts)),
        shipped_lived=Share.of(outcomes.count(("lived", "ship")), lived),
        shipped_died=Share.of(outcomes.count(("died", "ship")), len(outcomes) - lived),
    )


def _differences(
    cases: Sequence[BacktestCase], first: Verdicts, second: Verdicts
) -> RuleDifferences:
    """Return the figures of the first verdicts less those of the second."""

    def known(of: Callable[[Verdict], float | None]) -> list[BacktestCase]:
        both = ((case, first[_slug(case)], second[_slug(case)]) for case in cases)
        return [c for c, one, other in both if of(one) is not None and of(other) is not None]

    scored = known(lambda verdict: verdict.score)
    one = two_classes(scored, lambda case: first[_slug(case)].score)
    other = two_classes(scored, lambda case: second[_slug(case)].score)
    errors = two_classes(
        known(lambda verdict: verdict.ship_percent),
        lambda case: _error(case, first) - _error(case, second),
    )
    return RuleDifferences(
        pairs=_of_pairs(one, other), area=_of_areas(one, other), brier=_of_means(errors)
    )


def _threshold(
    plain: float,
    ship_at: float,
    cases: Sequence[BacktestCase],
    before: Verdicts,
    after: Verdicts,
) -> ThresholdFit:
    """Hold the verdicts at fitted thresholds against those at the plain one.

    Of "ships or not" the AUC is one half and half of the distance between the ship rates.
    """

    def shipped(verdicts: Verdicts) -> TwoClasses:
        return two_classes(cases, lambda case: float(verdicts[_slug(case)].outcome == "ship"))

    one = shipped(after)
    apart = _of_areas(one, shipped(before))
    gain = apart and FigureDifference(
        value=round(2 * apart.value, 4),
        low=None if apart.low is None else round(2 * apart.low, 4),
        high=None if apart.high is None else round(2 * apart.high, 4),
    )
    enough = min(len(one.all_low), len(one.all_high)) >= FEWEST
    return ThresholdFit(
        plain=plain,
        fitted=ship_at,
        rule=_figures("fitted threshold", cases, after),
        gain=gain,
        kept=enough and gain is not None and gain.is_above_zero,
    )


def _error(case: BacktestCase, verdicts: Verdicts) -> float:
    percent = verdicts[_slug(case)].ship_percent or 0.0
    return (percent / 100 - (case.fate == "lived")) ** 2


def _of_pairs(one: TwoClasses, other: TwoClasses) -> FigureDifference | None:
    both = zip(one.pairs, other.pairs, strict=True)
    gains = [pairs_right([first]) - pairs_right([second]) for first, second in both]
    return _of_means(TwoClasses(pairs=tuple((gain, gain) for gain in gains)))


def _of_areas(one: TwoClasses, other: TwoClasses) -> FigureDifference | None:
    first, second = area_under_curve(one), area_under_curve(other)
    if first is None or second is None:
        return None
    return _difference(first - second, area_difference_interval(one, other))


def _of_means(members: TwoClasses) -> FigureDifference | None:
    every = (*members.all_low, *members.all_high)
    if not every:
        return None
    return _difference(math.fsum(every) / len(every), mean_interval(members))


def _difference(value: float, interval: tuple[float, float] | None) -> FigureDifference:
    low, high = interval or (None, None)
    return FigureDifference(value=round(value, 4), low=rounded(low), high=rounded(high))


def _decision(cases: Sequence[BacktestCase], final: Fit, gain: RuleDifferences) -> tuple[bool, str]:
    """Return whether the plain weights are clearly beaten, and why, in words."""
    if final.shrinking.is_plain:
        return False, "on all tools no other weights rank held-out pairs better"
    pairs = len(two_classes(cases, lambda case: 0.0).pairs)
    fates = [case.fate for case in cases]
    if pairs >= FEWEST:
        what, difference = "more pairs right", gain.pairs
    elif min(fates.count("lived"), fates.count("died")) >= FEWEST:
        what, difference = "a greater AUC", gain.area
    else:
        return False, f"fewer than {FEWEST} pairs, or tools of each fate: too few to tell"
    if difference is not None and difference.is_above_zero:
        return True, f"out of sample the fitted weights have {what}: the interval is above 0"
    return False, f"out of sample the fitted weights do not clearly have {what}"


def _area(figures: RuleFigures) -> float | None:
    return figures.score.area.value if figures.score.area else None


def _weighed(plan: ReviewPlan, fit: Fit) -> list[Persona]:
    return [persona for persona in plan.personas if persona.name in fit.weights]


def _persona(persona: Persona, fitted: PersonaWeights) -> PersonaFit:
    return PersonaFit(
        persona=persona.name,
        plain=persona.weight,
        fitted=fitted.weight,
        criteria=tuple(
            CriterionFit(
                criterion=c.id, question=c.question, plain=c.weight, fitted=fitted.criteria[c.id]
            )
            for c in persona.criteria
            if c.id in fitted.criteria
        ),
    )


def _files(
    report: FitReport, fit: Fit, thresholds: Mapping[bool, ThresholdFit]
) -> tuple[FittedWeights | None, FittedWeights]:
    """Return the weights that are clearly better, None where nothing is, and all of them.

    Each has the threshold that was fitted with it, where that is clearly better.
    """
    every = FittedWeights(
        fitted_on=report.fitted_on,
        out_of_sample=OutOfSample(
            plain=report.curves_only.score.pairs,
            fitted=report.fitted.score.pairs,
            plain_area=_area(report.curves_only),
            fitted_area=_area(report.fitted),
            difference=report.by_weights.pairs or report.by_weights.area,
            beaten=report.beaten,
        ),
        personas=dict(fit.weights),
        curves=dict(fit.kept),
        threshold=_fitted_threshold(thresholds[True], report.fitted),
    )
    if report.beaten:
        return every, every
    threshold = _fitted_threshold(thresholds[False], report.curves_only)
    better = every.model_copy(update={"personas": {}, "threshold": threshold})
    return (better if better.curves or better.threshold else None), every


def _fitted_threshold(fit: ThresholdFit, plain: RuleFigures) -> FittedThreshold | None:
    if not fit.kept:
        return None
    return FittedThreshold(
        ship_at=fit.fitted,
        plain=fit.plain,
        lived=fit.rule.shipped_lived,
        died=fit.rule.shipped_died,
        plain_lived=plain.shipped_lived,
        plain_died=plain.shipped_died,
    )
