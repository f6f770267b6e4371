"""`forecasts.yaml` in the runs folder: what became of forecasts, as code or a person decided.

A list of entries. A person may write one by hand, with the first keys:

    - tool: quillstore            # the tool's name or its key in addresses
      reviewer: skeptic           # or: proposition: licence, for all reviewers
      by: 2027-11-22              # the forecast's own day
      claim: Replication is still # its beginning; only where two forecasts share a day
      came_true: no               # yes, no, or void where it can be neither
      date: 2027-11-23            # when it was judged
      note: 2.0 ships replication # optional
      decided: code               # and the passage by which it did:
      passage: "Licence: BUSL-1.1."
      source: https://api.github.com/repos/acme/widget
      read: 2027-11-20

A forecast is resolved once: its first entry counts, and no entry is added for it.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Day
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panel.evidence.tools.identity import folded, name_key
from panel.foundation.atomic_files import write_atomic, write_error
from panel.foundation.errors import InputError, RunStopped
from panel.foundation.file_lock import FileLock, LockHeld
from panel.foundation.strict_yaml import MAX_BYTES, read_text, read_yaml_lines
from panel.foundation.text import clean, one_line
from panel.runs.forecasts.made import MadeForecast

FILE: Final = "forecasts.yaml"

LARGEST: Final = 50_000_000
"""Bytes of the file: some 150,000 entries."""
_LOCK: Final = ".forecasts.lock"
_PATIENCE: Final = 10.0
"""Seconds to wait for another process that adds entries."""

Outcome = Literal["yes", "no", "void"]
State = Literal["open", "due", "came true", "did not", "void"]
STATES: Final[Mapping[Outcome, State]] = {"yes": "came true", "no": "did not", "void": "void"}


class Resolution(BaseModel):
    """One forecast's end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = Field(min_length=1)
    reviewer: str = ""
    proposition: str = ""
    by: Day
    claim: str = ""
    came_true: Outcome
    date: Day
    note: str | None = None
    decided: Literal["code", "person"] = "person"
    passage: str | None = None
    """The words that decided."""
    source: str | None = None
    """The address or file that they were read from."""
    read: Day | None = None

    @model_validator(mode="after")
    def _about_one(self) -> Self:
        if bool(self.reviewer) == bool(self.proposition):
            raise ValueError("name the reviewer, or the proposition")
        return self

    def meets(self, forecast: MadeForecast) -> bool:
        """Tell whether this is the end of that forecast."""
        about = (
            self.proposition == forecast.proposition
            if self.proposition or forecast.proposition
            else self.reviewer == forecast.reviewer
            and folded(forecast.claim).startswith(folded(self.claim))
        )
        named = self.tool in forecast.names or name_key(self.tool) in forecast.names
        return about and self.by == forecast.by and named


@dataclass(frozen=True, slots=True)
class KnownForecast:
    """A forecast with what became of it."""

    forecast: MadeForecast
    resolution: Resolution | None = None

    def state(self, today: Day) -> State:
        """Return what became of it; one of `today` or before that has no end is due."""
        if self.resolution:
            return STATES[self.resolution.came_true]
        return "due" if self.forecast.by <= today else "open"


class _Ends:
    """Resolutions, found by the forecast that they may be the end of."""

    def __init__(self, resolutions: Iterable[Resolution]) -> None:
        self._by_tool: dict[tuple[Day, str], list[tuple[int, Resolution]]] = defaultdict(list)
        self._count = 0
        for resolution in resolutions:
            self.add(resolution)

    def add(self, end: Resolution) -> None:
        for name in {end.tool, name_key(end.tool)}:
            self._by_tool[end.by, name].append((self._count, end))
        self._count += 1

    def first(self, forecast: MadeForecast) -> Resolution | None:
        """Return the first resolution, in the order they were added, that meets a forecast."""
        named = (self._by_tool.get((forecast.by, name), ()) for name in forecast.names)
        meeting = ((n, end) for ends in named for n, end in ends if end.meets(forecast))
        return min(meeting, key=lambda pair: pair[0], default=(0, None))[1]


def known_forecasts(
    forecasts: Iterable[MadeForecast], resolutions: Sequence[Resolution]
) -> tuple[KnownForecast, ...]:
    """Return the forecasts, each with the first resolution that meets it."""
    ends = _Ends(resolutions)
    return tuple(KnownForecast(made, ends.first(made)) for made in forecasts)


def unmet(resolutions: Sequence[Resolution], forecasts: Sequence[MadeForecast]) -> tuple[str, ...]:
    """Return a line for each resolution that meets no forecast, or that another one precedes."""
    first = {id(known.resolution) for known in known_forecasts(forecasts, resolutions)}
    lines = []
    for end in resolutions:
        if id(end) in first:
            continue
        meets = any(end.meets(forecast) for forecast in forecasts)
        what = "is resolved before" if meets else "does not exist"
        name = end.reviewer or end.proposition
        lines.append(f"{FILE}: the forecast of {name} on {end.tool} by {end.by} {what}")
    return tuple(lines)


