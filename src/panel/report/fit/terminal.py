"""Terminal: the report as plain text, without colours."""

from panel.report.citations import line
from panel.report.fit import view
from panel.report.plain_text import WIDTH, table, wrapped
from panel.reviews.backtest.fit_report import FitReport

SUFFIX = ".txt"


def render(report: FitReport, width: int = WIDTH) -> str:
    """Return the report as text of so many columns, ending in a newline."""
    on = report.fitted_on
    out = [f"Fit on {on.tools} tools of {line(on.folder)}, judged by {line(on.model)}", ""]
    out += view.conclusion(report)
    for head, rows in (*view.comparisons(report), (view.CURVES, view.curves(report))):
        out += ["", *table(head, rows, width)]
    out += view.points(report)
    if rows := view.weights(report):
        out += ["", *table(view.WEIGHTS, rows, width)]
    out += ["", *table(("What it was fitted on", ""), view.facts(report), width), "", view.METHOD]
    out += [f"! {line(note)}" for note in report.notes]
    return "\n".join(row.rstrip() for row in wrapped(out, width)) + "\n"
