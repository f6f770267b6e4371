"""What a run would ask, read and cost, told without asking: the estimate of a dry run.

Prompts are measured on a few of the tools, as they would be sent; the length of replies is that of
stored ones. Answers of earlier runs that would be used again are not taken off.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from panel.engine.caps import is_free
from panel.engine.from_manifest import open_from_manifest, rerun_options
from panel.engine.gather_evidence import is_fetched, own_evidence, stored_ahead
from panel.engine.open_panel import open_panel
from panel.engine.options import Options
from panel.evidence.budget import estimated_tokens
from panel.evidence.collect import Collected
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.llm.config import ProviderConfig
from panel.reviews import prompts
from panel.reviews.briefs import briefs
from panel.reviews.canary import EVERY
from panel.reviews.personas import Persona, applicable
from panel.reviews.plan import ReviewPlan
from panel.reviews.strategies import judge_then_write
from panel.reviews.strategies.ask import steps, writes
from panel.runs.metadata import stored_gathering
from panel.runs.pending import Again, check_all_read
from panel.runs.run import Run

MEASURED: Final = 12
"""Tools whose prompts are measured, from all over the list."""
UNREAD: Final = 3_000.0
"""Tokens of evidence that an address is taken to have where no other tool was measured: those of a
README in the middle (`docs/asking.md`)."""

JUDGED, WRITTEN = 560.0, 230.0
"""Tokens of a reply to a judge and to a write call (`benchmarks.prompts`)."""
_WRITE_TAIL: Final = 1_300.0
_EXCERPT: Final = 0.15
"""Tokens of a write call beside its excerpt, and the excerpt's share of the evidence."""
_QUESTION: Final = 60.0
"""Tokens of one yes/no question."""
_ALONE: Final = 0.5
"""Share of those questions that are put to one passage alone, of about 150 tokens."""
_PASSAGE: Final = 150.0


@dataclass(frozen=True)
class Estimate:
    """What would be done. Tokens are estimated; calls are those of a tool of unknown kind."""

    tools: int
    calls: int
    input_tokens: float
    output_tokens: float
    cost: float | None
    """US dollars; None where a price is not known."""
    prices: tuple[str, ...]
    """One line a model: its price, and where that stands."""
    addresses: tuple[str, ...]
    """Those that evidence would be fetched from."""
    measured: int
    """Tools whose prompts were measured."""
    skipped: tuple[str, ...] = ()
    """Why tools that were to be measured could not be read."""


async def estimate_list(options: Options, tools: Sequence[Tool]) -> Estimate:
    """Return what a batch of a list would do.

    Raises:
        InputError: as the batch would: a file, a persona, a provider cannot be used.
    """
    options = replace(options, tools=len(tools), dry_run=True)
    ahead = await asyncio.to_thread(stored_ahead, options, tools)
    opened = await open_panel(options)
    await opened.close()

    def read(tool: Tool) -> Collected:
        return ahead.get(tool.slug) or own_evidence(tool, datetime.now(UTC))

    return await asyncio.to_thread(_estimate, options, opened.plan, tools, read)


async def estimate_run(options: Options, path: Path, again: Again) -> Estimate:
    """Return what a resume would do, or a retry; raises what these would."""
    options = replace(options, dry_run=True)
    with Run.open(path) as run:
        opened = await open_from_manifest(options, run.manifest)
        await opened.close()
        finished = run.finished_tools(again.reasons)
        tools = [tool for tool in run.tools() if tool.slug not in finished]
        options = replace(options, fetch=stored_gathering(run) != "local")
        return _estimate(options, opened.plan, tools, _stored_in(run), stored=run)


async def estimate_rerun(options: Options, path: Path, *, samples: int | None) -> Estimate:
    """Return what a rerun would do; raises what it would."""
    with Run.open(path) as run:
        check_all_read(run)
        options = rerun_options(replace(options, dry_run=True), run.manifest, samples=samples)
        opened = await open_panel(options)
        await opened.close()
        return _estimate(options, opened.plan, run.tools(), _stored_in(run), stored=run)


async def estimate_gathered(options: Options, gathered: Sequence[Collected]) -> Estimate:
    """Return what a run over tools with their evidence would do; raises what it would."""
    by_slug = {collected.tool.slug: collected for collected in gathered}
    tools = [collected.tool for collected in gathered]
    options = replace(options, tools=len(tools), dry_run=True, offline=True)
    opened = await open_panel(options)
    await opened.close()
    return _estimate(options, opened.plan, tools, lambda tool: by_slug[tool.slug])


def _stored_in(run: Run) -> Callable[[Tool], Collected]:
    def read(tool: Tool) -> Collected:
        evidence = run.evidence(tool.slug)
        return Collected(tool, evidence) if evidence else own_evidence(tool, datetime.now(UTC))

    return read


