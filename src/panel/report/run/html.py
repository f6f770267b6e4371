"""HTML: one self-contained page about a run, to sort, filter, search; readable without script."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markupsafe import Markup, escape

from panel.report import figures
from panel.report.citations import line
from panel.report.run import plots
from panel.report.run.view import STEP, RunView, run_view
from panel.report.scorecard.files import card_file
from panel.report.scorecard.html import SUFFIX as CARD_SUFFIX
from panel.report.scorecard.html import style_hash, stylesheet
from panel.report.scorecard.summary import SummaryRow
from panel.report.scorecard.view import GLYPHS
from panel.report.templating import FOLDER, html_template
from panel.runs.call_statistics import CallStatistics, asked_models, call_statistics
from panel.runs.folders import REPORT
from panel.runs.metadata import stored_canaries
from panel.runs.run import Run

SUFFIX = ".html"

_SHOWN: Final = 12
"""Reasons of failed calls that are named a provider."""


def report_file(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the page that stands in the folder of the run at `path`."""
    with Run.open(path) as run:
        yield REPORT, folder_page(run)


def folder_page(run: Run) -> str:
    """Return the page that stands in the run's folder: it links to the scorecards there."""
    slugs = {
        name.removesuffix(CARD_SUFFIX)
        for name in run.has_files("scorecards")
        if name.endswith(CARD_SUFFIX)
    }
    return render(run, linked=slugs)


def render(run: Run, *, linked: Collection[str] = ()) -> str:
    """Return the page.

    Args:
        run: an open run, which is read once, a scorecard at a time.
        linked: slugs of the tools whose page stands in the folder `scorecards` beside this one.
    """
    shown, calls = run_view(run.each_verdict()), call_statistics(run)
    left = len(run.stored.slugs()) - len(shown.summary.rows)
    style = stylesheet() + _text("judged.css") + _text("run.css")
    script = _text("run.js")
    return html_template("run.html").render(
        view=shown,
        title=f"{len(shown.summary.rows):,} tools reviewed",
        run=line(run.name),
        made=figures.moment(run.manifest.created),
        by=_judges(run),
        caution=line(stored_canaries(run).caution),
        left=left,
        rows=_rows(shown, linked),
        bars=plots.distribution(
            dict(shown.bins), shown.ship_at, "How many tools have which score, by verdict"
        ),
        steps=_steps(shown),
        cells=plots.heat_map(
            shown.criteria,
            {seat.name: seat.title for seat in shown.summary.seats},
            "Shares of yes, unclear and no for each question of each reviewer",
        ),
        calls=[_call_row(row) for row in calls],
        times=_times(calls),
        style=style,
        style_hash=style_hash(style),
        script=script,
        script_hash=style_hash(script),
    )


@dataclass(frozen=True)
class _CallRow:
    """Statistics of calls as texts."""

    who: str
    cells: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]
    """Why calls brought no usable answer, and how many."""


def _call_row(row: CallStatistics) -> _CallRow:
    reused = f" + {row.reused:,} reused" if row.reused else ""
    tokens = [
        figures.count(n, uncounted=row.uncounted) for n in (row.input_tokens, row.output_tokens)
    ]
    read, written = tokens if row.calls else ("–", "–")
    known = row.input_tokens and row.cached_tokens is not None
    cached = f"{(row.cached_tokens or 0) / (row.input_tokens or 1):.0%}" if known else "–"
    cells = (
        line(row.provider),
        line(row.model),
        f"{row.calls:,}{reused}",
        f"{row.failures.total():,}",
        _seconds(row.percentile(0.5)),
        _seconds(row.percentile(0.95)),
        read,
        cached,
        written,
        figures.money(row.cost_usd, unpriced=row.unpriced) if row.calls else "–",
    )
    reasons = tuple((line(why), f"{n:,}") for why, n in row.failures.most_common(_SHOWN))
    return _CallRow(line(row.provider), cells, reasons)


def _seconds(value: float | None) -> str:
    return "–" if value is None else figures.duration(value)


def _judges(run: Run) -> str:
    providers, models = asked_models(run)
    return f"{line(models)} through {line(providers)}"


def _times(calls: tuple[CallStatistics, ...]) -> str:
    rows = []
    for row in calls:
        low, middle, high = (row.percentile(share) for share in (0.05, 0.5, 0.95))
        if low is not None and middle is not None and high is not None:
            rows.append((f"{line(row.model)} · {line(row.provider)}", low, middle, high))
    return plots.spans(rows, "Seconds to an answer, by provider and model") if rows else ""


def _steps(shown: RunView) -> list[list[object]]:
    """Return the numbers of the distribution: a row a step with tools in it."""
    rows: list[list[object]] = []
    for place in range(100 // STEP):
        counts = [bins[place] for _, bins in shown.bins]
        if any(counts):
            rows.append([f"{place * STEP}–{(place + 1) * STEP}", *counts])
    return rows


def _rows(shown: RunView, linked: Collection[str]) -> Markup:
    """Return the rows of the ranked table.

    There may be ten thousand: they are written without a template, and without the end tags that
    HTML does not need.
    """
    seats = [seat.name for seat in shown.summary.seats]
    has_categories = bool(shown.categories)
    lines = []
    for place, row in enumerate(shown.summary.rows, 1):
        name = escape(row.name)
        if row.slug in linked:
            name = Markup('<a href="{}">{}</a>').format(card_file(row.slug, CARD_SUFFIX), name)
        category = f"<td>{escape(row.category)}" if has_categories else ""
        votes = "".join(_vote(row, seat) for seat in seats)
        lines.append(
            f"<tr><td>{place}<th scope=row>{name}"
            f"<td class={row.outcome}>{GLYPHS[row.outcome]} {row.outcome}"
            f"<td>{figures.percent(row.ship_percent)}<td>{figures.score(row.score)}{votes}{category}\n"
        )
    return Markup("".join(lines))


def _vote(row: SummaryRow, seat: str) -> str:
    if seat not in row.votes:
        return "<td>"
    vote, score = row.votes[seat]
    number = "" if score is None else f" {figures.score(score)}"
    return f"<td class={vote}>{GLYPHS[vote]}{number or f' {vote}'}"


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
