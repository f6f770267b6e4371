"""Tokens of a review asked `whole`: judge and write call against the single call of 0.1.

usage: python -m benchmarks.prompts FOLDER [--price 0.35,0.75] [--show TOOL]

FOLDER holds a folder a tool, each with a README.md. Every prompt is the one that a run would send,
with answers made up by code, each citing the two passages that share most words with its question.
No request is sent. Tokens are estimated as the evidence budget does; no prefix cache is assumed.
The price is in USD per million input and output tokens. `--show` prints a tool's write prompts
instead.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from panel.evidence.budget import choose, estimated_tokens
from panel.evidence.gather import gather
from panel.evidence.kinds import with_kind
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import TimedOut
from panel.foundation.paths import data_folder
from panel.llm.calls import ChatClient, ParsedAnswer
from panel.llm.config import ProviderConfig
from panel.llm.replay import Replay
from panel.llm.types import CallRecord, CallTag, ChatRequest, ChatResponse, RepairTail, Usage
from panel.reviews import prompts
from panel.reviews.personas import Persona, applicable, load_personas
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.propositions import ASKED
from panel.reviews.score import Rule
from panel.reviews.shortlist import shortlist
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.write_panel import Seat, Unwritten, write_all

T = TypeVar("T")

EVIDENCE: Final = 12_000
"""Tokens of passages, as for hosted providers."""
TAILS: Final = {"builder": 1531, "skeptic": 1521, "business": 1485, "futurist": 1491}
"""Tokens that followed the evidence in the single call of 0.1.0: reviewer, questions, written
parts, schema."""
WRITTEN: Final = {"0.1": 620, "judge": 560, "write": 230}
"""Tokens of a reply of each call: estimated of the replies in tests/data/reviews."""
CACHED: Final = 0.25
"""Share of the price that a provider takes for a token of a prefix that it has read before."""
ANSWERS: Final = ("yes", "no", "unclear")
"""In turn, so that as much is told to the writers as ever is."""
TARGET: Final = ProviderConfig(
    provider="none", kind="wire", model="none", wire_model="none", concurrency=1
)


class PromptTokens(NamedTuple):
    """Estimated tokens of prompts: one reviewer's about one tool, or means of such."""

    shared: float
    """What the judge calls of all reviewers begin with."""
    judge: float
    write: float
    before: float
    """The single call of 0.1.0."""
    read: float
    """Passages in the judge call."""
    shown: float
    """Passages in the write call."""

    @property
    def sent(self) -> float:
        """Tokens of both calls."""
        return self.judge + self.write


class _Prompts(ChatClient):
    """Keeps what it is asked; judges by rule, and writes nothing."""

    def __init__(self, brief: Brief) -> None:
        super().__init__(Replay("nothing"), TARGET, _Nowhere())
        self.brief = brief
        self.asked: dict[tuple[str, str], ChatRequest] = {}
        """By persona and step."""

    async def ask(
        self,
        request: ChatRequest,
        *,
        tag: CallTag,
        parse: Callable[[ChatResponse], T],
        repair: RepairTail | None = None,
    ) -> ParsedAnswer[T]:
        self.asked[tag.persona, tag.step] = request
        if tag.step != "judge":
            raise TimedOut("a measurement asks nobody")
        persona = next(p for p in _personas() if p.name == tag.persona)
        response = ChatResponse(_judgement(persona, self.brief), "stop", Usage(), None)
        return ParsedAnswer(parse(response), response, Usage(), False)


class _Nowhere:
    """A recorder that keeps nothing."""

    def find(self, key: str) -> ChatResponse | None:
        return None

    async def record(self, call: CallRecord) -> None:
        """Keep nothing."""


def _personas() -> tuple[Persona, ...]:
    return load_personas(folders=[data_folder("personas")])


def _judgement(persona: Persona, brief: Brief) -> str:
    asked = applicable(persona, brief.tool.kind).criteria
    cited = {
        c.id: [p.id for p in shortlist(f"{c.question} {c.cues}", brief.passages, most=2)]
        for c in asked
    }
    return json.dumps(
        {
            "persona": persona.name,
            "findings": {
                ident: {"cites": ids, "because": "", "answer": answer}
                for (ident, ids), answer in zip(cited.items(), cycle(ANSWERS), strict=False)
            },
            "status": {"cites": [], "is": "active"},
            "missing": [],
            "stance": "ship",
        }
    )


