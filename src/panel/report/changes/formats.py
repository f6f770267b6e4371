"""What changed between two runs, as terminal text, Markdown or JSON."""

from collections.abc import Callable
from typing import Final

from panel.foundation.errors import InputError
from panel.report.changes.view import changes
from panel.report.scorecard import json
from panel.runs.diff import RunDiff


def render(diff: RunDiff, form: str) -> str:
    """Return the comparison in one of `FORMS`, ending in a newline.

    Raises:
        InputError: the comparison is not written in that form.
    """
    if form not in FORMS:
        raise InputError(
            f"a comparison of runs is not written as {form!r}",
            hint=f"choose from {', '.join(FORMS)}",
        )
    return FORMS[form](diff)


def _json(diff: RunDiff) -> str:
    return json.dump(diff.model_dump(mode="json")) + "\n"


def _terminal(diff: RunDiff) -> str:
    from panel.report.scorecard import terminal

    return terminal.difference(diff)


def _markdown(diff: RunDiff) -> str:
    from panel.report.templating import render_markdown

    return render_markdown("changes.md", changes=changes(diff))


FORMS: Final[dict[str, Callable[[RunDiff], str]]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "json": _json,
}
