"""Put labelled passages to the local model, each alone, and say whether it takes the right ones.

    python -m benchmarks.citations --data FOLDER [--answers FILE]

`benchmarks/data/citations.yaml` says of 86 passages whether they show the answer to a criterion.
Prints the log-odds of each, then at several cuts how many of those taken hold, and how many of
those that hold are taken.
"""

import argparse
import asyncio
from pathlib import Path

from benchmarks.judge import ROOT, judge, personas, review_context
from benchmarks.labels import labels
from benchmarks.stepwise import briefs
from panel.reviews.calibration.calibration import load
from panel.reviews.calibration.controls import read_controls
from panel.reviews.strategies.passage_by_passage import SHOWS, affirms

CUTS = (0.0, SHOWS, 0.7, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=Path, help="keep and reuse answers in this file")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the READMEs")
    args = parser.parse_args()
    asyncio.run(_main(args.data, args.answers))


async def _main(data: Path, answers: Path | None) -> None:
    panel = personas()
    by_key = {f"{p.name}.{c.id}": (p, c) for p in panel for c in p.criteria}
    weighed = []
    async with judge(answers) as (calls, _):
        fitted = load(calls.config.model, own=False)
        tools = briefs(data, calls.config.evidence_tokens)
        tools |= {c.slug: c.brief() for c in read_controls(ROOT / "controls", panel)}
        for label in labels():
            persona, criterion = by_key[label.criterion]
            brief = tools[label.tool]
            passage = next(p for p in brief.passages if p.id == label.passage)
            lean = fitted.lean(persona.name, criterion.id) if fitted else 0.0
            context = review_context(calls, persona, brief)
            weighed.append((await affirms(context, criterion, passage, lean), label))
    for log_odds, label in sorted(weighed, key=lambda pair: -pair[0]):
        shows = "shows" if label.shows else "-"
        print(f"{log_odds:+.2f} {shows:5} {label.tool} {label.criterion} {label.passage}")
    positive = sum(label.shows for _, label in weighed)
    for cut in CUTS:
        taken = [label for log_odds, label in weighed if log_odds >= cut]
        right = sum(label.shows for label in taken)
        print(f"at {cut:.2f}: {right} of {len(taken)} taken hold; {right} of {positive} are taken")


if __name__ == "__main__":
    main()
