"""Terminal: the report as plain text, without colours."""

import textwrap
from collections.abc import Iterator
from typing import Final

from panel.report.backtest import view
from panel.report.citations import line
from panel.reviews.backtest.report import BacktestReport, Stratum

SUFFIX = ".txt"

_WIDTH: Final = 100
_GAP: Final = 2
_NARROWEST: Final = 16
"""Columns that a first cell has at least."""


def render(report: BacktestReport, width: int = _WIDTH) -> str:
    """Return the report as text of so many columns, ending in a newline."""
    out = [
        f"Backtest of {line(report.model)} at {line(report.provider)}, asked {report.asked}",
        "",
        *view.conclusion(report),
    ]
    for stratum in report.strata:
        out += ["", *_stratum(stratum, width)]
    if criteria := view.rankings(report.all.criteria):
        out += ["", *_table(("All tools, by criterion", *view.HEAD[1:]), criteria, width)]
    if misses := view.misses(report):
        out += ["", *_headed(f"Misses ({len(misses)})", width)]
        for miss in misses:
            out += [miss.summary, *(f"  {tool}" for tool in miss.tools)]
    out += ["", *_table(("What it took", ""), view.price(report), width), "", view.METHOD]
    out += [f"! {line(note)}" for note in report.notes]
    return "\n".join(row.rstrip() for row in _wrapped(out, width)) + "\n"


def _stratum(stratum: Stratum, width: int) -> Iterator[str]:
    title = stratum.name if stratum.name != "all" else "all tools"
    yield from _table((f"Panel: {title}", ""), view.headline(stratum), width)
    for name, rows in (("reviewers", stratum.personas), ("one number alone", stratum.baselines)):
        if shown := view.rankings(rows):
            yield ""
            yield from _table((f"Ranked by {name}: {title}", *view.HEAD[1:]), shown, width)


def _headed(title: str, width: int) -> tuple[str, str]:
    return title, "─" * min(_WIDTH, width)


def _table(head: tuple[str, ...], rows: view.Rows | view.Facts, width: int) -> Iterator[str]:
    """Yield rows whose first cell is wrapped where the others leave too little room for it."""
    others = [max(len(row[n]) for row in (head, *rows)) for n in range(1, len(head))]
    room = width - sum(others) - _GAP * len(others)
    if room < _NARROWEST:
        yield from _headed(head[0], width)
        for row in rows:
            yield row[0]
            yield from (f"  {cell}" for cell in row[1:])
        return
    first = min(room, max(len(row[0]) for row in (head, *rows)))
    for row in (head, *rows):
        lines = textwrap.wrap(row[0], first) or [""]
        cells = (cell.ljust(wide) for cell, wide in zip(row[1:], others, strict=True))
        yield (" " * _GAP).join((lines[0].ljust(first), *cells))
        yield from (f"  {rest}" for rest in lines[1:])
        if row is head:
            yield "─" * min(width, first + sum(others) + _GAP * len(others))


def _wrapped(lines: list[str], width: int) -> Iterator[str]:
    for text in lines:
        if len(text) <= width:
            yield text
            continue
        indent = " " * (len(text) - len(text.lstrip()))
        hanging = f"{indent}  " if indent or text.startswith("! ") else ""
        yield from textwrap.wrap(
            text.lstrip(),
            width,
            initial_indent=indent,
            subsequent_indent=hanging,
            break_long_words=False,
        )
