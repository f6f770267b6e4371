"""The files of a run folder compared with its journal: scorecards, verdicts and their quotes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from panel.engine.verify.quotes import quotes, stands_in
from panel.engine.verify.report import VerifyReport
from panel.evidence.source import Source
from panel.report.run.html import folder_page
from panel.report.scorecard.files import STORED_SUFFIXES, card_texts
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import REPORT, VERDICTS
from panel.runs.manifest import by_this_version
from panel.runs.run import Run


class FileCheck:
    """Compares every file that people or programs read with the journal, as far as it is there."""

    def __init__(self, run: Run, report: VerifyReport) -> None:
        """Look which scorecards there are, and open `verdicts.jsonl`."""
        self._run = run
        self._report = report
        self._as_today = by_this_version(run.manifest)
        self._there = {path.name for path in (run.path / _FOLDER).glob("*")}
        self._known: set[str] = set()
        self._verdicts = _VerdictLines(run.path / VERDICTS)
        self._written = run.has_files(_FOLDER)
        self._cards = 0

    def check(self, card: Scorecard) -> None:
        """Compare the files of a scorecard, and its line among all verdicts."""
        self._cards += 1
        slug = card.tool.slug
        names = {f"{slug}{suffix}" for suffix in STORED_SUFFIXES}
        self._known |= names
        if names & self._there:
            for suffix, text in card_texts(card):
                if f"{slug}{suffix}" in self._there:
                    self._card_file(f"{slug}{suffix}", text, card)
        self._verdict(card)

    def check_rest(self) -> None:
        """Check that there are no other files, and what is about all tools."""
        report = self._report
        unfinished = {
            f"{slug}{suffix}" for slug in self._run.stored.slugs() for suffix in STORED_SUFFIXES
        }
        for name in sorted(self._there - self._known):
            if name in unfinished:
                report.notes.append(f"{_FOLDER}/{name} is of a tool without a verdict")
            else:
                report.check("files", False, f"{_FOLDER}/{name} is no file of this run")
        gone = sorted(self._written - self._there)
        if len(gone) > _NAMED:
            report.notes.append(f"{len(gone):,} files of {_FOLDER}/ are not there")
        else:
            report.notes += [f"{_FOLDER}/{name} is not there" for name in gone]
        if not self._verdicts.is_there:
            report.notes.append(f"{VERDICTS} is not there")
        else:
            lines = self._verdicts.count()
            what = f"{VERDICTS} has {lines} lines for {self._cards} tools"
            report.check("files", lines == self._cards, what)
        self._report_page()

    def _report_page(self) -> None:
        """Compare the run's page, which other versions of panel write otherwise."""
        page = self._run.path / REPORT
        if not page.is_file():
            if self._run.stored.has_file(REPORT):
                self._report.notes.append(f"{REPORT} is not there")
        elif self._as_today and self._run.manifest.finished:
            line = _first_difference(_text(page), folder_page(self._run))
            what = f"{REPORT} is not what the journal gives, from line {line} on"
            self._report.check("files", not line, what)

    def _card_file(self, name: str, rendered: str, card: Scorecard) -> None:
        report, path = self._report, self._run.path / _FOLDER / name
        text, where = _text(path), f"{_FOLDER}/{name}"
        if path.suffix == ".json":
            # Equal texts are equal values: the rest is for other versions.
            same = text == rendered
            wrong = [] if same else list(_differences(_parsed(text), json.loads(rendered)))
            what = f"{where} differs: {'; '.join(wrong[:4])}"
            report.check("files", not wrong, what, tool=card.tool.slug)
            return
        # Cards before 0.2 and other versions of panel have another layout; their quotes must be in
        # their passages anyway.
        if card.schema_ == _SCHEMA and self._as_today:
            line = _first_difference(text, rendered)
            what = f"{where} is not what the journal gives, from line {line} on"
            report.check("files", not line, what, tool=card.tool.slug)
        for quote, cite in quotes(path.suffix, text):
            what = f"{where} quotes {cite} with words that are not in it"
            holds = stands_in(quote, _passage(cite, card.evidence))
            report.check("quotes", holds, what, tool=card.tool.slug)

    def _verdict(self, card: Scorecard) -> None:
        if not self._verdicts.is_there:
            return
        text, wrong = card.model_dump_json(by_alias=True), []
        if not self._verdicts.goes_on_with(text):
            line = self._verdicts.line(card.tool.slug)
            wrong = list(_differences(_parsed(line), json.loads(text)))
        what = f"{VERDICTS} differs: {'; '.join(wrong[:4])}"
        self._report.check("files", not wrong, what, tool=card.tool.slug)


class _VerdictLines:
    """The lines of `verdicts.jsonl`, one after the other; by tool only where they differ."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] | None = None
        self.lines = 0
        self.is_there = path.is_file()
        self._next = _lines_of(path) if self.is_there else iter(())

    def goes_on_with(self, text: str) -> bool:
        """Tell whether the next line is this text."""
        line = next(self._next, None)
        self.lines += line is not None
        return line == f"{text}\n".encode()

    def line(self, slug: str) -> str:
        """Return the line about a tool without its end; empty where there is none."""
        if self._places is None:
            self._places, place = {}, 0
            for line in _lines_of(self._path):
                self._places[_slug(line)] = (place, len(line))
                place += len(line)
        place, size = self._places.get(slug, (0, 0))
        with self._path.open("rb") as file:
            file.seek(place)
            return file.read(size).decode("utf-8", "replace").removesuffix("\n")

    def count(self) -> int:
        """Return how many lines there are."""
        self.lines += sum(1 for _ in self._next)
        return self.lines


def _lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _slug(line: bytes) -> str:
    """Return the slug of the tool in a line of `verdicts.jsonl`; empty where it has none."""
    parsed = _parsed(line.decode("utf-8", "replace"))
    tool = parsed.get("tool") if isinstance(parsed, dict) else None
    slug = tool.get("slug") if isinstance(tool, dict) else None
    return slug if isinstance(slug, str) else ""


def _differences(actual: Any, expected: Any, place: str = "") -> Iterator[str]:
    """Yield where two JSON values differ, as `reviews.0.score`."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        for key in actual.keys() | expected.keys():
            a, b = actual.get(key, _ABSENT), expected.get(key, _ABSENT)
            yield from _differences(a, b, f"{place}.{key}")
    elif isinstance(actual, list) and isinstance(expected, list) and len(actual) == len(expected):
        for n, (a, b) in enumerate(zip(actual, expected, strict=True)):
            yield from _differences(a, b, f"{place}.{_name(b) or n}")
    elif actual != expected:
        yield place.lstrip(".") or "everything"


_ABSENT: Final = object()
_SCHEMA: Final = Scorecard.model_fields["schema_"].default
_FOLDER: Final = "scorecards"
_NAMED: Final = 5
"""Missing files that are named; more are counted."""


def _name(value: Any) -> str:
    """Return the name of a list entry: a persona, a criterion or the id of a passage."""
    if not isinstance(value, dict):
        return ""
    return str(value.get("persona") or value.get("criterion") or value.get("id") or "")


def _passage(cite: str, evidence: Sequence[Source]) -> str:
    return next((p.text for s in evidence for p in s.passages if p.id == cite), "")


def _first_difference(text: str, rendered: str) -> int:
    """Return the first line, from 1, where two texts differ; 0 where they do not."""
    if text == rendered:
        return 0
    actual, expected = text.split("\n"), rendered.split("\n")
    pairs = enumerate(zip(actual, expected, strict=False), 1)
    return next((n for n, (a, b) in pairs if a != b), min(len(actual), len(expected)) + 1)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")
