"""Compare the ways of asking: which of them tells good tools from others, and at what price.

    python -m benchmarks.asking [--answers FILE] [--data FOLDER] [--dead SLUG,…] [--thin SLUG,…]
                                [--reviews SLUG,…] [--whole SLUG,…]

On the control tools (`controls/`) and, with `--data` or PANEL_DATA, on a folder of real ones with
a `tools.yaml`. Three readings of the same one-token answers: `raw` takes the difference as it is,
`content-free` takes the answer on an empty tool away, `fitted` uses offset and slope: on controls
those of a fit to the other controls, on real tools the shipped ones, which have seen no real tool.
`--reviews` asks for complete stepwise reviews, `--whole` for one structured reply a persona.
"""

import argparse
import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.judge import (
    ROOT,
    SECRET,
    Answers,
    Price,
    differences,
    empty_tool,
    judge,
    measure,
    personas,
    talk,
)
from panel.evidence.budget import choose
from panel.evidence.gather import gather
from panel.evidence.tools.tool_list import read_tools
from panel.foundation.errors import CallError
from panel.llm.calls import ChatClient
from panel.llm.config import Ask
from panel.reviews.calibration.calibration import Calibration, load, sigmoid
from panel.reviews.calibration.controls import read_controls
from panel.reviews.calibration.fitting import fit_calibration
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Finding, Missing, Review
from panel.reviews.score import Rule, answer_of, score_findings
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.verdict.decide import decide

RULE = Rule()
PANEL = personas()
WEIGHTS = {p.name: p.weight for p in PANEL}
QUESTIONS = {f"{p.name}.{c.id}": c.question for p in PANEL for c in p.criteria}

Read = Callable[[str, float], float]
"""From a criterion's key and difference to a probability of yes."""


