"""Collected evidence, drawn for a terminal or as data: what reviewers see, and what they do not."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from panel.evidence.budget import BudgetedPassages, estimated_tokens
from panel.evidence.collect import Collected
from panel.evidence.facts import contradictions, read_facts
from panel.evidence.source import Passage, Source
from panel.foundation.text import one_line, printable
from panel.report import figures
from panel.report.scorecard.remarks import fact_rows, kind_text


def warnings(collected: Collected, chosen: BudgetedPassages) -> list[str]:
    """Return what contradicts itself, what could not be read and what the budget leaves out."""
    facts = read_facts(collected.evidence)
    conflicts = contradictions(collected.tool, facts, collected.evidence)
    return [*conflicts, *collected.evidence.notes, *chosen.notes]


def data(collected: Collected, chosen: BudgetedPassages, tokens: int) -> dict[str, Any]:
    """Return the evidence as JSON data; `tokens` is the budget that `chosen` follows."""
    shown = {passage.id for passage in chosen.passages}
    return {
        "tool": collected.tool.model_dump(mode="json", exclude={"evidence"}),
        "sources": [
            source.model_dump(mode="json", exclude={"passages"})
            | _sizes("".join(passage.text for passage in source.passages))
            | {"passages": [_passage(passage, passage.id in shown) for passage in source.passages]}
            for source in collected.evidence.sources
        ],
        "facts": read_facts(collected.evidence).model_dump(mode="json"),
        "budget": {"tokens": tokens, "shown": len(shown), "left_out": list(chosen.notes)},
        "warnings": warnings(collected, chosen),
    }


def _passage(passage: Passage, shown: bool) -> dict[str, Any]:
    return passage.model_dump() | _sizes(passage.text) | {"shown": shown}


def _sizes(text: str) -> dict[str, int]:
    return {"characters": len(text), "tokens": round(estimated_tokens(text))}


def blocks(collected: Collected, chosen: BudgetedPassages) -> Iterator[RenderableType]:
    """Yield the evidence as blocks to draw."""
    shown = {passage.id for passage in chosen.passages}
    tool = collected.tool
    yield Text(printable(tool.name), style="bold")
    if kind := kind_text(tool.kind, tool.kind_origin):
        yield Text(f"  Kind: {kind}")
    for label, text, _ in fact_rows(read_facts(collected.evidence)):
        yield Text(f"  {label}: {text}")
    for source in collected.evidence.sources:
        yield Text()
        yield from _source(source, shown)
    total = sum(len(source.passages) for source in collected.evidence.sources)
    yield Text(f"\n{len(shown)} of {total} passages go to the reviewers; the others are marked –")


def _source(source: Source, shown: set[str]) -> Iterator[RenderableType]:
    sizes = _sizes("".join(passage.text for passage in source.passages))
    yield Text(f"{source.id}  {printable(source.source)}", style="bold")
    yield Text(
        f"    {source.role}, read {figures.moment(source.retrieved)}, {len(source.passages)}"
        f" passages, {sizes['characters']:,} characters, about {sizes['tokens']:,} tokens",
        style="bright_black",
    )
    for flag in source.flags:
        yield Text(f"    ! {one_line(flag)}", style="bold yellow")
    if source.removed_hidden:
        yield Text(f"    hidden pieces taken out: {source.removed_hidden}", style="yellow")
    for text, why in zip_longest(source.hidden, source.hidden_why, fillvalue=""):
        reason = f" ({one_line(why)})" if why else ""
        yield Text(f"      “{one_line(text)}”{reason}", style="yellow")
    for kind, count in source.hidden_characters.items():
        line = one_line(f"{count} {kind} character{'s' * (count > 1)}")
        yield Text(f"      {line}", style="yellow")
    if source.left_aside:
        yield Text(f"    left aside as no main text: {source.left_aside} blocks")
    grid = Table.grid(padding=(0, 1))
    for column in (1, 1, 1, 0):
        grid.add_column(no_wrap=bool(column), justify="right" if column else "left")
    heading = ""
    for passage in source.passages:
        if passage.heading != heading:
            heading = passage.heading
            grid.add_row("", "", "", Text(one_line(heading), style="bold"))
        mark = "" if passage.id in shown else "–"
        tokens = f"{round(estimated_tokens(passage.text))}"
        grid.add_row(Text(mark), Text(passage.id, style="cyan"), tokens, _words(passage))
    yield Padding(grid, (0, 0, 0, 4))


def _words(passage: Passage) -> Text:
    text = printable(passage.text)
    return Text(text if passage.kind == "code" else " ".join(text.split()))
