"""Tokens of a review asked `whole`: judge and write call against the single call of 0.1.

usage: python -m benchmarks.prompts FOLDER [--price 0.35,0.75]

FOLDER holds a folder a tool, each with a README.md. Tokens are estimated as the evidence budget
does. The beginning that both calls share is counted once a call (`sent`) and once a review
(`new`): what a provider's prefix cache cannot serve. The price is in USD per million input and
output tokens.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from panel.evidence.budget import choose, estimated_tokens
from panel.evidence.gather import gather
from panel.evidence.tools.tool import Tool
from panel.foundation.paths import data_folder
from panel.reviews import prompts
from panel.reviews.personas import Persona, load_personas
from panel.reviews.prompts import Brief, WriterBrief
from panel.reviews.strategies.ask import resolve_date
from panel.reviews.strategies.judge_then_write import judge_form
from panel.reviews.strategies.version1.single_call import schema_of
from panel.reviews.strategies.written_review import write_form

EVIDENCE: Final = 12_000
"""Tokens of passages, as for hosted providers."""
WRITTEN: Final = {"0.1": 620, "judge": 560, "write": 230}
"""Tokens of a reply of each call: estimated of the replies in tests/data/reviews."""


@dataclass(frozen=True)
class PromptTokens:
    """Estimated tokens of one reviewer's prompts about one tool."""

    shared: float
    """What both calls start with."""
    calls: tuple[float, float]
    """What follows in each."""
    before: float
    """The single call of 0.1, whole."""

    @property
    def sent(self) -> float:
        """Tokens of both calls."""
        return 2 * self.shared + sum(self.calls)

    @property
    def new(self) -> float:
        """Tokens of both calls, the shared part once."""
        return self.shared + sum(self.calls)


def prompt_tokens(persona: Persona, brief: Brief) -> PromptTokens:
    """Measure the prompts of one reviewer about one tool."""
    system = prompts.system()
    answers = [f"{c.question} Yes [E1.1] [E1.2]." for c in persona.criteria[:6]]
    others = [f"The Reviewer: ship, 72 of 100. {persona.criteria[0].question} Yes."] * 3
    day = brief.day or datetime.now(UTC).date()
    due = resolve_date(day, persona.forecast.horizon_months)
    judge = prompts.judge_tail(persona, judge_form(persona))
    write = prompts.write_tail(
        persona, WriterBrief("ship", 72.0, answers, others, due), write_form(persona)
    )
    before = system + prompts.shared(brief) + prompts.whole_tail(persona, schema_of(persona))
    return PromptTokens(
        shared=estimated_tokens(system + prompts.dated(brief)),
        calls=(estimated_tokens(judge), estimated_tokens(write)),
        before=estimated_tokens(before),
    )


def brief_of(folder: Path) -> Brief:
    """Read the evidence of one tool, cut to the budget."""
    tool = Tool(name=folder.name, slug=folder.name, evidence=(folder / "README.md",))
    evidence = gather(tool, now=datetime.now(UTC))
    return Brief(tool=tool, passages=choose(evidence, EVIDENCE).passages, day=evidence.day)


def main() -> None:
    """Print a line a tool, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--price", default="0.35,0.75")
    options = parser.parse_args()
    personas = load_personas(folders=[data_folder("personas")])
    folders = sorted(path.parent for path in options.folder.glob("*/README.md"))
    if not folders:
        sys.exit(f"{options.folder}: holds no folder with a README.md")
    rows = []
    print("tool                shared  judge  write   sent    new    0.1   sent/0.1  new/0.1")
    for folder in folders:
        measured = [prompt_tokens(persona, brief_of(folder)) for persona in personas]
        shared, judge, write, sent, new, before = (
            statistics.fmean(values)
            for values in zip(
                *((m.shared, *m.calls, m.sent, m.new, m.before) for m in measured), strict=True
            )
        )
        rows.append((shared, judge, write, sent, new, before))
        print(
            f"{folder.name:<18} {shared:7.0f} {judge:6.0f} {write:6.0f} {sent:6.0f} {new:6.0f}"
            f" {before:6.0f}   {sent / before:6.2f}   {new / before:6.2f}"
        )
    shared, judge, write, sent, new, before = map(statistics.fmean, zip(*rows, strict=True))
    ratios = sorted(row[4] / row[5] for row in rows)
    print(
        f"{'mean':<18} {shared:7.0f} {judge:6.0f} {write:6.0f} {sent:6.0f} {new:6.0f}"
        f" {before:6.0f}   {sent / before:6.2f}   {new / before:6.2f}   (largest {ratios[-1]:.2f})"
    )
    price = tuple(float(part) / 1e6 for part in options.price.split(","))
    prefix, tails = shared, (judge, write)
    _print_cost("0.1", price, prefix, [before - prefix], [WRITTEN["0.1"]])
    _print_cost("now", price, prefix, tails, [WRITTEN["judge"], WRITTEN["write"]])


def _print_cost(
    name: str,
    price: Sequence[float],
    prefix: float,
    tails: Sequence[float],
    replies: Sequence[float],
) -> None:
    """Print what four reviewers cost, in cents, by what the provider takes for a known prefix."""
    calls = 4 * len(tails)
    written = 4 * sum(replies) * price[1]
    costs = [
        ((prefix + (calls - 1) * prefix * share + 4 * sum(tails)) * price[0] + written) * 100
        for share in (1.0, 0.25)
    ]
    print(
        f"four reviewers, {name}: {costs[0]:.2f} cents, {costs[1]:.2f} where a cached token costs a"
        " quarter"
    )


if __name__ == "__main__":
    main()