@dataclass(frozen=True)
class Judged:
    """One tool under one way of asking."""

    slug: str
    kind: str
    score: float
    outcome: str
    votes: str
    """One sign a persona: + ship, - skip, 0 abstain, ? missing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="name of the local model (the default one)")
    parser.add_argument("--answers", type=Path, help="keep and reuse answers in this file")
    parser.add_argument("--data", type=Path, default=os.environ.get("PANEL_DATA"))
    for name, what in (
        ("dead", "real tools that say themselves that they are not maintained"),
        ("thin", "real tools of which nearly nothing is known"),
        ("reviews", "real tools to review completely, stepwise; `all` for every one"),
        ("whole", "real tools to review with one reply a persona; `all` for every one"),
    ):
        parser.add_argument(f"--{name}", default="", help=what)
    asyncio.run(_main(parser.parse_args()))


async def _main(args: argparse.Namespace) -> None:
    async with judge(args.answers, args.model) as (calls, answers):
        lines = await on_controls(calls, answers)
        if args.data is None:
            print("real tools: skipped, no --data and no PANEL_DATA")
        else:
            lines += await on_real_tools(calls, answers, Path(args.data), args)
    print("\n".join(lines))


async def on_controls(calls: ChatClient, answers: Answers) -> list[str]:
    """Judge the controls under each reading, the fit always made without the one judged."""
    controls = read_controls(ROOT / "controls", PANEL)
    empty = await empty_tool(calls, PANEL)
    before = answers.price
    samples, _ = await measure(calls, PANEL, controls)
    price = answers.price.since(before)
    rows: dict[str, list[Judged]] = {}
    for place, (control, sample) in enumerate(zip(controls, samples, strict=True)):
        rest = [*samples[:place], *samples[place + 1 :]]
        fitted = fit_calibration("", "", rest, empty, QUESTIONS)
        for name, read in readings(empty, fitted).items():
            judged = from_differences(control.slug, control.kind, sample.differences, read)
            rows.setdefault(name, []).append(judged)
    return [figures(f"controls, {name}", judged, price) for name, judged in rows.items()]


async def on_real_tools(
    calls: ChatClient, answers: Answers, data: Path, args: argparse.Namespace
) -> list[str]:
    """Judge the tools of a folder under each reading, then review those that were named."""
    fitted = load(calls.config.model)
    if fitted is None:
        raise SystemExit(f"no calibration for {calls.config.model}: run panel calibrate first")
    briefs = _briefs(data, calls.config.evidence_tokens)
    kinds = dict.fromkeys(briefs, "good") | dict.fromkeys(_listed(args.dead), "bad")
    kinds |= dict.fromkeys(_listed(args.thin), "empty")
    empty = await empty_tool(calls, PANEL)
    before = answers.price
    rows: dict[str, list[Judged]] = {}
    for slug, brief in briefs.items():
        raw = await differences(calls, PANEL, brief)
        for name, read in readings(empty, fitted).items():
            rows.setdefault(name, []).append(from_differences(slug, kinds[slug], raw, read))
        talk(f"{slug} asked")
    prices = dict.fromkeys(rows, answers.price.since(before))
    for strategy in ("reviews", "whole"):
        before = answers.price
        slugs = (
            list(briefs) if getattr(args, strategy) == "all" else _listed(getattr(args, strategy))
        )
        for slug in slugs:
            judged = await _reviewed(calls, briefs[slug], kinds[slug], strategy, fitted)
            rows.setdefault(strategy, []).append(judged)
        prices[strategy] = answers.price.since(before)
    for name in ("fitted", "reviews", "whole"):
        _table(name, rows.get(name, []))
    return [figures(f"real, {name}", raw, prices[name]) for name, raw in rows.items()]


def readings(empty: Mapping[str, float], fitted: Calibration) -> dict[str, Read]:
    """Return the three ways of reading a difference."""

    def by_fit(key: str, x: float) -> float:
        persona, _, criterion = key.partition(".")
        return fitted.probability(x, persona, criterion)

    return {
        "raw": lambda key, x: sigmoid(x),
        "content-free": lambda key, x: sigmoid(x - empty[key]),
        "fitted": by_fit,
    }


def from_differences(slug: str, kind: str, raw: Mapping[str, float], read: Read) -> Judged:
    """Judge a tool by its one-token answers alone; citations are taken as given."""
    reviews = []
    for persona in PANEL:
        findings = [
            Finding(
                criterion=c.id, question=c.question, kind=c.kind, p=p,
                answer=answer_of(p, RULE), cites=("E1.1",),
            )
            for c in persona.criteria
            for p in [read(f"{persona.name}.{c.id}", raw[f"{persona.name}.{c.id}"])]
        ]  # fmt: skip
        scored = score_findings(persona, findings, RULE)
        reviews.append(
            Review(
                persona=persona.name, title=persona.title, vote=scored.vote, score=scored.score,
                coverage=scored.coverage, stance=None, summary="", findings=tuple(findings),
                fields={}, forecast=None, provider="local", model="",
            )
        )  # fmt: skip
    return _judged(slug, kind, reviews, [])


async def _reviewed(
    calls: ChatClient, brief: Brief, kind: str, strategy: str, fitted: Calibration
) -> Judged:
    """Review one tool as panel does it, texts and citations included; print the texts."""
    reviews: list[Review] = []
    missing: list[Missing] = []
    ask: Ask = "whole" if strategy == "whole" else "stepwise"
    plan = ReviewPlan(
        personas=PANEL, judge=calls.config.model_copy(update={"ask": ask}), rule=RULE,
        calibration=fitted, secret=SECRET,
    )  # fmt: skip
    for persona in PANEL:
        try:
            context = ReviewContext(plan, persona, brief, calls)
            review = await ask_review(context, today=date(2026, 1, 1))
        except CallError as fault:
            missing.append(Missing(persona=persona.name, reason=fault.reason, detail=fault.message))
            talk(f"{brief.tool.slug} {persona.name}: missing: {fault.message}")
            continue
        reviews.append(review)
        talk(f"{brief.tool.slug} {persona.name}: {review.model_dump_json()}")
    return _judged(brief.tool.slug, kind, reviews, missing)


def _judged(slug: str, kind: str, reviews: list[Review], missing: list[Missing]) -> Judged:
    verdict = decide(reviews, missing, weights=WEIGHTS, rule=RULE)
    votes = {r.persona: r.vote for r in reviews}
    signs = {"ship": "+", "skip": "-", "abstain": "0"}
    shown = "".join(signs.get(votes.get(p.name, ""), "?") for p in PANEL)
    return Judged(slug, kind, verdict.score or 0.0, verdict.outcome, shown)


def figures(name: str, rows: Sequence[Judged], price: Price) -> str:
    """Return one line: pairs ranked right, leniency, healthy tools that ship, price a tool."""
    good = [r for r in rows if r.kind == "good"]
    rest = [r for r in rows if r.kind in ("bad", "bland")]
    thin = [r for r in rows if r.kind == "empty"]
    pairs = [(g.score > r.score) + 0.5 * (g.score == r.score) for g in good for r in rest]
    per_tool = [x / len(rows) for x in (price.calls, price.seconds, price.read, price.written)]
    return (
        f"{name:23} pairs {sum(pairs):.1f} of {len(pairs)}; ships {_ships(good)} healthy, "
        f"{_ships(rest)} bad or bland, {_ships(thin)} empty; a tool {per_tool[0]:.0f} calls, "
        f"{per_tool[1]:.0f} s, {per_tool[2]:.0f} tokens read, {per_tool[3]:.0f} written"
    )


def _ships(rows: Sequence[Judged]) -> str:
    return f"{sum(r.outcome == 'ship' for r in rows)} of {len(rows)}"


def _table(name: str, rows: Sequence[Judged]) -> None:
    for row in sorted(rows, key=lambda r: -r.score):
        print(f"{name:12} {row.slug:20} {row.kind:6} {row.votes} {row.score:5.1f} {row.outcome}")


def _briefs(data: Path, tokens: int) -> dict[str, Brief]:
    now = datetime.now(UTC)
    tools = read_tools(data / "tools.yaml").tools
    return {
        t.slug: Brief(tool=t, passages=choose(gather(t, now=now), tokens).passages) for t in tools
    }


def _listed(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
