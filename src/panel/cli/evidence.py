"""`panel evidence`: what is known about a tool, as the reviewers would see it, and what is not."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from panel.cli import options
from panel.cli.console import warn
from panel.cli.destination import Destination, written
from panel.foundation.errors import ToolError
from panel.runs.folders import find_folder

if TYPE_CHECKING:
    from panel.engine.options import Options
    from panel.evidence.collect import Collected
    from panel.evidence.tools.tool import Tool


@click.command("evidence")
@options.tool
@options.allow_outside
@options.gathering
@click.option("--run", metavar="RUN", help="Show the evidence about TOOL that this run stores.")
@click.option(
    "--tokens", type=click.IntRange(200), metavar="N", help="Budget; by default the provider's."
)
@options.runs
@written("terminal", "json")
def command(
    tool: options.ToolOptions,
    allow_outside: bool,
    gathering: options.GatheringOptions,
    run: str | None,
    tokens: int | None,
    runs: Path | None,
    destination: Destination,
) -> None:
    """Show what is known about one tool, and what is not.

    Passages with ids and sizes, the time they were read, hidden text, and what the token budget
    leaves out. TOOL is named as for panel review. Calls no model and stores nothing.
    """
    from panel.cli import evidence_view
    from panel.cli.output import emit_blocks, emit_json
    from panel.cli.tool_argument import by_address, find_tool
    from panel.evidence.budget import choose

    if run:
        collected, budget = _stored(options.settings(runs).runs, run, tool.tool)
    else:
        described = find_tool(tool, gathering, runs, allow_outside=allow_outside)
        if by_address(tool):
            gathering = replace(gathering, fetch=True)
        work = options.WorkOptions(runs=runs)
        plan = options.review_options(options.ProviderOptions(), work, gathering=gathering)
        collected, budget = _gathered(plan, described)
    tokens = tokens or budget
    chosen = choose(collected.evidence, tokens)
    if destination.form == "json":
        emit_json(evidence_view.data(collected, chosen, tokens), destination.path)
        return
    for line in evidence_view.warnings(collected, chosen):
        warn(line)
    emit_blocks(evidence_view.blocks(collected, chosen), destination.path)


def _gathered(plan: "Options", tool: "Tool") -> "tuple[Collected, int]":
    """Return the evidence as a review would gather it, and the provider's budget in tokens."""
    from panel.engine.gather_evidence import gather_all
    from panel.engine.open_provider import provider_config

    (collected,) = asyncio.run(gather_all(plan, [tool])).collected
    return collected, provider_config(plan).evidence_tokens


def _stored(runs: Path, name: str, tool: str | None) -> "tuple[Collected, int]":
    """Return the evidence that a run holds, and the run's budget in tokens."""
    from panel.engine.review_tool import stored_evidence
    from panel.evidence.collect import Collected
    from panel.evidence.tools.tool_list import pick
    from panel.runs.run import Run

    with Run.open(find_folder(runs, name)) as run:
        tools = run.tools()
        if tool is None and len(tools) > 1:
            raise ToolError(
                f"run {run.name} holds {len(tools)} tools: which one?",
                hint=f"panel evidence --run {run.name} {tools[0].slug}",
            )
        picked = pick(tools, tool) if tool else tools[0]
        return Collected(picked, stored_evidence(run, picked)), run.manifest.evidence_tokens
