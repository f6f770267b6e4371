"""Terminal: the report as plain text, without colours."""

from collections.abc import Iterator

from panel.report.backtest import view
from panel.report.citations import line
from panel.report.plain_text import WIDTH, headed, table, wrapped
from panel.reviews.backtest.report import BacktestReport, Stratum

SUFFIX = ".txt"


def render(report: BacktestReport, width: int = WIDTH) -> str:
    """Return the report as text of so many columns, ending in a newline."""
    out = [
        f"Backtest of {line(report.model)} at {line(report.provider)}, asked {report.asked}",
        "",
        *view.conclusion(report),
    ]
    for stratum in report.strata:
        out += ["", *_stratum(stratum, width)]
    if criteria := view.rankings(report.all.criteria):
        out += ["", *table(("All tools, by criterion", *view.HEAD[1:]), criteria, width)]
    if misses := view.misses(report):
        out += ["", *headed(f"Misses ({len(misses)})", width)]
        for miss in misses:
            out += [miss.summary, *(f"  {tool}" for tool in miss.tools)]
    out += ["", *table(("What it took", ""), view.price(report), width), "", view.METHOD]
    out += [f"! {line(note)}" for note in report.notes]
    return "\n".join(row.rstrip() for row in wrapped(out, width)) + "\n"


def _stratum(stratum: Stratum, width: int) -> Iterator[str]:
    title = stratum.name if stratum.name != "all" else "all tools"
    yield from table((f"Panel: {title}", ""), view.headline(stratum), width)
    for name, shown in (
        ("reviewers", view.rankings(stratum.personas)),
        ("one number alone", view.numbers_alone(stratum)),
    ):
        if shown:
            yield ""
            yield from table((f"Ranked by {name}: {title}", *view.HEAD[1:]), shown, width)
