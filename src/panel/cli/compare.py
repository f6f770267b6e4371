"""`panel compare`: two tools' verdicts side by side."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from panel.cli import options, run_session
from panel.cli.console import say
from panel.cli.output import emit_text
from panel.cli.tool_argument import is_address, named_tool
from panel.engine.open_panel import open_panel
from panel.engine.session import Session
from panel.evidence.tools.identity import contradict, name_key
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import CallError, InputError, RunStopped, ToolError
from panel.foundation.slug import slug
from panel.llm.calls import ChatClient
from panel.report.comparison import formats, lookup
from panel.report.comparison import terminal as pair_terminal
from panel.report.comparison.ask_model import write_advice
from panel.report.comparison.call_log import CallLog
from panel.report.comparison.comparison import Comparison, compare
from panel.report.comparison.lookup import LookupResult
from panel.report.comparison.weights import between
from panel.report.scorecard import terminal
from panel.review.verdict.scorecard import CardTool
from panel.runs.folders import find_folder
from panel.runs.history.archive import Archive


@click.command("compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--run", "in_run", metavar="RUN", help="Take both from this run.")
@click.option("--review", is_flag=True, help="Review first what has no stored verdict.")
@options.listing
@options.gathering
@options.reviewing
@options.paired
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Put two tools' verdicts side by side: which one to ship with.

    A and B are tools with a stored verdict, by name or slug; with --review also tool files or web
    addresses. With --provider a model writes the paragraph; who is ahead is decided by rule.
    """
    one, two = _both(given)
    if _one_tool(one.card.tool, two.card.tool):
        raise InputError("that is one tool twice", hint="panel diff compares two runs of a tool")
    found = compare(one.card, two.card, weights=between(one.weights, two.weights))
    failed = False
    if given["provider"]:
        found, failed = _written(found, given)
    _emit(found, given["form"], given["output"])
    reported = given["review"] or given["fail_on"]
    code = run_session.exit_code([one.card, two.card], given["fail_on"]) if reported else 0
    ctx.exit(code or int(failed))


def _both(given: Mapping[str, Any]) -> tuple[LookupResult, LookupResult]:
    runs = options.settings(given["runs"]).runs
    if given["in_run"]:
        if given["review"]:
            raise InputError("--run and --review were both given", hint="leave one of them out")
        path = find_folder(runs, given["in_run"])
        return lookup.in_run(path, given["a"]), lookup.in_run(path, given["b"])
    archive = Archive.open(runs)
    for note in archive.notes:
        say(f"note: {note}")
    named = [_named(archive, given[key], given) for key in ("a", "b")]
    new = [tool for tool in named if isinstance(tool, Tool)]
    reviewed = _review(new, given) if new else {}
    one, two = (reviewed[id(n)] if isinstance(n, Tool) else n for n in named)
    return one, two


def _one_tool(one: CardTool, two: CardTool) -> bool:
    return name_key(one.name) == name_key(two.name) and not contradict(one.url, two.url)


def _named(archive: Archive, name: str, given: Mapping[str, Any]) -> LookupResult | Tool:
    """Return a tool's latest verdict, or the tool that is to be reviewed."""
    if history := lookup.in_archive(archive, name):
        return lookup.latest(archive, history)
    is_file = bool(Path(name).suffix) and Path(name).is_file()
    # Of a word that is neither a file nor an address nothing is known; a near name helps more.
    if not is_file and not (given["review"] and (is_address(name) or given["offline"])):
        raise lookup.unknown(archive, name)
    tool = named_tool(_as_named(name, given))
    if history := lookup.in_archive(archive, tool.name):
        return lookup.latest(archive, history)
    if not given["review"]:
        raise lookup.unknown(archive, tool.name)
    return tool


def _as_named(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    unsaid = {"tool_list": None, "named": None, "url": None, "evidence": (), "description": None}
    return {**given, **unsaid, "tool": name}


def _review(tools: Sequence[Tool], given: Mapping[str, Any]) -> dict[int, LookupResult]:
    """Review tools as one run; returns each one's verdict by the tool's identity."""
    asked = options.options_of(given)
    apart: list[Tool] = []
    for tool in tools:
        taken = {other.slug for other in apart}
        apart.append(tool.model_copy(update={"slug": slug(tool.name, taken=taken)}))
    cards = run_session.perform(Session.start(asked, apart))
    path = find_folder(asked.settings.runs, cards[0].run) if cards else Path()
    done = {card.tool.slug for card in cards}
    if lost := [tool.name for tool in apart if tool.slug not in done]:
        raise ToolError(f"{lost[0]} could not be reviewed", hint=f"panel review {lost[0]!r}")
    return {
        id(tool): lookup.in_run(path, named.slug) for tool, named in zip(tools, apart, strict=True)
    }


def _written(found: Comparison, given: Mapping[str, Any]) -> tuple[Comparison, bool]:
    """Let a model write the paragraph; where it cannot, the rule's stands and stderr says why."""
    try:
        return asyncio.run(_write(found, given)), False
    except (CallError, RunStopped) as error:
        say(f"warning: no model wrote the paragraph: {error.message}")
        return found, True


async def _write(found: Comparison, given: Mapping[str, Any]) -> Comparison:
    # The paragraph cites no facts of its own: nobody checks its support.
    opened = await open_panel(replace(options.options_of(given), check_support=False))
    plan = opened.plan
    say(f"paragraph: asking {plan.judge.model} at {plan.judge.provider}")
    try:
        calls = ChatClient(opened.endpoint, plan.judge, CallLog())
        advice = await write_advice(
            found,
            calls,
            secret=plan.secret,
            now=datetime.now(UTC).replace(microsecond=0),
            context=plan.context,
        )
    finally:
        await opened.close()
    if advice.note:
        say(f"note: {advice.note}")
    return found.model_copy(update={"advice": advice})


def _emit(found: Comparison, form: str, output: Path | None) -> None:
    if form == "terminal" and output is None:
        terminal.console(sys.stdout).print(*pair_terminal.blocks(found), sep="\n")
    else:
        emit_text(formats.render(found, form), output)
