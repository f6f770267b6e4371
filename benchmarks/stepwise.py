"""Review control tools and real ones as panel does with the local model, and say how it did.

    python -m benchmarks.stepwise [--answers FILE] [--controls SLUG,…|all] [--data FOLDER]
                                  [--tools SLUG,…|all] [--compare SLUG,…]

Prints for each tool the notice's log-odds, votes, score and outcome; then how many notices were
seen, healthy and dead tools that ship, labelled citations that hold, sentences that contradict a
finding of their card, and by how much the stance tells healthy tools from others. `--compare` also
reviews tools, of the folder or controls, by the strategy of 0.1 and prints the ratio of CPU time,
each review in an engine of its own.
"""

import argparse
import asyncio
import resource
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.judge import ROOT, SECRET, Price, judge, personas, talk
from benchmarks.labels import labels
from panel.evidence.budget import choose
from panel.evidence.gather import gather
from panel.evidence.tools.tool_list import read_tools
from panel.llm.calls import ChatClient
from panel.reviews.calibration.calibration import Calibration, load
from panel.reviews.calibration.controls import read_controls
from panel.reviews.compose import OPEN
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Review
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.verdict.decide import decide
from panel.runs.metadata import stored_personas
from panel.runs.run import Run

NOTICES = frozenset(
    {
        "copilotine", "cordwain", "glasswing", "parchment-orm", "pivotal-queue",
        "quantlet", "streamlet-sync", "tessera-notebook", "autoawq", "continue", "swarm",
    }
)  # fmt: skip
"""Tools whose own page says, within its first passages, that they are over."""

THIN = frozenset({"fx"})
"""Tools whose page says next to nothing: whoever ships them has not read it."""


class Judged(NamedTuple):
    """One tool reviewed."""

    slug: str
    kind: str
    reviews: tuple[Review, ...]
    score: float
    outcome: str

    @property
    def notice(self) -> bool:
        """Whether a reviewer was told by the page that the tool is over."""
        return any(_by_notice(r) for r in self.reviews)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=Path, help="keep and reuse answers in this file")
    parser.add_argument("--controls", default="", help="controls to review; `all` for every one")
    parser.add_argument("--data", type=Path, help="a folder with a tools.yaml")
    parser.add_argument("--tools", default="", help="its tools to review; `all` for every one")
    parser.add_argument("--compare", default="", help="tools to review in both ways")
    asyncio.run(_main(parser.parse_args()))


async def _main(args: argparse.Namespace) -> None:
    panel = personas()
    controls = {c.slug: c for c in read_controls(ROOT / "controls", panel)}
    judged = []
    async with judge(args.answers) as (calls, answers):
        real = briefs(args.data, calls.config.evidence_tokens) if args.data else {}
        fitted = load(calls.config.model, own=False)
        for slug in _listed(args.controls, list(controls)):
            control = controls[slug]
            judged.append(await _judge(calls, panel, control.brief(), control.kind, fitted))
        for slug in _listed(args.tools, list(real)):
            kind = "bad" if slug in NOTICES else "empty" if slug in THIN else "good"
            judged.append(await _judge(calls, panel, real[slug], kind, fitted))
    price = answers.price
    for row in sorted(judged, key=lambda r: -r.score):
        print(_line(row))
    if judged:
        print("\n".join(_figures(judged, panel)))
        print(f"a tool {', '.join(_each(price, len(judged)))}")
    if args.compare:
        by_slug = {slug: control.brief() for slug, control in controls.items()} | real
        rows = [await _compared(by_slug[slug], panel) for slug in _listed(args.compare, list(real))]
        print(f"median ratio {median(rows):.2f} of 0.1.0's CPU time over {len(rows)} tools")


async def _judge(
    calls: ChatClient,
    panel: Sequence[Persona],
    brief: Brief,
    kind: str,
    fitted: Calibration | None,
) -> Judged:
    plan = ReviewPlan(
        personas=tuple(panel), judge=calls.config.model_copy(update={"ask": "stepwise"}),
        rule=Rule(), calibration=fitted, secret=SECRET,
    )  # fmt: skip
    began = time.monotonic()
    reviews = [
        await ask_review(ReviewContext(plan, p, brief, calls), today=date(2026, 1, 1))
        for p in panel
    ]
    verdict = decide(reviews, [], weights={p.name: p.weight for p in panel}, rule=plan.rule)
    slug = brief.tool.slug
    talk(f"{slug} ({kind}): {verdict.outcome}, {time.monotonic() - began:.0f} s")
    for review in reviews:
        talk(f"  {review.model_dump_json()}")
    return Judged(slug, kind, tuple(reviews), verdict.score or 0.0, verdict.outcome)


def _by_notice(review: Review) -> bool:
    """Tell whether a finding comes from the notice: a `no` without a probability."""
    return any(f.answer == "no" and f.p is None and f.cites for f in review.findings)


def _line(row: Judged) -> str:
    signs = {"ship": "+", "skip": "-", "abstain": "0"}
    votes = "".join(signs[r.vote] for r in row.reviews)
    notice = "notice" if row.notice else ""
    return f"{row.slug:22} {row.kind:6} {notice:6} {votes} {row.score:5.1f} {row.outcome}"


