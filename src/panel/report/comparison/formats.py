"""A comparison of two tools as terminal text, Markdown, HTML or JSON."""

import importlib
from typing import Final

from panel.foundation.errors import InputError
from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import Comparison
from panel.report.scorecard import json

FORMS: Final = ("terminal", "markdown", "html", "json")


def render(comparison: Comparison, form: str) -> str:
    """Return the comparison in one of `FORMS`, ending in a newline.

    Raises:
        InputError: the comparison is not written in that form.
    """
    if form not in FORMS:
        raise InputError(
            f"a comparison of tools is not written as {form!r}",
            hint=f"choose from {', '.join(FORMS)}",
        )
    if form == "json":
        return json.dump(with_advice(comparison).model_dump(mode="json", by_alias=True)) + "\n"
    # Imported when wanted: each brings its own library.
    text: str = importlib.import_module(f"panel.report.comparison.{form}").render(comparison)
    return text
