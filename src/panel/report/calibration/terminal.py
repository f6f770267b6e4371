"""Terminal: the report as plain text, without colours."""

from collections.abc import Iterator
from typing import Final

from panel.report.calibration.view import Rows, answers, conclusion, fit, price, verdicts
from panel.report.citations import line
from panel.reviews.calibration.report import CalibrationReport

SUFFIX = ".txt"

_WIDTH: Final = 100


def render(report: CalibrationReport) -> str:
    """Return the report as text, ending in a newline."""
    out = [f"Judge: {line(report.model)} at {line(report.provider)}, asked {report.asked}", ""]
    out += list(conclusion(report))
    out += [
        "",
        *_table(("On control tools", "as answered", "as later runs read it"), verdicts(report)),
    ]
    out += ["", *_table(("The judge's answers", "", ""), answers(report))]
    if report.fit:
        out += [
            "",
            *_table(("Probabilities", "before the fit", "left out of the fit"), fit(report)),
        ]
    out += ["", *_table(("What it took", "", ""), price(report))]
    if report.notes:
        out += ["", *(f"! {line(note)}" for note in report.notes)]
    return "\n".join(row.rstrip() for row in out) + "\n"


def _table(head: tuple[str, str, str], rows: Rows) -> Iterator[str]:
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(3)]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        if row is head:
            yield "─" * min(_WIDTH, len("  ".join(" " * w for w in widths if w)))
