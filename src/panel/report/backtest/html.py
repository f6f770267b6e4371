"""HTML: one self-contained page with plots, without script or anything fetched.

Every plot has its numbers beside it as a table.
"""

from panel.report import figures, plots
from panel.report.backtest import view
from panel.report.citations import line
from panel.report.scorecard.html import style_hash, stylesheet
from panel.report.templating import FOLDER, html_template
from panel.reviews.backtest.report import BacktestReport

SUFFIX = ".html"


def render(report: BacktestReport) -> str:
    """Return the page."""
    style = stylesheet() + (FOLDER / "judged.css").read_text(encoding="utf-8")
    return html_template("backtest.html").render(
        model=line(report.model),
        provider=line(report.provider),
        report=report,
        made=figures.moment(report.created),
        weak=not view.beats_best(report),
        conclusion=view.conclusion(report),
        method=view.METHOD,
        head=view.HEAD,
        strata=_strata(report),
        baselines=[(s.name, view.numbers_alone(s)) for s in report.strata if s.baselines],
        personas=[(s.name, view.rankings(s.personas)) for s in report.strata],
        criteria=view.rankings(report.all.criteria, questions=True),
        misses=view.misses(report),
        price=[(name, text, "") for name, text in view.price(report)],
        notes=[line(note) for note in report.notes],
        plots=[plot for plot in (_roc(report), _reliability(report)) if plot],
        style=style,
        style_hash=style_hash(style),
    )


def _strata(report: BacktestReport) -> view.Rows:
    """Return the figures of all strata: a row a figure, a column a stratum."""
    columns = [view.headline(stratum) for stratum in report.strata]
    return tuple(
        (cells[0][0], *(text for _, text in cells)) for cells in zip(*columns, strict=True)
    )


def _roc(report: BacktestReport) -> plots.Plot | None:
    if not report.roc:
        return None
    area = view.area(report.all.score.area)
    return plots.Plot(
        title="Does it tell them apart?",
        svg=plots.roc(report.roc, f"ROC curve of the panel's score; area under it {area}"),
        caption="Across: share of the tools that died at or above a score. Up: share of those that"
        f" lived. The area under the curve, AUC, is {area}; on the diagonal a score says nothing.",
        legend=(("curve", "the panel's score"),),
        head=("at or above", "of those that died", "of those that lived"),
        rows=tuple(
            (f"corner {place}", f"{100 * false:.0f}%", f"{100 * true:.0f}%")
            for place, (false, true) in enumerate(report.roc)
        ),
    )


def _reliability(report: BacktestReport) -> plots.Plot | None:
    points = [
        (b.mean, b.yes, b.answers)
        for b in report.reliability
        if b.mean is not None and b.yes is not None
    ]
    if not points:
        return None
    return plots.Plot(
        title="Is ship % a probability?",
        svg=plots.reliability((), points, "Share of tools that lived, by the panel's ship %"),
        caption="Across: ship %, the weighted share of reviewers that ship. Up: how many of these"
        " tools lived; the larger the dot, the more tools. On the diagonal both agree. In a list"
        " of pairs half of the tools lived, which is no base rate of the world.",
        legend=(("after", "tools of about one ship %"),),
        head=("ship %", "tools", "lived"),
        rows=tuple(
            (
                f"{100 * b.low:.0f}–{100 * b.high:.0f}%",
                str(b.answers),
                "–" if b.yes is None else f"{100 * b.yes:.0f}%",
            )
            for b in report.reliability
        ),
    )