def read_resolutions(runs: Path) -> tuple[Resolution, ...]:
    """Return what `forecasts.yaml` in a runs folder says; () where there is no such file.

    Raises `InputError` naming the file, the line and the key.
    """
    path = runs / FILE
    if not path.exists():
        return ()
    return _parsed(read_text(path, limit=LARGEST, error=InputError), path)


class ResolutionFile:
    """`forecasts.yaml` of a runs folder, read again when it has changed."""

    def __init__(self, runs: Path, *, on_trouble: Callable[[str], None] | None = None) -> None:
        """Read the file; raises `InputError` as `read_resolutions`.

        `on_trouble` takes a line where a later state of it cannot be read.
        """
        self._runs = runs
        self._on_trouble = on_trouble
        self._stamp = self._stamped()
        self._ends = read_resolutions(runs)

    def read(self) -> tuple[Resolution, ...]:
        """Return what the file says now; what it said before while it cannot be read."""
        if (stamp := self._stamped()) != self._stamp:
            self._stamp = stamp
            try:
                self._ends = read_resolutions(self._runs)
            except InputError as error:
                if self._on_trouble:
                    self._on_trouble(f"{error.message}; what it said before still counts")
        return self._ends

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            found = (self._runs / FILE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def record(runs: Path, ends: Sequence[tuple[MadeForecast, Resolution]]) -> tuple[Resolution, ...]:
    """Add the ends of forecasts to the file, whole or not at all, and return those that are new.

    Raises:
        InputError: a forecast has another end already, or the file cannot be read.
        RunStopped: another process keeps the file's lock.
        RunError: the file cannot be written; or `DiskFull`.
    """
    path = runs / FILE
    with _locked(runs):
        text = read_text(path, limit=LARGEST, error=InputError) if path.exists() else ""
        known = _parsed(text, path)
        every = _Ends(known)
        new: list[Resolution] = []
        for forecast, end in ends:
            before = every.first(forecast)
            if before is None:
                new.append(end)
                every.add(end)
            elif before.came_true != end.came_true:
                raise InputError(
                    f"{forecast.id} of {forecast.tool} is resolved already: {before.came_true},"
                    f" judged on {before.date}; a forecast is resolved once"
                )
        if new:
            gap = "" if not text or text.endswith("\n") else "\n"
            text = f"{text}{gap}{''.join(map(_entry, new))}"
            if _parsed(text, path) != (*known, *new):
                raise InputError(f"{path}: an entry cannot be added to a list of this form")
            write_atomic(runs, FILE, [text])
    return tuple(new)


@contextlib.contextmanager
def _locked(runs: Path) -> Iterator[None]:
    path = runs / _LOCK
    try:
        lock = FileLock(path, transient=True, mode=0o644)
        lock.acquire(_PATIENCE)
    except LockHeld:
        raise RunStopped(f"another process is writing {runs / FILE}", hint="try again") from None
    except OSError as error:
        raise write_error(error, path) from error
    try:
        yield
    finally:
        lock.release()


def _entry(end: Resolution) -> str:
    values = end.model_dump(mode="json", exclude_defaults=True)
    return "".join(
        f"{'  ' if place else '- '}{name}: {_scalar(name, value)}\n"
        for place, (name, value) in enumerate(values.items())
    )


def _scalar(name: str, value: str) -> str:
    """Return a text in quotes, which are the same in YAML as in JSON; a day or a word bare."""
    if name in {"by", "date", "read", "came_true", "decided"}:
        return value
    return json.dumps(value, ensure_ascii=False)


def in_one_line(text: str, limit: int = 500) -> str:
    """Return a text as an entry holds it: on one line, nothing invisible, cut to `limit`."""
    line = one_line(clean(text)[0])
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _parsed(text: str, path: Path) -> tuple[Resolution, ...]:
    ends: list[Resolution] = []
    for first_line, piece in _pieces(text):
        entries, lines = read_yaml_lines(
            piece, where=str(path), error=InputError, first_line=first_line
        )
        if entries is None:
            continue
        if not isinstance(entries, list):
            where = f"{path} line {first_line}"
            raise InputError(f"{where}: must be a list of entries that start with `- tool:`")
        for number, entry in enumerate(entries):
            ends.append(_resolution(entry, f"{path} line {lines[(number,)]}"))
    return tuple(ends)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield the text with its first line, in pieces between entries where it is a long one."""
    if len(text) * 4 <= MAX_BYTES:
        yield 1, text
        return
    held: list[str] = []
    size, first = 0, 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if size > MAX_BYTES // 8 and line.startswith("- "):
            yield first, "".join(held)
            held, size, first = [], 0, number
        held.append(line)
        size += len(line)
    yield first, "".join(held)


def _resolution(entry: Any, where: str) -> Resolution:
    try:
        return Resolution.model_validate(entry)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        if key == "came_true" and first["type"] == "literal_error":
            what = "say yes, no or void"
        problem = f"unknown key {key!r}" if first["type"] == "extra_forbidden" else f"{key}: {what}"
        raise InputError(f"{where}: {problem.removeprefix(': ')}") from None