async def asked_of(brief: Brief, personas: Sequence[Persona]) -> dict[tuple[str, str], ChatRequest]:
    """Return what all reviewers are asked about one tool, by persona and step."""
    client = _Prompts(brief)
    plan = ReviewPlan(personas=tuple(personas), judge=TARGET, rule=Rule(), propositions=ASKED)
    today = brief.day or datetime.now(UTC).date()
    seats = []
    for persona in personas:
        contexts = [ReviewContext(plan, persona, brief, client) for _ in range(2)]
        review = await ask_review(contexts[0], today=today)
        seats.append(Seat(persona, review, Unwritten(review, contexts[1])))
    await write_all(plan, seats, today=today)
    return client.asked


def prompt_tokens(brief: Brief, personas: Sequence[Persona]) -> list[PromptTokens]:
    """Measure the prompts of each reviewer about one tool."""
    asked = asyncio.run(asked_of(brief, personas))
    single = prompts.system() + prompts.shared(brief)
    rows = []
    for persona in personas:
        judge, write = (asked[persona.name, step] for step in ("judge", "write"))
        rows.append(
            PromptTokens(
                shared=estimated_tokens(judge.system + judge.shared),
                judge=estimated_tokens(judge.system + judge.shared + judge.tail),
                write=estimated_tokens(write.system + write.shared + write.tail),
                before=estimated_tokens(single) + TAILS[persona.name],
                read=len(brief.passages),
                shown=write.shared.count("\n[E"),
            )
        )
    return rows


def brief_of(folder: Path) -> Brief:
    """Read the evidence of one tool, cut to the budget."""
    tool = Tool(name=folder.name, slug=folder.name, evidence=(folder / "README.md",))
    evidence = gather(tool, now=datetime.now(UTC))
    passages = choose(evidence, EVIDENCE).passages
    return Brief(tool=with_kind(tool, evidence), passages=passages, day=evidence.day)


def main() -> None:
    """Print a line a tool, and the sums; or a tool's write prompts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--price", default="0.35,0.75")
    parser.add_argument("--show")
    options = parser.parse_args()
    folders = sorted(path.parent for path in options.folder.glob("*/README.md"))
    if not folders:
        sys.exit(f"{options.folder}: holds no folder with a README.md")
    if options.show:
        _show(brief_of(options.folder / options.show))
        return
    print("tool                judge  write   sent    0.1   ratio  passages")
    rows = []
    for folder in folders:
        rows.append(_mean(prompt_tokens(brief_of(folder), _personas())))
        _print_row(folder.name, rows[-1])
    _print_row("mean", _mean(rows))
    ratios = [row.sent / row.before for row in rows]
    print(f"ratio: median {statistics.median(ratios):.3f}, largest {max(ratios):.3f}")
    _print_costs(_mean(rows), [float(part) / 1e6 for part in options.price.split(",")])


def _show(brief: Brief) -> None:
    for (persona, step), request in asyncio.run(asked_of(brief, _personas())).items():
        if step == "write":
            print(f"=== {persona}\n{request.shared}{request.tail}")


def _mean(rows: Sequence[PromptTokens]) -> PromptTokens:
    return PromptTokens(*map(statistics.fmean, zip(*rows, strict=True)))


def _print_row(name: str, row: PromptTokens) -> None:
    print(
        f"{name:<18} {row.judge:6.0f} {row.write:6.0f} {row.sent:6.0f} {row.before:6.0f}"
        f"   {row.sent / row.before:5.2f}  {row.shown:.0f} of {row.read:.0f}"
    )


def _print_costs(row: PromptTokens, price: Sequence[float]) -> None:
    """Print what four reviewers cost, in cents, with and without a prefix cache."""
    calls = {
        "0.1": (4 * row.before, WRITTEN["0.1"]),
        "now": (4 * row.sent, WRITTEN["judge"] + WRITTEN["write"]),
    }
    saved = 3 * row.shared * (1 - CACHED)  # of four calls on one beginning
    for name, (tokens, replies) in calls.items():
        written = 4 * replies * price[1]
        costs = [(read * price[0] + written) * 100 for read in (tokens, tokens - saved)]
        print(
            f"four reviewers, {name}: {costs[0]:.2f} cents, {costs[1]:.2f} where a cached token"
            f" costs {CACHED:.0%}"
        )


if __name__ == "__main__":
    main()
