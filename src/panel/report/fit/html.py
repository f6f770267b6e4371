"""HTML: one self-contained page of tables, without script or anything fetched."""

from panel.report import figures
from panel.report.citations import line
from panel.report.fit import view
from panel.report.scorecard.html import style_hash, stylesheet
from panel.report.templating import FOLDER, html_template
from panel.reviews.backtest.fit_report import FitReport

SUFFIX = ".html"


def render(report: FitReport) -> str:
    """Return the page."""
    style = stylesheet() + (FOLDER / "judged.css").read_text(encoding="utf-8")
    return html_template("fit.html").render(
        model=line(report.fitted_on.model),
        folder=line(report.fitted_on.folder),
        report=report,
        made=figures.moment(report.created),
        conclusion=view.conclusion(report),
        method=view.METHOD,
        comparisons=view.comparisons(report),
        curve_head=view.CURVES,
        curves=view.curves(report),
        points=view.points(report),
        weight_head=view.WEIGHTS,
        weights=view.weights(report),
        facts=[(name, text, "") for name, text in view.facts(report)],
        notes=[line(note) for note in report.notes],
        style=style,
        style_hash=style_hash(style),
    )
