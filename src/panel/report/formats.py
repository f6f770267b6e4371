"""The output formats: every file of `scorecard/` that has a `SUFFIX`, found without importing it.

A new format is one dropped-in file with a one-line docstring, `SUFFIX` and
`render(cards: Sequence[Scorecard]) -> str`.
"""

import ast
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from panel.foundation.errors import InputError

if TYPE_CHECKING:
    from panel.review.verdict.scorecard import Scorecard

_FOLDER: Final = Path(__file__).parent / "scorecard"
_MARK: Final = re.compile(r"^SUFFIX\b(?:[^\n]*?=\s*[\"'](\.\w+)[\"'])?", re.MULTILINE)


class Format(Protocol):
    """What a format's module offers."""

    SUFFIX: str
    """Ending of a file in this format, with its dot."""

    def render(self, cards: "Sequence[Scorecard]") -> str:
        """Return the scorecards in this format, ending in a newline."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of all formats, in alphabetical order."""
    return tuple(_sources())


def described() -> dict[str, str]:
    """Return each format's one-line description, for `--help`."""
    texts = {name: ast.get_docstring(ast.parse(source)) for name, source in _sources().items()}
    return {name: (text or "").partition("\n")[0] for name, text in texts.items()}


def suffixes() -> dict[str, str]:
    """Return the ending of files in each format, with its dot."""
    marks = {name: _MARK.search(source) for name, source in _sources().items()}
    return {name: (mark and mark[1]) or f".{name}" for name, mark in marks.items()}


def load(name: str) -> Format:
    """Import one format.

    Raises:
        InputError: there is no such format.
    """
    if name not in names():
        raise InputError(f"no output format {name!r}", hint=f"choose from {', '.join(names())}")
    return cast(Format, importlib.import_module(f"panel.report.scorecard.{name}"))


def _sources() -> dict[str, str]:
    texts = {p.stem: p.read_text(encoding="utf-8") for p in sorted(_FOLDER.glob("*.py"))}
    return {name: text for name, text in texts.items() if _MARK.search(text)}
