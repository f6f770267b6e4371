"""The templates of mails and editions, one environment for each language: HTML, text, Markdown.

The only module of the newsletter that knows the template language. A mail loads nothing: no images,
fonts or scripts, and its one style element only inverts the colours for dark screens.
"""

from functools import cache
from pathlib import Path, PurePath
from textwrap import fill
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import do_mark_safe

from panel.report.escaping import escape
from panel.report.scorecard.view import GLYPHS

TONES: Final = {
    "ship": "#0b6b37", "skip": "#b3261e", "split": "#8a5300", "hold": "#6b3fa0",
    "incomplete": "#5a5f66",
}  # fmt: skip
"""The scorecard's colours of outcomes, on a light page."""

WIDTH: Final = 72
"""Characters of a line of text; plain-text mail is not wrapped by every program (RFC 3676)."""

_FOLDER: Final = Path(__file__).with_name("mail")


def render(name: str, **values: Any) -> str:
    """Return the template `name`, filled.

    In HTML and Markdown every value is escaped unless the template marks it `safe`.
    """
    return _environment(PurePath(name).suffix).get_template(name).render(**values)


def wrapped(text: str, indent: str = "", *, first: str | None = None) -> str:
    """Return one paragraph as lines of at most 72 characters; long words stay whole.

    `first` replaces the indent of the first line.
    """
    return fill(
        text,
        width=WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


@cache
def _environment(suffix: str) -> Environment:
    env = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=suffix != ".txt",
        finalize=_markdown if suffix == ".md" else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=suffix != ".html",
    )
    env.globals.update(glyphs=GLYPHS, tones=TONES)
    env.filters["wrapped"] = wrapped
    return env


def _markdown(value: object) -> object:
    # Marked as safe, so that autoescaping does not write HTML entities on top.
    return value if hasattr(value, "__html__") else do_mark_safe(escape(str(value)))
