"""The output formats of each thing that is written: the files of its folder that have a `SUFFIX`.

They are found without importing them. A new format is one dropped-in file with a one-line
docstring, `SUFFIX` and `render`, which takes what its folder is about: scorecards (a sequence), a
run, a comparison of tools, a difference of runs, the agreement of runs, a judge's calibration,
backtest or fit report. One of scorecards that can be written piece by piece has `stream` as well. A
format of scorecards may also be such a module of an installed package, as an entry point of the
group `panel.formats`.
"""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast

from panel.foundation.errors import InputError
from panel.foundation.plugins import broken_plugin, load_plugin, plugin_names

if TYPE_CHECKING:
    from panel.reviews.verdict.scorecard import Scorecard

Subject = Literal[
    "scorecard", "run", "comparison", "changes", "agreement", "calibration", "backtest", "fit"
]
"""A folder of this room."""

_ROOM: Final = Path(__file__).parent
_MARK: Final = re.compile(r"^SUFFIX\b(?:[^\n]*?=\s*[\"'](\.\w+)[\"'])?", re.MULTILINE)


class Format(Protocol):
    """What a format's module offers."""

    SUFFIX: str
    """Ending of a file in this format, with its dot."""

    def render(self, shown: Any, /) -> str:
        """Return the scorecards, or what else its folder is about, ending in a newline."""
        ...


def names(of: Subject = "scorecard") -> tuple[str, ...]:
    """Return the names of all formats, in alphabetical order; plug-ins are listed unimported."""
    return tuple(sorted({*_sources(of), *_plugin_names(of)}))


def described(of: Subject = "scorecard") -> dict[str, str]:
    """Return each format's one-line description, for `--help`."""
    texts = {name: ast.get_docstring(ast.parse(source)) for name, source in _sources(of).items()}
    plugins = dict.fromkeys(_plugin_names(of), "(plug-in)")
    return {name: (text or "").partition("\n")[0] for name, text in texts.items()} | plugins


def suffixes(of: Subject = "scorecard") -> dict[str, str]:
    """Return the ending of files in each format, with its dot."""
    marks = {name: _MARK.search(source) for name, source in _sources(of).items()}
    plugins = {name: f".{name}" for name in _plugin_names(of)}
    return {name: (mark and mark[1]) or f".{name}" for name, mark in marks.items()} | plugins


def load(name: str, of: Subject = "scorecard") -> Format:
    """Import one format.

    Raises:
        InputError: there is no such format, or it is a plug-in that cannot be used.
    """
    if name not in (known := names(of)):
        raise InputError(f"no output format {name!r}", hint=f"choose from {', '.join(known)}")
    if name not in _plugin_names(of):
        return cast(Format, importlib.import_module(f"panel.report.{of}.{name}"))
    form = load_plugin("formats", name)
    if not isinstance(getattr(form, "SUFFIX", None), str) or not callable(
        getattr(form, "render", None)
    ):
        raise broken_plugin("formats", name, "it needs SUFFIX and render(cards)")
    return cast(Format, form)


def render(shown: Any, name: str, of: Subject) -> str:
    """Return something in one of its formats, ending in a newline; raises as `load` does."""
    return load(name, of).render(shown)


def pieces(cards: "Iterable[Scorecard]", name: str) -> Iterator[str]:
    """Yield scorecards in one of their formats, in pieces where the format can; raises as `load`.

    `cards` may be read more than once, one at a time.
    """
    form = load(name)
    stream = getattr(form, "stream", None)
    return stream(cards) if stream else iter([form.render(list(cards))])


def _plugin_names(of: Subject) -> tuple[str, ...]:
    """Return the plug-ins that are formats of scorecards; none that is called as a shipped one."""
    if of != "scorecard":
        return ()
    shipped = _sources(of)
    return tuple(name for name in plugin_names("formats") if name not in shipped)


def _sources(of: Subject) -> dict[str, str]:
    texts = {p.stem: p.read_text(encoding="utf-8") for p in sorted((_ROOM / of).glob("*.py"))}
    return {name: text for name, text in texts.items() if _MARK.search(text)}