def _figures(rows: Sequence[Judged], panel: Sequence[Persona]) -> list[str]:
    healthy = [r for r in rows if r.kind == "good"]
    rest = [r for r in rows if r.kind != "good"]
    carrying = [r for r in rows if r.slug in NOTICES]
    right = sum(r.notice == (r.slug in NOTICES) for r in rows)
    seen = sum(r.notice for r in carrying)
    faults = [
        line
        for row in rows
        for review, persona in zip(row.reviews, panel, strict=True)
        for line in contradictions(review, persona)
    ]
    cited = sum(bool(f.cites) for r in rows for v in r.reviews for f in v.findings)
    return [
        f"notice seen on {seen} of {len(carrying)} that carry one, right on {right} of {len(rows)}",
        f"ships: {_ships(healthy)} healthy, {_ships(carrying)} dead, {_ships(rest)} of all "
        "that should not",
        f"stance: {_ranked(healthy, rest):.2f} of pairs ranked right by its log-odds",
        _labelled(rows),
        f"{cited} facts cited; {len(faults)} composed sentences contradict a finding",
        *faults,
    ]


def _labelled(rows: Sequence[Judged]) -> str:
    """Say how many of the citations for a yes that were labelled by hand hold."""
    shows = {(label.tool, label.criterion, label.passage): label.shows for label in labels()}
    cited = [
        (row.slug, f"{review.persona}.{finding.criterion}", finding.cites[0])
        for row in rows
        for review in row.reviews
        for finding in review.findings
        if finding.answer == "yes" and finding.cites
    ]
    known = [shows[key] for key in cited if key in shows]
    unknown = "".join(f"\n  no label: {' '.join(key)}" for key in cited if key not in shows)
    counts = f"{sum(known)} of {len(known)} labelled hold, {len(cited)} in all"
    return f"citations of a yes: {counts}{unknown}"


def contradictions(review: Review, persona: Persona) -> list[str]:
    """Return the statements in a composed review that its own findings deny."""
    text = review.summary.lower()
    by_id = {criterion.id: criterion for criterion in persona.criteria}
    own = [
        by_id[f.criterion].statement(f.answer).removeprefix(OPEN).lower()
        for f in review.findings
        if f.says
    ]
    for words in sorted(own, key=len, reverse=True):
        text = text.replace(words, "")
    faults = []
    for finding in review.findings:
        criterion = by_id[finding.criterion]
        if (says := criterion.says) is None:
            continue
        denied = {says.yes, says.no, says.unclear} - {criterion.statement(finding.answer)}
        faults += [
            f"{review.persona}: “{words}”, but {finding.criterion} is {finding.answer}"
            for words in denied
            if words.lower() in text or words.replace(OPEN, ", nor ", 1).lower() in text
        ]
    opposite = {"ship": persona.opening.skip, "skip": persona.opening.ship}.get(review.vote, "")
    start = opposite.partition("{tool}")[0].strip()
    if start and review.summary.startswith(start + " "):
        faults.append(f"{review.persona}: begins as {opposite!r}, votes {review.vote}")
    return faults


def _ships(rows: Sequence[Judged]) -> str:
    return f"{sum(r.outcome == 'ship' for r in rows)} of {len(rows)}"


def _ranked(better: Sequence[Judged], worse: Sequence[Judged]) -> float:
    def stance(row: Judged) -> float:
        return sum(r.stance_log_odds or 0.0 for r in row.reviews)

    pairs = [
        (stance(a) > stance(b)) + 0.5 * (stance(a) == stance(b)) for a in better for b in worse
    ]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _each(price: Price, tools: int) -> tuple[str, str, str]:
    return (
        f"{price.calls / tools:.0f} calls",
        f"{price.read / tools:.0f} tokens read",
        f"{price.written / tools:.0f} written",
    )


async def _compared(brief: Brief, panel: Sequence[Persona]) -> float:
    with Run.open(ROOT / "tests" / "data" / "version1" / "pair") as run:
        before = stored_personas(run)
    if before is None:
        raise SystemExit("the run of 0.1 kept no reviewers: nothing to compare with")
    costs = [await _cost(brief, personas) for personas in (before, panel)]
    print(f"{brief.tool.slug}: {costs[0]:.0f} s of CPU by 0.1.0, {costs[1]:.0f} s now")
    return costs[1] / costs[0]


async def _cost(brief: Brief, panel: Sequence[Persona]) -> float:
    """Return the CPU seconds of an engine that reviews one tool, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with judge(None) as (calls, answers):
        await _judge(calls, panel, brief, "", load(calls.config.model, own=False))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    price = answers.price
    talk(f"  {', '.join(_each(price, 1))}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def briefs(data: Path, tokens: int) -> dict[str, Brief]:
    """Return the tools of a folder with what is shown of their evidence, by slug."""
    now = datetime.now(UTC)
    tools = read_tools(data / "tools.yaml").tools
    return {t.slug: Brief(t, choose(gather(t, now=now), tokens).passages) for t in tools}


def _listed(text: str, everything: list[str]) -> list[str]:
    return everything if text == "all" else [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
