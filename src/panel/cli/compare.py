"""`panel compare`: two tools' verdicts side by side."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import say
from panel.cli.destination import Destination, written
from panel.foundation.errors import CallError, InputError, RunStopped
from panel.report import formats

if TYPE_CHECKING:
    from panel.engine.options import Options
    from panel.report.comparison.comparison import Comparison


@click.command("compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--run", metavar="RUN", help="Compare the verdicts of this run, not the latest ones.")
@click.option("--review", is_flag=True, help="First review a tool that has no stored verdict.")
@options.allow_outside
@options.gathering
@options.provider
@options.asking
@options.work
@options.fail_on
@written(of="comparison")
@click.pass_context
def command(
    ctx: click.Context,
    a: str,
    b: str,
    run: str | None,
    review: bool,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    provider: options.ProviderOptions,
    asking: options.AskingOptions,
    work: options.WorkOptions,
    fail_on: frozenset[str],
    destination: Destination,
) -> None:
    """Put two tools' verdicts side by side: which one to ship with.

    A and B are tools with a stored verdict, by name or slug; with --review also tool files or web
    addresses. With --provider a model writes the paragraph, where a model wrote the reviews; who is
    ahead is decided by rule.
    """
    from panel.cli import run_session
    from panel.cli.tool_pair import ToolPair
    from panel.evidence.tools.identity import same_tool
    from panel.report.comparison.ask_model import composed_by_code
    from panel.report.comparison.comparison import between, compare
    from panel.runs.manifest import ItemCounts

    if run and review:
        raise InputError("--run and --review were both given", hint="leave one of them out")
    plan = options.review_options(provider, work, asking=asking, gathering=gathering)
    pair = ToolPair(plan, review=review, allow_outside=allow_outside)
    first, second = pair.in_run(run, (a, b)) if run else pair.latest((a, b))
    if same_tool(first.card.tool, second.card.tool):
        raise InputError("that is one tool twice", hint="panel diff compares two runs of a tool")
    weights = between(first.weights, second.weights)
    nearest = pair.nearest(first.card, second.card)
    comparison = compare(first.card, second.card, weights=weights, nearest=nearest)
    failed = False
    composed = [c.tool.name for c in (first.card, second.card) if composed_by_code(c)]
    if plan.provider and composed:
        names = " and ".join(composed)
        say(f"note: no model writes the paragraph: code put the reviews of {names} together")
    elif plan.provider:
        try:
            comparison = asyncio.run(_with_advice(comparison, plan))
        except (CallError, RunStopped) as error:
            # The paragraph that is written by rule stands.
            say(f"warning: no model wrote the paragraph: {error.message}")
            failed = True
    _emit(comparison, destination)
    reported = review or fail_on
    counts = ItemCounts.of([first.card, second.card])
    code = run_session.outcome_code(counts, fail_on) if reported else 0
    ctx.exit(code or int(failed))


async def _with_advice(comparison: "Comparison", options: "Options") -> "Comparison":
    """Return the comparison with a paragraph that a model wrote."""
    from panel.engine.open_panel import open_panel
    from panel.llm.calls import ChatClient
    from panel.report.comparison.ask_model import CallLog, write_advice

    # The paragraph cites no facts of its own, so its support is not checked.
    opened = await open_panel(replace(options, check_support=False, judges={}, fallback=()))
    plan = opened.plan
    say(f"paragraph: asking {plan.judge.model} at {plan.judge.provider}")
    try:
        advice = await write_advice(
            comparison,
            ChatClient(opened.endpoint, plan.judge, CallLog()),
            secret=plan.secret,
            now=datetime.now(UTC).replace(microsecond=0),
            context=plan.context,
        )
    finally:
        await opened.close()
    if advice.note:
        say(f"note: {advice.note}")
    return comparison.model_copy(update={"advice": advice})


def _emit(comparison: "Comparison", destination: Destination) -> None:
    from panel.cli.output import emit_blocks, emit_text
    from panel.report.comparison import terminal

    if destination.form == "terminal" and destination.path is None:
        emit_blocks(terminal.blocks(comparison), None)
    else:
        emit_text(formats.render(comparison, destination.form, "comparison"), destination.path)
