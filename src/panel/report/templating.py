"""The template environments, one a language: whatever a template puts in is escaped for it.

HTML by Jinja's autoescaping, Markdown by `finalize`: no template has to ask for it. What a
macro returns is marked as the language already and passes as it is.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from panel.report import figures
from panel.report.citations import Cite, Own, Part
from panel.report.escaping import escape, escape_pipes
from panel.report.scorecard.findings import ANSWER_GLYPHS
from panel.report.scorecard.view import GLYPHS

FOLDER: Final = Path(__file__).with_name("templates")

_FIGURE: Final = re.compile(r"[\d.,%<>()+−–→ ]*")
"""A number as `figures` writes it: `<1%`, `55.0–68.0`, `66.6 → 61.0 (−5.6)`."""


def html_environment(*folders: Path) -> Environment:
    """Return where pages are found: in `folders` first, then among those of scorecards."""
    env = _environment(*folders, FOLDER)
    env.filters.update(
        percent=figures.percent, score=figures.score, interval=figures.interval, width=_width
    )
    env.tests["own"] = lambda part: isinstance(part, Own)
    env.tests["cite"] = lambda part: isinstance(part, Cite)
    return env


@cache
def html_template(name: str) -> Template:
    """Return a page's template; pages share the compiled templates that they include."""
    return _pages().get_template(name)


@cache
def _pages() -> Environment:
    return html_environment()


def render_markdown(name: str, **values: object) -> str:
    """Return a Markdown template filled, ending in one newline; "" where it writes nothing."""
    text = markdown_template(name).render(**values).rstrip("\n")
    return f"{text}\n" if text else ""


def markdown_template(name: str) -> Template:
    """Return a template of Markdown."""
    return _markdown_environment().get_template(name)


@cache
def _markdown_environment() -> Environment:
    env = _environment(FOLDER)
    env.finalize = _markdown
    env.filters.update(
        percent=lambda value: _figure(figures.percent(value)),
        score=lambda value: _figure(figures.score(value)),
        interval=lambda value: _figure(figures.interval(value)),
        figure=_figure,
        inline=_inline,
        autolink=lambda url: Markup(f"<{url}>"),
    )
    # There is no way round the escaping but those above.
    del env.filters["safe"]
    # Two blanks at the end of a line break it; written out, an editor would take them away.
    env.globals.update(line_break=Markup("  "), row=_row, stamp=_stamp)
    return env


def _environment(*folders: Path) -> Environment:
    env = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    env.globals.update(glyphs=GLYPHS, answer_glyphs=ANSWER_GLYPHS)
    return env


def _width(value: float | None) -> str:
    """Write a length of 0–100 for an SVG attribute."""
    return f"{value or 0:.2f}"


def _markdown(value: object) -> Markup:
    return value if isinstance(value, Markup) else Markup(escape(str(value)))


def _figure(text: str) -> Markup:
    return Markup(text) if _FIGURE.fullmatch(text) else _markdown(text)


def _row(*cells: object) -> Markup:
    """Return a line of a table."""
    return Markup("| " + " | ".join(escape_pipes(_markdown(cell)) for cell in cells) + " |")


def _stamp(outcome: str) -> str:
    """Return an outcome or vote as shape and word: `▲ ship`."""
    return f"{GLYPHS[outcome]} {outcome}"


def _inline(text: Iterable[Part], prefix: str | None = None) -> Markup:
    """Return a text with its citations: in brackets, or as footnotes named with a `prefix`."""
    return Markup("".join(_part(part, prefix) for part in text))


def _part(part: Part, prefix: str | None) -> str:
    if isinstance(part, Cite):
        # The brackets of a citation are escaped: what follows must not make a link of it.
        return rf" \[{part.id}\]" if prefix is None else f"[^{prefix}{part.id}]"
    return f"{_words(part.text)} (not in evidence)" if isinstance(part, Own) else _words(part)


def _words(text: str) -> str:
    """Escape a piece of a line; one blank at either end is kept, since other pieces follow."""
    before = " " if text[:1] == " " else ""
    after = " " if text[-1:] == " " and text.strip() else ""
    return before + escape(text) + after
