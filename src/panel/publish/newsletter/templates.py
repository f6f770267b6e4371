"""The HTML of mails: autoescaping templates with their styles written into each element.

The only module of this stage that knows the template language. A mail loads nothing, so there are
no images, fonts or scripts; the one style element only turns colours over where it is dark.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from panel.report.scorecard.view import GLYPHS

TONES: Final = {
    "ship": "#0b6b37", "skip": "#b3261e", "split": "#8a5300", "hold": "#6b3fa0",
    "incomplete": "#5a5f66",
}  # fmt: skip
"""The scorecard's colours of outcomes, on a light page."""

_FOLDER: Final = Path(__file__).with_name("mail")


def render(name: str, **values: Any) -> str:
    """Return the template of that name, filled; whatever is put into it is escaped."""
    return _environment().get_template(f"{name}.html").render(**values)


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(glyphs=GLYPHS, tones=TONES)
    return env
