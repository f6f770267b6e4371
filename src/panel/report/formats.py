"""The output formats: every file of `scorecard/` that has a `SUFFIX`, found without importing it.

A new format is one dropped-in file with a one-line docstring, `SUFFIX` and
`render(cards: Sequence[Scorecard]) -> str`; or such a module of an installed package, as an entry
point of the group `panel.formats`.
"""

import ast
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from panel.foundation.errors import InputError
from panel.foundation.plugins import broken_plugin, load_plugin, plugin_names

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
    """Return the names of all formats, in alphabetical order; plug-ins are listed unimported."""
    return tuple(sorted({*_sources(), *plugin_names("formats")}))


def described() -> dict[str, str]:
    """Return each format's one-line description, for `--help`."""
    texts = {name: ast.get_docstring(ast.parse(source)) for name, source in _sources().items()}
    plugins = {name: "(plug-in)" for name in names() if name not in texts}
    return {name: (text or "").partition("\n")[0] for name, text in texts.items()} | plugins


def suffixes() -> dict[str, str]:
    """Return the ending of files in each format, with its dot."""
    marks = {name: _MARK.search(source) for name, source in _sources().items()}
    plugins = {name: f".{name}" for name in names() if name not in marks}
    return {name: (mark and mark[1]) or f".{name}" for name, mark in marks.items()} | plugins


def load(name: str) -> Format:
    """Import one format.

    Raises:
        InputError: there is no such format, or it is a plug-in that cannot be used.
    """
    if name not in names():
        raise InputError(f"no output format {name!r}", hint=f"choose from {', '.join(names())}")
    if name in _sources():
        return cast(Format, importlib.import_module(f"panel.report.scorecard.{name}"))
    form = load_plugin("formats", name)
    if not isinstance(getattr(form, "SUFFIX", None), str) or not callable(
        getattr(form, "render", None)
    ):
        raise broken_plugin("formats", name, "it needs SUFFIX and render(cards)")
    return cast(Format, form)


def _sources() -> dict[str, str]:
    texts = {p.stem: p.read_text(encoding="utf-8") for p in sorted(_FOLDER.glob("*.py"))}
    return {name: text for name, text in texts.items() if _MARK.search(text)}
