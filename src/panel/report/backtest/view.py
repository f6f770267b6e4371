"""What a backtest's report says, as texts and rows: pure, and ignorant of any format."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from panel.report import figures
from panel.report.citations import line
from panel.reviews.backtest.report import (
    Area,
    BacktestReport,
    BacktestTool,
    Baseline,
    RankedBy,
    Stratum,
)

Facts = tuple[tuple[str, str], ...]
"""What was measured, and the value."""
Rows = tuple[tuple[str, ...], ...]

METHOD: Final = (
    "Intervals are of 95 %: Wilson's for shares, and for AUC the percentile bootstrap over pairs"
    " (2,000 draws, one seed). A tie counts one half. AUC is the chance that a tool that lived"
    " stands above one that died: 0.5 is chance."
)
HEAD: Final = ("ranked by", "pairs right", "AUC")


class Miss(NamedTuple):
    """Tools that the panel put in the wrong order, or one that it judged wrong."""

    summary: str
    tools: tuple[str, ...]
    """Of each tool what was said and what became of it."""


def conclusion(report: BacktestReport) -> tuple[str, ...]:
    """Return what to make of it, in two or three sentences."""
    figures_of_all = report.all
    score = figures_of_all.score
    sentences = []
    best = best_baseline(figures_of_all)
    if score.pairs.total:
        low, high = 100 * score.pairs.low, 100 * score.pairs.high
        sentences.append(
            f"The panel's score ranks {score.pairs} pairs right ({low:.0f}–{high:.0f}%)."
        )
        if best is not None:
            sentences.append(f"{_capital(best.label)} alone ranks {best.pairs.count:g}.")
        if (chosen := figures_of_all.chosen_baseline) is not None:
            sentences.append(f"{_capital(chosen.label)}, ranks {chosen.pairs.count:g}.")
    elif score.area is not None:
        sentences.append(f"The panel's score has an AUC of {area(score.area)}.")
        if best is not None:
            sentences.append(f"{_capital(best.label)} alone has {area(best.area)}.")
    lived, died = figures_of_all.shipped_lived, figures_of_all.shipped_died
    sentences.append(f"It ships {lived} tools that lived and {died} that died.")
    return tuple(sentences)


def best_baseline(stratum: Stratum) -> Baseline | None:
    """Return the best number whose direction is known beforehand: by pairs, else by AUC."""
    known = [row for row in stratum.baselines if not row.by_outcome]

    def rank(row: Baseline) -> tuple[float, float]:
        return row.pairs.share or 0.0, row.area.value if row.area else 0.0

    return max(known, key=rank, default=None)


def beats_best(report: BacktestReport) -> bool:
    """Tell whether the score ranks at least as well as the best number alone."""
    best, score = best_baseline(report.all), report.all.score
    if best is None:
        return True
    if score.pairs.total:
        return (score.pairs.share or 0.0) >= (best.pairs.share or 0.0)
    return bool(score.area and best.area and score.area.value >= best.area.value)


def headline(stratum: Stratum) -> Facts:
    """Return the figures of one stratum about the panel as a whole."""
    brier = "none to count"
    if stratum.brier is not None and stratum.brier_base is not None:
        brier = f"{stratum.brier:.3f} (base rate {stratum.brier_base:.3f})"
        if stratum.forecasts < stratum.tools:
            brier += f", {stratum.forecasts} of {stratum.tools} tools"
    return (
        ("tools", f"{stratum.lived} lived, {stratum.died} died"),
        ("pairs ranked right by score", figures.share(stratum.score.pairs)),
        ("AUC of the score", area(stratum.score.area)),
        ("pairs ranked right by ship %", figures.share(stratum.ship_percent.pairs)),
        ("AUC of ship %", area(stratum.ship_percent.area)),
        ("tools that lived and ship", figures.share(stratum.shipped_lived)),
        ("tools that died and ship", figures.share(stratum.shipped_died)),
        ("ship rates apart", figures.apart(stratum.shipped_lived, stratum.shipped_died)),
        ("neither ship nor skip", str(stratum.undecided)),
        ("Brier score of ship %", brier),
    )


def numbers_alone(stratum: Stratum) -> Rows:
    """Return how each number alone ranks the tools, best first, and last the best as chosen."""
    chosen = stratum.chosen_baseline
    last = () if chosen is None else ((chosen.label, figures.share(chosen.pairs), ""),)
    return (*rankings(stratum.baselines), *last)


def rankings(rows: Iterable[RankedBy], *, questions: bool = False) -> Rows:
    """Return how numbers rank the tools, best first; a baseline's label names its direction.

    With `questions`, criteria are named by their questions.
    """

    def rank(row: RankedBy) -> tuple[float, float]:
        return row.pairs.share or 0.0, row.area.value if row.area else 0.0

    return tuple(
        (_label(row, questions=questions), figures.share(row.pairs), area(row.area))
        for row in sorted(rows, key=rank, reverse=True)
    )


def area(value: Area | None) -> str:
    """Write an area with its interval: `0.812 (0.70–0.91)`."""
    if value is None:
        return figures.UNKNOWN
    if value.low is None or value.high is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} ({value.low:.2f}–{value.high:.2f})"


def misses(report: BacktestReport) -> tuple[Miss, ...]:
    """Return the pairs in the wrong order or level, and single tools whose verdict was wrong."""
    return tuple(_misses(report.tools))


def price(report: BacktestReport) -> Facts:
    """Return what was asked and what it took in this run."""
    usage = report.usage
    tokens = figures.tokens(
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        uncounted=usage.uncounted_calls,
    )
    return (
        ("list", f"{line(report.folder)}, {report.all.tools} of {report.listed} tools"),
        ("shown", line(report.shown)),
        ("evidence as of", _days(report)),
        ("reviewers", ", ".join(report.personas)),
        ("answers a reviewer", str(report.samples)),
        ("reviews that could not be had", figures.share(report.missing)),
        ("calls", f"{usage.calls:,}, {usage.reused_calls:,} answers reused"),
        ("tokens", tokens),
        ("cost", figures.money(usage.cost_usd, unpriced=usage.unpriced_calls)),
        ("time with a call in flight", figures.duration(usage.seconds)),
        ("run", report.run),
    )


def _days(report: BacktestReport) -> str:
    if report.as_of is None:
        return "the day of reading: no row has as_of"
    first, last = report.as_of
    return figures.day(first) if first == last else f"{figures.day(first)} to {figures.day(last)}"


def _label(row: RankedBy, *, questions: bool) -> str:
    if not isinstance(row, Baseline):
        is_criterion = "." in row.name
        return line(f"{row.name}: {row.label}" if questions and is_criterion else row.name)
    remarks = ["direction by outcome"] if row.by_outcome else []
    remarks += [f"{row.unknown} without it rank last"] if row.unknown else []
    return f"{line(row.label)} ({'; '.join([row.better, *remarks])})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _misses(tools: tuple[BacktestTool, ...]) -> Iterator[Miss]:
    pairs: dict[str, dict[str, BacktestTool]] = {}
    for tool in tools:
        if tool.pair is not None:
            pairs.setdefault(tool.pair, {})[tool.fate] = tool
    for name, two in pairs.items():
        if len(two) == 2 and (word := _wrong(two["lived"], two["died"])):
            summary = f"{line(name)}: {line(two['died'].name)} {word} {line(two['lived'].name)}"
            yield Miss(summary, (_told(two["died"]), _told(two["lived"])))
    for tool in tools:
        shipped = tool.outcome == "ship"
        if len(pairs.get(tool.pair or "", ())) < 2 and shipped != (tool.fate == "lived"):
            yield Miss(f"{line(tool.name)}: {tool.outcome}, and it {tool.fate}", (_told(tool),))


def _wrong(lived: BacktestTool, died: BacktestTool) -> str:
    if lived.score is None or died.score is None or lived.score > died.score:
        return ""
    return "stands level with" if lived.score == died.score else "stands above"


def _told(tool: BacktestTool) -> str:
    percent = "no ship %" if tool.ship_percent is None else f"ship {tool.ship_percent:.0f}%"
    score = figures.score(tool.score)
    words = f"{line(tool.name)} {tool.fate}: {tool.outcome}, score {score}, {percent}"
    if tool.why:
        words += f". What became of it: {line(tool.why)}"
    return f"{words}. Label: {line(tool.label_note)}" if tool.label_note else words
