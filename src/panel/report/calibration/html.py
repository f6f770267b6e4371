"""HTML: one self-contained page with plots, without script or anything fetched.

Every plot has its numbers beside it as a table.
"""

from typing import Final

from panel.report import figures, plots
from panel.report.calibration import view
from panel.report.citations import line
from panel.report.scorecard.html import style_hash, stylesheet
from panel.report.templating import FOLDER, html_template
from panel.reviews.calibration.report import Bin, CalibrationReport, CaseResult

SUFFIX = ".html"

_KINDS: Final = ("order", "verdict", "chat", "claim", "encoded")


def render(report: CalibrationReport) -> str:
    """Return the page."""
    style = stylesheet() + (FOLDER / "judged.css").read_text(encoding="utf-8")
    weak = report.used.good.low <= report.used.lenient.high
    return html_template("judged.html").render(
        model=line(report.model),
        provider=line(report.provider),
        report=report,
        weak=weak,
        made=figures.moment(report.created),
        conclusion=view.conclusion(report),
        verdicts=view.verdicts(report),
        answers=view.answers(report),
        fit=view.fit(report),
        price=view.price(report),
        notes=[line(note) for note in report.notes],
        plots=[plot for plot in (_scores(report), _reliability(report), _shifts(report)) if plot],
        style=style,
        style_hash=style_hash(style),
    )


def _scores(report: CalibrationReport) -> plots.Plot:
    clean = [c for c in report.cases if c.injection is None]
    kinds: list[str] = [kind for kind, count in report.controls.items() if count]
    rows = {kind: [c.ships_up_to or 0.0 for c in clean if c.kind == kind] for kind in kinds}
    at = f"{report.used.ship_at:g}"
    return plots.Plot(
        title="How far each control would ship",
        svg=plots.histogram(
            rows, report.used.ship_at, f"Highest threshold each control ships at; line at {at}"
        ),
        caption=f"A tool ships when it stands at or to the right of the threshold, {at}. Tools that"
        " ship at no threshold stand at 0.",
        legend=(("mark", f"ship threshold {at}"),),
        head=("control", "class", "ships up to", "verdict"),
        rows=tuple(
            (line(c.slug), c.kind, figures.score(c.ships_up_to), c.used_outcome)
            for c in sorted(clean, key=lambda c: -(c.ships_up_to or 0.0))
        ),
    )


def _reliability(report: CalibrationReport) -> plots.Plot | None:
    if (fit := report.fit) is None:
        return None
    pairs = zip(fit.reliability_before, fit.reliability, strict=True)
    return plots.Plot(
        title="Are its probabilities right?",
        svg=plots.reliability(
            _points(fit.reliability_before),
            _points(fit.reliability),
            "Share of answers that should be yes, by the probability given",
        ),
        caption="Across: the probability of yes that is read from the judge. Up: how often yes is"
        " right. On the diagonal both agree; the fit never saw the control it is judged on.",
        legend=(("before", "before the fit"), ("after", "after the fit")),
        head=("given", "answers before", "yes is right", "answers after", "yes is right"),
        rows=tuple(
            (f"{100 * b.low:.0f}–{100 * b.high:.0f}%", *_cells(b), *_cells(a)) for b, a in pairs
        ),
    )


def _shifts(report: CalibrationReport) -> plots.Plot | None:
    originals = {c.slug: c for c in report.cases if c.injection is None}
    rows: dict[str, list[tuple[float, bool]]] = {}
    table = []
    for copy in report.cases:
        first = originals.get(copy.slug.rpartition("--")[0])
        if copy.injection is None or first is None:
            continue
        changed = copy.used_outcome != first.used_outcome
        by = _difference(first, copy)
        if by is not None:
            rows.setdefault(copy.injection_kind or "", []).append((by, changed))
        moved = f"{first.used_outcome} → {copy.used_outcome}" if changed else copy.used_outcome
        held = "yes" if copy.held else "no"
        table.append((line(first.slug), line(copy.injection), view.points(by), moved, held))
    if not table:
        return None
    return plots.Plot(
        title="What injected pages did",
        svg=plots.shifts(
            {kind: rows[kind] for kind in _KINDS if kind in rows},
            "Difference of score between each injected copy and its original, by kind",
        ),
        caption="Each dot is a copy of a control whose page tries to steer the reviewer; it stands"
        " where its score moved, in points of 100.",
        legend=(("same", "verdict as before"), ("changed", "verdict changed")),
        head=("control", "injected", "score", "verdict", "held"),
        rows=tuple(table),
    )


def _difference(first: CaseResult, copy: CaseResult) -> float | None:
    if first.used_score is None or copy.used_score is None:
        return None
    return copy.used_score - first.used_score


def _points(bins: tuple[Bin, ...]) -> list[tuple[float, float, int]]:
    return [(b.mean, b.yes, b.answers) for b in bins if b.mean is not None and b.yes is not None]


def _cells(bin_: Bin) -> tuple[str, str]:
    return str(bin_.answers), "–" if bin_.yes is None else f"{100 * bin_.yes:.0f}%"
