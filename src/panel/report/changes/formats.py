"""What changed between two runs, as terminal text, Markdown or JSON."""

from collections.abc import Callable, Iterator
from typing import Final

from panel.foundation.errors import InputError
from panel.report.changes.view import Changes, ToolChange, changes
from panel.report.escaping import cell, escape
from panel.report.scorecard import json
from panel.report.scorecard.view import GLYPHS
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
    return "\n\n".join(_blocks(changes(diff))) + "\n"


def _blocks(shown: Changes) -> Iterator[str]:
    yield "# What changed between two runs"
    yield f"{shown.headline}."
    rows = [f"| {name} | {cell(one)} | {cell(two)} |" for name, one, two in shown.sides]
    yield "\n".join(["|  | Before | After |\n|---|---|---|", *rows])
    yield "\n".join(f"- {name}: {text}" for name, text in shown.agreement)
    rows = [f"| {cell(t.name)} | {_moved(t)} | {t.score} |" for t in shown.tools]
    yield "\n".join(["| Tool | Verdict | Score |\n|---|---|---|", *rows])
    for tool in shown.tools:
        yield from _tool(tool)
    for where, names in (("before", shown.only_before), ("after", shown.only_after)):
        if names:
            yield f"Only in the run {where}: {', '.join(escape(name) for name in names)}"


def _moved(tool: ToolChange) -> str:
    one, two = (f"{GLYPHS[o]} {o}" for o in (tool.before, tool.after))
    return one if one == two else f"{one} → **{two}**"


def _tool(tool: ToolChange) -> Iterator[str]:
    if not tool.votes and not tool.answers:
        return
    yield f"## {escape(tool.name)}"
    votes = [f"- **{escape(who)}**: {one} → {two}" for who, one, two in tool.votes]
    answers = [
        f"- {escape(a.persona)} · {escape(a.question)} {a.before} → {a.after}" for a in tool.answers
    ]
    yield "\n".join(votes + answers)


FORMS: Final[dict[str, Callable[[RunDiff], str]]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "json": _json,
}
