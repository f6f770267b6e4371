"""The files of a run folder compared with its journal: scorecards, verdicts and their quotes."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from panel.engine.verify.quotes import quotes, stands_in
from panel.engine.verify.report import VerifyReport
from panel.evidence.source import Source
from panel.report import formats
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import VERDICTS
from panel.runs.manifest import by_this_version
from panel.runs.run import Run


def check_files(run: Run, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    """Compare every file that people or programs read with the journal."""
    folder = run.path / "scorecards"
    expected = set()
    for card in cards:
        for name in ("json", "markdown", "html"):
            form = formats.load(name)
            path = folder / f"{card.tool.slug}{form.SUFFIX}"
            expected.add(path)
            _card_file(run, path, form.render([card]), card, report)
    for path in sorted(folder.glob("*")):
        if path not in expected:
            report.check("files", False, f"scorecards/{path.name} is no file of this run")
    if (text := _text(run.path / VERDICTS, report)) is not None:
        _verdicts(text, cards, report)


def _card_file(run: Run, path: Path, rendered: str, card: Scorecard, report: VerifyReport) -> None:
    if (text := _text(path, report)) is None:
        return
    where = f"scorecards/{path.name}"
    if path.suffix == ".json":
        wrong = list(_differences(_parsed(text), json.loads(rendered)))
        what = f"{where} differs: {'; '.join(wrong[:4])}"
        report.check("files", not wrong, what, tool=card.tool.slug)
        return
    # Cards before 0.2 and other versions of panel have another layout; their quotes must be in
    # their passages anyway.
    if card.schema_ == _SCHEMA and by_this_version(run.manifest):
        line = _first_difference(text, rendered)
        what = f"{where} is not what the journal gives, from line {line} on"
        report.check("files", not line, what, tool=card.tool.slug)
    for quote, cite in quotes(path.suffix, text):
        what = f"{where} quotes {cite} with words that are not in it"
        holds = stands_in(quote, _passage(cite, card.evidence))
        report.check("quotes", holds, what, tool=card.tool.slug)


def _verdicts(text: str, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    lines = text.splitlines()
    by_slug = {}
    for line in lines:
        parsed = _parsed(line)
        slug = parsed.get("tool", {}).get("slug") if isinstance(parsed, dict) else None
        by_slug[slug] = parsed
    what = f"{VERDICTS} has {len(lines)} lines for {len(cards)} tools"
    report.check("files", len(lines) == len(cards), what)
    for card in cards:
        expected = card.model_dump(mode="json", by_alias=True)
        wrong = list(_differences(by_slug.get(card.tool.slug), expected))
        what = f"{VERDICTS} differs: {'; '.join(wrong[:4])}"
        report.check("files", not wrong, what, tool=card.tool.slug)


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


def _text(path: Path, report: VerifyReport) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        report.notes.append(f"{path.parent.name}/{path.name} is not there")
        return None
