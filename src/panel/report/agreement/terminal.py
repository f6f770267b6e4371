"""Terminal: a table as plain text, and the criteria that differ most."""

from panel.report.agreement.view import HEAD, disputed, rows, runs
from panel.runs.agreement import RunsAgreement

SUFFIX = ".txt"


def render(agreement: RunsAgreement) -> str:
    """Return the agreement as text."""
    table = [HEAD, *rows(agreement)]
    widths = [max(len(row[n]) for row in table) for n in range(len(HEAD))]
    lines = [
        f"{agreement.tools} tools that at least two of {len(agreement.runs)} runs decided",
        *(f"  {name}: {judge}" for name, judge in runs(agreement)),
        "",
        *("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) for row in table),
    ]
    if agreement.disputed:
        lines += ["", "What differs most", *(f"  {text}" for text in disputed(agreement))]
    lines += ["", f"Krippendorff's alpha; {agreement.resamples:,} resamples, seed {agreement.seed}"]
    return "".join(f"{row.rstrip()}\n" for row in lines)
