"""What the report of a fit says, as sentences and rows: pure, and ignorant of any format."""

from collections.abc import Iterator
from typing import Final

from panel.report import figures
from panel.report.backtest.view import Facts, Rows, area
from panel.report.citations import line
from panel.reviews.backtest.fit_report import (
    CriterionFit,
    CurveFit,
    FitReport,
    PersonaFit,
    RuleDifferences,
    RuleFigures,
    ThresholdFit,
)
from panel.reviews.weights import FigureDifference, FittedCurve

WEIGHTS: Final = ("Weights fitted on all tools", "plain", "fitted")
CURVES: Final = ("Curve", "Brier", "base", "gain")

METHOD: Final = (
    "Every figure is of tools that were not fitted on: pairs stay whole, each fold is left out"
    " once, and every choice is made on the others. Intervals of differences are of 95 %: the"
    " paired percentile bootstrap over pairs (2,000 draws, one seed). What is plain is replaced"
    " where that interval is above 0, and else kept. Of a Brier score less is better; a curve's is"
    " beside that of saying the share that lived."
)


def conclusion(report: FitReport) -> tuple[str, ...]:
    """Return what to make of it: of the weights, of the curves, of the threshold, of the file."""
    return (_of_weights(report), _of_curves(report), _of_threshold(report), _of_file(report))


def _of_weights(report: FitReport) -> str:
    plain, fitted = report.curves_only.score, report.fitted.score
    if fitted.pairs.total:
        words = f"Fitted weights rank {fitted.pairs} pairs right, plain ones {plain.pairs.count:g}"
    else:
        words = f"Fitted weights have an AUC of {area(fitted.area)}, plain ones {area(plain.area)}"
    if report.beaten:
        return f"{words}: clearly better ({report.because})."
    return f"{words}: the plain weights are kept ({report.because})."


def _of_curves(report: FitReport) -> str:
    if kept := report.kept_curves:
        names = _joined([line(curve.label) for curve in kept])
        return f"The probability of living by {names} clearly beats the base rate."
    return "No age and no count alone clearly beats the base rate: no curve is kept."


def _of_threshold(report: FitReport) -> str:
    fit, plain = report.threshold, report.kept_rule
    lived, died = fit.rule.shipped_lived, fit.rule.shipped_died
    words = (
        f"A fitted threshold ships {lived} that lived and {died} that died, the plain one"
        f" {plain.shipped_lived.count:g} and {plain.shipped_died.count:g}"
    )
    if fit.kept:
        return f"{words}: clearly further apart."
    return f"{words}: the plain threshold of {fit.plain:g} is kept."


def _of_file(report: FitReport) -> str:
    if report.written:
        forced = ", the fitted weights as well, since you said --anyway" if report.anyway else ""
        return f"Written to {line(report.written)}{forced}; [rule] weights in panel.toml uses it."
    if report.beaten or report.kept_curves or report.threshold.kept:
        return "Nothing is written: --weights FILE.json writes what is clearly better."
    return "Nothing is written: nothing clearly beats the plain rule."


def comparisons(report: FitReport) -> tuple[tuple[tuple[str, ...], Rows], ...]:
    """Return a table on what curves add to the plain rule, if any is kept, and on what comes next.

    These are the weights, and the threshold with the weights that are kept.
    """
    curves = (
        ("Out of sample: curves", "assumed", "fitted", "difference"),
        _compared(report.plain, report.curves_only, report.by_curves),
    )
    weights = (
        ("Out of sample: weights", "plain", "fitted", "difference"),
        _compared(report.curves_only, report.fitted, report.by_weights),
    )
    threshold = (
        ("Out of sample: threshold", f"{report.threshold.plain:g}", "fitted", "difference"),
        _ships(report.kept_rule, report.threshold),
    )
    return (curves, weights, threshold) if report.kept_curves else (weights, threshold)


def _ships(plain: RuleFigures, fit: ThresholdFit) -> Rows:
    rules = (plain, fit.rule)
    return (
        ("lived and ship", *(figures.share(rule.shipped_lived) for rule in rules), ""),
        ("died and ship", *(figures.share(rule.shipped_died) for rule in rules), ""),
        (
            "apart",
            *(figures.apart(rule.shipped_lived, rule.shipped_died) for rule in rules),
            _points_of(fit.gain),
        ),
        ("Brier score of ship %", *(_brier(rule.brier) for rule in rules), ""),
    )


