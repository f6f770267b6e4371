"""Forecasts, their scores and what was ruled on them, drawn for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from panel.cli.output import table
from panel.evidence.tools.identity import name_key
from panel.foundation.text import one_line
from panel.report import figures
from panel.runs.forecasts.resolutions import KnownForecast, Resolution, State
from panel.runs.forecasts.scores import FEWEST, ForecastScore

if TYPE_CHECKING:
    from panel.engine.resolve import RuledForecast

_QUIET: Final = "bright_black"
_MARKS: Final[dict[State, tuple[str, str]]] = {
    "open": ("○", _QUIET),
    "due": ("◆", "yellow"),
    "came true": ("✓", "green"),
    "did not": ("✕", "red"),
    "void": ("–", _QUIET),
}
_RULED: Final = {
    "yes": ("✓", "green", "came true"),
    "no": ("✕", "red", "did not"),
    "void": ("–", _QUIET, "void"),
    "ask": ("?", "yellow", "a person has to say"),
    "open": ("○", _QUIET, "open"),
}


def listed(known: Sequence[KnownForecast], today: date, *, due: bool) -> Iterator[RenderableType]:
    """Yield the forecasts by tool; those of all reviewers about one thing stand together."""
    if not known and due:
        yield Text("no forecast is due")
        return
    states = Counter(each.state(today) for each in known)
    counts = ", ".join(f"{states[state]:,} {state}" for state in _MARKS if states[state])
    tools = len({each.forecast.key for each in known})
    yield Text(f"{_many(len(known), 'forecast')} on {_many(tools, 'tool')}: {counts}")
    for _, of_tool in groupby(known, key=lambda each: each.forecast.key):
        every = [*of_tool]
        name = Text.assemble((one_line(every[0].forecast.tool), "bold"))
        yield Text("\n").append_text(_beside(name, every[0].forecast.key))
        for _, group in groupby(every, key=lambda each: each.forecast.id):
            yield from _forecast([*group], today)
    if states["due"]:
        yield Text("\nWhat became of those that are due: panel resolve", style=_QUIET)


def _beside(name: Text, key: str) -> Text:
    return name if name_key(name.plain) == key else name.append(f" ({key})", f"not bold {_QUIET}")


def _forecast(group: Sequence[KnownForecast], today: date) -> Iterator[RenderableType]:
    made, state = group[0].forecast, group[0].state(today)
    mark, style = _MARKS[state]
    text = Text.assemble((made.id, "bold"), (f" {state}", style), f": {one_line(made.claim)}")
    text.append(f"\n{_who(group)}", _QUIET)
    if end := group[0].resolution:
        text.append(f"\n{_ended(end)}", _QUIET)
    yield _marked(mark, style, text)


def _who(group: Sequence[KnownForecast]) -> str:
    """Return who gave which probability, by judge."""
    by_judge: dict[str, list[str]] = {}
    for known in group:
        made = known.forecast
        chance = figures.probability(made.probability) or "without a probability"
        by_judge.setdefault(made.model, []).append(f"{one_line(made.reviewer)} {chance}")
    return "; ".join(f"{', '.join(who)} ({one_line(judge)})" for judge, who in by_judge.items())


def _ended(end: Resolution) -> str:
    parts = [f"{end.decided}, {end.date}"]
    if end.note:
        parts.append(one_line(end.note))
    return f"{': '.join(parts)}{_quoted(end.passage, end.source, end.read)}"


def _quoted(passage: str | None, source: str | None, read: date | None) -> str:
    quote = f" “{one_line(passage)}”" if passage else ""
    where = f" {one_line(source)}" if source else ""
    return f"{quote}{where}{f', read {read}' if read and where else ''}"


def _marked(mark: str, style: str, text: Text) -> RenderableType:
    """Draw a text that hangs behind a mark."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark, style), text)
    return Padding(grid, (0, 0, 0, 2), expand=False)


def scores(groups: Sequence[ForecastScore]) -> Iterator[RenderableType]:
    """Yield the scores as a table, and the calibration of those that have one."""
    rows = [(_name(s), s.resolved, s.came_true, _figure(s.brier), _figure(s.skill)) for s in groups]
    yield table(("", "Resolved", "Came true", "Brier", "Skill"), rows)
    bins = [
        (_name(score), f"{100 * each.low:.0f}–{each.high:.0%}", each.forecasts, f"{each.mean:.0%}",
         f"{each.share:.0%}")
        for score in groups
        for each in score.bins
    ]  # fmt: skip
    if bins:
        yield Text("Calibration: what was given, and the share that came true")
        yield table(("", "Given", "Forecasts", "Mean", "Came true"), bins)
    if any(score.brier is None for score in groups):
        yield Text(f"A figure is given from {FEWEST} resolved forecasts on.", style=_QUIET)


def _name(score: ForecastScore) -> str:
    return "All" if score.by == "all" else f"{score.by.title()}: {one_line(score.who)}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def ruled(every: Sequence["RuledForecast"], today: date) -> Iterator[RenderableType]:
    """Yield what was ruled on forecasts, by tool, and the command for those that are asked."""
    for _, of_tool in groupby(every, key=lambda each: each.forecast.key):
        group = [*of_tool]
        made = group[0].forecast
        yield _beside(Text(one_line(made.tool), style="bold"), made.key)
        yield from map(_ruling, group)
    if asked := sum(_is_for_a_person(each, today) for each in every):
        command = "panel resolve TOOL --forecast ID --as yes|no|void --because TEXT"
        yield Text(f"{_many(asked, 'forecast')} for a person to decide: {command}", style=_QUIET)


def _is_for_a_person(each: "RuledForecast", today: date) -> bool:
    """Tell whether code cannot tell, or could not read by the day what would have shown it."""
    outcome = each.ruling.outcome
    return outcome == "ask" or (outcome == "open" and each.forecast.by < today)


def _ruling(each: "RuledForecast") -> RenderableType:
    made, ruling = each.forecast, each.ruling
    mark, style, words = _RULED[ruling.outcome]
    why = f": {one_line(ruling.why)}" if ruling.why else ""
    text = Text.assemble((made.id, "bold"), (f" {words}", style), why)
    if ruling.outcome == "ask" and not made.proposition:
        text.append(f"\n“{one_line(made.claim)}”")
    if ruling.passage and ruling.outcome != "open":
        quote = _quoted(ruling.passage[:400], ruling.source, ruling.read).strip()
        text.append(f"\n{quote}", _QUIET)
    return _marked(mark, style, text)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