def _estimate(
    options: Options,
    plan: ReviewPlan,
    tools: Sequence[Tool],
    read: Callable[[Tool], Collected],
    *,
    stored: Run | None = None,
) -> Estimate:
    tools = tools[: options.limit]
    held = {tool.slug for tool, is_read in stored.stored.each_tool() if is_read} if stored else ()
    remote = [tool for tool in tools if tool.slug not in held and is_fetched(tool, options)]
    fetched = {tool.slug for tool in remote}
    local = [tool for tool in tools if tool.slug not in fetched]
    sizes, skipped = _sizes(plan, local[:: max(1, len(local) // MEASURED)][:MEASURED], read)
    totals = [_asked(plan, persona, _mean(sizes, plan, persona)) for persona in plan.personas]
    calls = sum(t.calls for t in totals) * len(tools)
    if len(tools) >= EVERY:
        calls += -(-len(tools) // EVERY) * len({_judge(plan, p).wire_model for p in plan.personas})
    costs = [_cost(_judge(plan, p), t) for p, t in zip(plan.personas, totals, strict=True)]
    known = [cost for cost in costs if cost is not None]
    return Estimate(
        tools=len(tools),
        calls=calls,
        input_tokens=sum(t.read for t in totals) * len(tools),
        output_tokens=sum(t.written for t in totals) * len(tools),
        cost=sum(known) * len(tools) if len(known) == len(costs) and not plan.support else None,
        prices=tuple(dict.fromkeys(_price_lines(plan))),
        addresses=tuple(tool.url for tool in remote if tool.url),
        measured=len(sizes),
        skipped=skipped,
    )


@dataclass(frozen=True)
class _Asked:
    """What one reviewer takes about one tool."""

    calls: int
    read: float
    written: float


def _sizes(
    plan: ReviewPlan, tools: Iterable[Tool], read: Callable[[Tool], Collected]
) -> tuple[list[dict[str, float]], tuple[str, ...]]:
    """Return the tokens of what every reviewer is shown, by its name, of each tool."""
    sizes, skipped = [], []
    for tool in tools:
        try:
            collected = read(tool)
        except ToolError as error:
            skipped.append(error.message)
            continue
        shown = briefs(plan, collected.tool, collected.evidence.gathered).by_persona
        sizes.append({n: estimated_tokens(prompts.shared(brief)) for n, brief in shown.items()})
    return sizes, tuple(skipped)


def _mean(sizes: Sequence[dict[str, float]], plan: ReviewPlan, persona: Persona) -> float:
    if sizes:
        return sum(size[persona.name] for size in sizes) / len(sizes)
    return min(UNREAD, _judge(plan, persona).evidence_tokens)


def _judge(plan: ReviewPlan, persona: Persona) -> ProviderConfig:
    return plan.of(persona.name).judge


def _asked(plan: ReviewPlan, persona: Persona, evidence: float) -> _Asked:
    """Return the calls and tokens of one reviewer about one tool with so much evidence."""
    persona = applicable(persona, None)
    system = estimated_tokens(prompts.system())
    if _judge(plan, persona).ask != "whole":
        calls = steps(plan, persona)
        alone = calls * _ALONE
        read = (calls - alone) * (evidence + _QUESTION) + alone * (_PASSAGE + _QUESTION)
        return _Asked(calls, read + calls * system, calls)
    tail = estimated_tokens(prompts.judge_tail(persona, judge_then_write.judge_form(persona)))
    read, written = system + evidence + tail, JUDGED
    if writes(plan, persona):
        read += (system + _WRITE_TAIL + _EXCERPT * evidence) / plan.samples
        written += WRITTEN / plan.samples
    calls = plan.samples + (1 if writes(plan, persona) else 0)
    return _Asked(calls, plan.samples * read, plan.samples * written)


def _cost(judge: ProviderConfig, asked: _Asked) -> float | None:
    """Return what so much costs at most; None where a price is not known."""
    if is_free(judge):
        return 0.0
    if not judge.prices:
        return None
    return max((asked.read * i + asked.written * o) / 1e6 for i, o in judge.prices.values())


def _price_lines(plan: ReviewPlan) -> Iterator[str]:
    yield from (_price_line(_judge(plan, persona)) for persona in plan.personas)
    yield from (f"fallback, {_price_line(fallback.config)}" for fallback in plan.fallbacks)


def _price_line(judge: ProviderConfig) -> str:
    name = f"{judge.model} through {judge.provider}"
    if is_free(judge):
        return f"{name} costs nothing"
    if not judge.prices:
        return f"the price of {name} is not known"
    i, o = max(judge.prices.values(), key=sum)
    where = f", by {judge.prices_from}" if judge.prices_from else ""
    return f"{name}: ${i:g} a million tokens read, ${o:g} written{where}"
