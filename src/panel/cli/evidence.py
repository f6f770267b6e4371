"""`panel evidence`: what is known about a tool, as the reviewers would see it, and what is not."""

import asyncio
import json
import os
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from panel.cli import options
from panel.cli.console import say, warn
from panel.cli.output import emit_blocks, emit_text
from panel.cli.tool_argument import by_address, named_tool, naming
from panel.engine.gather_evidence import gather_all
from panel.engine.open_provider import provider_config
from panel.engine.options import Options
from panel.engine.review_tool import stored_evidence
from panel.evidence.budget import Chosen, choose, estimated_tokens
from panel.evidence.collect import Collected
from panel.evidence.facts.facts import contradictions, read_facts
from panel.evidence.source import Passage, Source
from panel.evidence.tools.tool_list import pick
from panel.foundation.errors import ToolError
from panel.foundation.settings import Settings
from panel.foundation.text import printable
from panel.report import figures
from panel.report.scorecard.stated import fact_rows
from panel.runs.folders import find_folder
from panel.runs.run import Run


@click.command("evidence")
@naming
@options.gathering
@click.option("--run", metavar="RUN", help="Show the evidence that this run holds about TOOL.")
@click.option("--tokens", type=click.IntRange(200), help="Budget; else that of the provider.")
@options.reading
@options.listed
def command(**given: Any) -> None:
    """Show what is known about one tool, and what is not.

    Passages with ids and sizes, when they were read, what was hidden, what the budget leaves out.
    TOOL is named as for panel review. Nobody is asked, and nothing is stored.
    """
    settings = options.settings(given["runs"])
    if given["run"]:
        found, tokens = _stored(settings, given["run"], given["tool"])
    else:
        found, tokens = _gathered(settings, given)
    chosen = choose(found.evidence, given["tokens"] or tokens)
    if given["form"] == "json":
        data = _data(found, chosen, given["tokens"] or tokens)
        emit_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", given["output"])
        return
    for line in _warnings(found, chosen):
        warn(line)
    emit_blocks(_shown(found, chosen), given["output"])


def _gathered(settings: Settings, given: dict[str, Any]) -> tuple[Collected, int]:
    tool = named_tool(given)
    asked = Options(
        settings=settings,
        environ=os.environ,
        fetch=given["fetch"] or by_address(given),
        offline=given["offline"],
        on_read=lambda line: say(f"read: {line}"),
    )
    (found,) = asyncio.run(gather_all(asked, [tool])).collected
    return found, provider_config(asked).evidence_tokens


def _stored(settings: Settings, name: str, tool: str | None) -> tuple[Collected, int]:
    with Run.open(find_folder(settings.runs, name)) as run:
        tools = run.tools()
        if tool is None and len(tools) > 1:
            raise ToolError(
                f"run {run.name} holds {len(tools)} tools: which one?",
                hint=f"panel evidence --run {run.name} {tools[0].slug}",
            )
        picked = pick(tools, tool) if tool else tools[0]
        return Collected(picked, stored_evidence(run, picked)), run.manifest.evidence_tokens


def _warnings(found: Collected, chosen: Chosen) -> list[str]:
    facts = read_facts(found.evidence)
    other = contradictions(found.tool, facts, found.evidence)
    return [*other, *found.evidence.notes, *chosen.notes]


def _data(found: Collected, chosen: Chosen, tokens: int) -> dict[str, Any]:
    kept = {passage.id for passage in chosen.passages}
    return {
        "tool": found.tool.model_dump(mode="json", exclude={"evidence"}),
        "sources": [
            source.model_dump(mode="json", exclude={"passages"})
            | _sizes("".join(one.text for one in source.passages))
            | {"passages": [_passage(one, one.id in kept) for one in source.passages]}
            for source in found.evidence.sources
        ],
        "facts": read_facts(found.evidence).model_dump(mode="json"),
        "budget": {"tokens": tokens, "shown": len(kept), "left_out": list(chosen.notes)},
        "warnings": _warnings(found, chosen),
    }


def _passage(passage: Passage, shown: bool) -> dict[str, Any]:
    return passage.model_dump() | _sizes(passage.text) | {"shown": shown}


def _sizes(text: str) -> dict[str, int]:
    return {"characters": len(text), "tokens": round(estimated_tokens(text))}


def _shown(found: Collected, chosen: Chosen) -> Iterator[RenderableType]:
    kept = {passage.id for passage in chosen.passages}
    yield Text(printable(found.tool.name), style="bold")
    for label, text, _ in fact_rows(read_facts(found.evidence)):
        yield Text(f"  {label}: {text}")
    for each in found.evidence.sources:
        yield Text()
        yield from _source(each, kept)
    total = sum(len(source.passages) for source in found.evidence.sources)
    yield Text(f"\n{len(kept)} of {total} passages go to the reviewers; the others are marked –")


def _source(source: Source, kept: set[str]) -> Iterator[RenderableType]:
    sizes = _sizes("".join(one.text for one in source.passages))
    yield Text(f"{source.id}  {printable(source.source)}", style="bold")
    yield Text(
        f"    {source.role}, read {figures.moment(source.retrieved)}, {len(source.passages)}"
        f" passages, {sizes['characters']:,} characters, about {sizes['tokens']:,} tokens",
        style="bright_black",
    )
    for flag in source.flags:
        yield Text(f"    ! {_line(flag)}", style="bold yellow")
    if source.removed_hidden:
        yield Text(f"    hidden pieces taken out: {source.removed_hidden}", style="yellow")
    for text, why in zip_longest(source.hidden, source.hidden_why, fillvalue=""):
        said = f" ({_line(why)})" if why else ""
        yield Text(f"      “{_line(text)}”{said}", style="yellow")
    for kind, count in source.hidden_characters.items():
        said = f"{count} {kind} character{'s' * (count > 1)}"
        yield Text(f"      {_line(said)}", style="yellow")
    if source.left_aside:
        yield Text(f"    left aside as no main text: {source.left_aside} blocks")
    grid = Table.grid(padding=(0, 1))
    for column in (1, 1, 1, 0):
        grid.add_column(no_wrap=bool(column), justify="right" if column else "left")
    heading = ""
    for passage in source.passages:
        if passage.heading != heading:
            heading = passage.heading
            grid.add_row("", "", "", Text(_line(heading), style="bold"))
        mark = "" if passage.id in kept else "–"
        tokens = f"{round(estimated_tokens(passage.text))}"
        grid.add_row(Text(mark), Text(passage.id, style="cyan"), tokens, _words(passage))
    yield Padding(grid, (0, 0, 0, 4))


def _words(passage: Passage) -> Text:
    text = printable(passage.text)
    return Text(text if passage.kind == "code" else " ".join(text.split()))


def _line(text: str) -> str:
    return " ".join(printable(text).split())
