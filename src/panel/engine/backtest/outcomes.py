"""The folder of a backtest: a tool list, and what became of its tools in `outcomes.csv`."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, get_args

from panel.evidence.tools.list_formats import Row, column_rows
from panel.evidence.tools.tool import Tool
from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import ToolError
from panel.foundation.strict_yaml import read_text
from panel.foundation.text import printable
from panel.reviews.backtest.report import Fate

TOOLS: Final = "tools.yaml"
OUTCOMES: Final = "outcomes.csv"
MAX_BYTES: Final = 16_000_000

NAMED: Final = ("slug", "outcome", "pair", "as_of", "known_at", "why", "label_note")
"""Columns that mean something here; every other one may be a baseline."""

_HEADER: Final = ",".join(NAMED[:3])

FATES: Final[tuple[Fate, ...]] = get_args(Fate)


@dataclass(frozen=True)
class BacktestCase:
    """One tool of a backtest and what became of it."""

    tool: Tool
    fate: Fate
    pair: str | None = None
    as_of: date | None = None
    """The day of which its evidence is."""
    known_at: date | None = None
    """The day on which its fate was known."""
    why: str = ""
    label_note: str = ""
    """Why a stricter reader might set the fate otherwise."""
    cells: Mapping[str, str] | None = None
    """The other columns of its row, those that are not empty."""

    def number(self, column: str) -> float | None:
        """Return what a column holds, None where it is empty or no finite number."""
        return number((self.cells or {}).get(column))


def number(text: str | None) -> float | None:
    """Return the finite number in a cell; None where there is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def read_outcomes(path: Path, tools: Sequence[Tool]) -> tuple[BacktestCase, ...]:
    """Return the tools with their fates, in the order of the list.

    Raises:
        ToolError: naming file and line: an unknown slug, a missing outcome, a word that is no
            outcome, a day that is none, a pair without one of each.
    """
    rows, _ = column_rows(read_text(path, limit=MAX_BYTES), str(path), ",")
    by_slug = {tool.slug: tool for tool in tools}
    cases: dict[str, BacktestCase] = {}
    pairs: dict[str, list[tuple[Row, BacktestCase]]] = defaultdict(list)
    for row in rows:
        case = _case(row, by_slug)
        if case.tool.slug in cases:
            raise ToolError(f"{row.place()}: {case.tool.slug!r} stands twice")
        cases[case.tool.slug] = case
        if case.pair is not None:
            pairs[case.pair].append((row, case))
    if not cases:
        raise ToolError(f"{path}: no rows in it", hint=f"its first line is {_HEADER}")
    if lacking := [slug for slug in by_slug if slug not in cases]:
        raise ToolError(
            f"{path}: no outcome of {lacking[0]!r}, a tool of {TOOLS}",
            hint=f"add a row: {lacking[0]},lived",
        )
    for name, members in pairs.items():
        _check_pair(name, members)
    _check_both(path, cases.values())
    return tuple(cases[tool.slug] for tool in tools)


def first_cases(cases: Sequence[BacktestCase], limit: int | None) -> tuple[BacktestCase, ...]:
    """Return the first so many tools, pairs whole: the last pair may make it one more."""
    if limit is None:
        return tuple(cases)
    partners: dict[str, list[BacktestCase]] = defaultdict(list)
    for case in cases:
        if case.pair is not None:
            partners[case.pair].append(case)
    taken: dict[str, BacktestCase] = {}
    for case in cases:
        if len(taken) >= limit:
            break
        for member in partners.get(case.pair or "", [case]):
            taken[member.tool.slug] = member
    return tuple(case for case in cases if case.tool.slug in taken)


def _case(row: Row, by_slug: Mapping[str, Tool]) -> BacktestCase:
    cells = {key: str(cell).strip() for key, cell in row.values.items() if cell}
    cells = {key: cell for key, cell in cells.items() if cell}
    if not (slug := cells.get("slug")):
        raise ToolError(f"{row.place()}: no slug", hint=f"its first line is {_HEADER}")
    if slug not in by_slug:
        raise ToolError(
            f"{row.place()}: no tool of {TOOLS} has the slug {printable(slug)[:80]!r}",
            hint=did_you_mean(slug, by_slug, most=1) or f"there is {next(iter(by_slug), 'none')}",
        )
    case = BacktestCase(
        tool=by_slug[slug],
        fate=_fate(row, slug, cells.get("outcome")),
        pair=cells.get("pair"),
        as_of=_day(row, "as_of", cells.get("as_of")),
        known_at=_day(row, "known_at", cells.get("known_at")),
        why=cells.get("why", ""),
        label_note=cells.get("label_note", ""),
        cells={key: cell for key, cell in cells.items() if key not in NAMED},
    )
    if case.as_of and case.known_at and case.known_at <= case.as_of:
        raise ToolError(
            f"{row.place()}: the fate of {slug!r} was known at {case.known_at}, and its evidence"
            f" is of {case.as_of}: it may tell the fate",
            hint="evidence of a day before the fate was known",
        )
    return case


def _fate(row: Row, slug: str, text: str | None) -> Fate:
    if text is None:
        raise ToolError(f"{row.place()}: no outcome of {slug!r}", hint="lived or died")
    for fate in FATES:
        if text.casefold() == fate:
            return fate
    raise ToolError(
        f"{row.place()}: {printable(text)[:40]!r} is no outcome", hint=" or ".join(FATES)
    )


def _day(row: Row, column: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ToolError(
            f"{row.place()}: {column} {printable(text)[:40]!r} is no day",
            hint="YEAR-MONTH-DAY, for instance 2024-08-01",
        ) from None


def _check_pair(name: str, members: Sequence[tuple[Row, BacktestCase]]) -> None:
    fates = sorted(case.fate for _, case in members)
    if fates == ["died", "lived"]:
        return
    row, _ = members[-1]
    listed = ", ".join(f"{case.tool.slug} {case.fate}" for _, case in members[:4])
    raise ToolError(
        f"{row.place()}: pair {printable(name)[:40]!r} is not one that lived and one that died:"
        f" {listed}",
        hint="leave the pair of a single tool empty",
    )


def _check_both(path: Path, cases: Iterable[BacktestCase]) -> None:
    fates = {case.fate for case in cases}
    if fates != set(FATES):
        raise ToolError(
            f"{path}: every tool {next(iter(fates))}: nothing can be told apart",
            hint="some that lived and some that died are needed",
        )
