"""The files of a run folder against its journal: scorecards, verdicts, and the quotes in them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from panel.engine.verify.quotes import quotes, stands_in
from panel.engine.verify.report import VerifyReport
from panel.evidence.source import Source
from panel.report import formats
from panel.review.verdict.scorecard import Scorecard
from panel.runs.folders import VERDICTS
from panel.runs.manifest import by_this_version
from panel.runs.run import Run


def check_files(run: Run, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    """Compare every file that people or programs read with what the journal holds."""
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
        wrong = list(_unlike(_parsed(text), json.loads(rendered)))
        report.check("files", not wrong, f"{where} differs: {'; '.join(wrong[:4])}",
                     tool=card.tool.slug)  # fmt: skip
        return
    # Another version of panel may lay a card out otherwise; its quotes must stand all the same.
    if by_this_version(run.manifest):
        line = _first_difference(text, rendered)
        told = f"{where} is not what the journal gives, from line {line} on"
        report.check("files", not line, told, tool=card.tool.slug)
    for quote, cite in quotes(path.suffix, text):
        told = f"{where} quotes {cite} with words that are not in it"
        holds = stands_in(quote, _passage(cite, card.evidence))
        report.check("quotes", holds, told, tool=card.tool.slug)


def _verdicts(text: str, cards: Sequence[Scorecard], report: VerifyReport) -> None:
    lines = text.splitlines()
    found = {}
    for line in lines:
        parsed = _parsed(line)
        slug = parsed.get("tool", {}).get("slug") if isinstance(parsed, dict) else None
        found[slug] = parsed
    counted = f"{VERDICTS} has {len(lines)} lines for {len(cards)} tools"
    report.check("files", len(lines) == len(cards), counted)
    for card in cards:
        told = card.model_dump(mode="json", by_alias=True)
        wrong = list(_unlike(found.get(card.tool.slug), told))
        report.check("files", not wrong, f"{VERDICTS} differs: {'; '.join(wrong[:4])}",
                     tool=card.tool.slug)  # fmt: skip


def _unlike(found: Any, told: Any, place: str = "") -> Iterator[str]:
    """Yield where two JSON values differ, as `reviews.0.score`."""
    if isinstance(found, dict) and isinstance(told, dict):
        for key in found.keys() | told.keys():
            yield from _unlike(found.get(key, _LOST), told.get(key, _LOST), f"{place}.{key}")
    elif isinstance(found, list) and isinstance(told, list) and len(found) == len(told):
        for n, (one, other) in enumerate(zip(found, told, strict=True)):
            yield from _unlike(one, other, f"{place}.{_named(other) or n}")
    elif found != told:
        yield place.lstrip(".") or "everything"


_LOST: Final = object()


def _named(value: Any) -> str:
    """Return by what a list entry goes: a reviewer's name, a criterion, a passage's id."""
    if not isinstance(value, dict):
        return ""
    return str(value.get("persona") or value.get("criterion") or value.get("id") or "")


def _passage(cite: str, evidence: Sequence[Source]) -> str:
    return next((p.text for s in evidence for p in s.passages if p.id == cite), "")


def _first_difference(text: str, rendered: str) -> int:
    """Return the first line, from 1, where two texts differ; 0 where they do not."""
    if text == rendered:
        return 0
    one, other = text.split("\n"), rendered.split("\n")
    pairs = enumerate(zip(one, other, strict=False), 1)
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)) + 1)


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