def _compared(first: RuleFigures, second: RuleFigures, less: RuleDifferences) -> Rows:
    return (
        (
            "pairs ranked right",
            *(figures.share(rule.score.pairs) for rule in (first, second)),
            difference(less.pairs),
        ),
        ("AUC", *(area(rule.score.area) for rule in (first, second)), difference(less.area)),
        (
            "Brier score of ship %",
            *(_brier(rule.brier) for rule in (first, second)),
            difference(less.brier, 3),
        ),
        ("lived and ship", str(first.shipped_lived), str(second.shipped_lived), ""),
        ("died and ship", str(first.shipped_died), str(second.shipped_died), ""),
    )


def _brier(value: float | None) -> str:
    return figures.UNKNOWN if value is None else f"{value:.3f}"


def difference(value: FigureDifference | None, places: int = 2) -> str:
    """Write a difference with its interval: `+0.10 (−0.03 to +0.23)`."""
    if value is None:
        return figures.UNKNOWN
    middle, *ends = (
        "" if end is None else f"{end:+.{places}f}".replace("-", "−")
        for end in (value.value, value.low, value.high)
    )
    return f"{middle} ({' to '.join(ends)})" if all(ends) else middle


def _points_of(value: FigureDifference | None) -> str:
    """Write a difference of shares in points of a hundred: `+17 (+3 to +30)`."""
    if value is None:
        return figures.UNKNOWN
    low, high = (None if end is None else 100 * end for end in (value.low, value.high))
    return difference(FigureDifference(value=100 * value.value, low=low, high=high), 0)


def weights(report: FitReport) -> Rows:
    """Return the weight of each reviewer and of its criteria, those that gained most first.

    None where they are the plain ones.
    """
    if report.is_plain:
        return ()
    return tuple(row for persona in report.personas for row in _of_persona(persona))


def _of_persona(persona: PersonaFit) -> Iterator[tuple[str, str, str]]:
    yield f"{line(persona.persona)}, its vote", f"{persona.plain:g}", f"{persona.fitted:.2f}"

    def gained(criterion: CriterionFit) -> float:
        return -criterion.fitted / criterion.plain

    for row in sorted(persona.criteria, key=gained):
        yield f"  {line(row.criterion)}", f"{row.plain:g}", f"{row.fitted:.2f}"


def curves(report: FitReport) -> Rows:
    """Return what each curve is worth."""
    return tuple(_curve(row) for row in report.curves)


def _curve(row: CurveFit) -> tuple[str, str, str, str]:
    kept = "kept" if row.kept else "not kept"
    if row.curve is None:
        return f"{line(row.label)} ({row.tools} tools: too few)", "", "", ""
    label = f"{line(row.label)} ({kept}, {row.tools} tools)"
    return label, f"{row.curve.brier:.3f}", f"{row.curve.base:.3f}", difference(row.gain, 3)


def points(report: FitReport) -> tuple[str, ...]:
    """Return a sentence on each kept curve with its probabilities at some numbers."""
    return tuple(_points(row, row.curve) for row in report.kept_curves if row.curve)


def _points(row: CurveFit, curve: FittedCurve) -> str:
    middle = round((curve.low * curve.high) ** 0.5) if curve.low else curve.high // 8
    told = dict.fromkeys((curve.low, middle, curve.high))
    values = ", ".join(f"{figures.probability(curve.probability(x))} at {x:,}" for x in told)
    unit = " (in days)" if curve.slope < 0 else ""
    return f"By {line(row.label)}{unit}: {values}."


def facts(report: FitReport) -> Facts:
    """Return what it was fitted on."""
    on = report.fitted_on
    strength = "infinite" if report.strength is None else f"{report.strength:g}"
    drawn = "among what numbers decide, and among what was asked" if report.apart else "all"
    return (
        ("list", f"{line(on.folder)}: {on.lived} lived, {on.tools - on.lived} died"),
        ("pairs", str(on.pairs)),
        ("shown", line(on.shown)),
        ("judge", f"{line(on.model)} at {line(on.provider)}, asked {on.asked}"),
        ("answers a reviewer", str(report.samples)),
        ("folds", str(report.folds)),
        ("weights drawn together", drawn),
        ("strength of that", strength),
        ("threshold fitted on all tools", f"{report.threshold.fitted:g}"),
        ("run", line(on.run)),
    )


def _joined(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and by {last}" if others else last
