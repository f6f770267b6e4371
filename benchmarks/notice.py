"""Ask the local model whether pages say that their tool is over, and say how it did.

    python -m benchmarks.notice [--data FOLDER …] [--tools SLUG,…] [--answers FILE]

Of every control, and of the tools of each folder's `tools.yaml` (all, or those named): the first
passages alone, one short question each. Prints the log-odds in order, then how many are right.
"""

import argparse
import asyncio
from pathlib import Path

from benchmarks.judge import ROOT, judge, personas, review_context
from benchmarks.stepwise import NOTICES, briefs
from panel.reviews.calibration.controls import read_controls
from panel.reviews.strategies.passage_by_passage import NOTICE_CUT, notice_log_odds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", default=[], help="a folder of tools")
    parser.add_argument("--tools", default="", help="which of its tools; all when left out")
    parser.add_argument("--answers", type=Path, help="keep and reuse answers in this file")
    args = parser.parse_args()
    asyncio.run(_main(args.data, args.tools.split(",") if args.tools else None, args.answers))


async def _main(folders: list[Path], names: list[str] | None, answers: Path | None) -> None:
    panel = personas()
    skeptic = next(p for p in panel if p.name == "skeptic")
    criterion = next(c for c in skeptic.criteria if c.notice)
    tools = {c.slug: c.brief() for c in read_controls(ROOT / "controls", panel)}
    rows = []
    async with judge(answers) as (calls, _):
        for folder in folders:
            found = briefs(folder, calls.config.evidence_tokens)
            tools |= {s: brief for s, brief in found.items() if names is None or s in names}
        for slug, brief in tools.items():
            context = review_context(calls, skeptic, brief)
            rows.append((await notice_log_odds(context, criterion), slug))
    for log_odds, slug in sorted(rows):
        print(f"{log_odds:+.2f} {'notice' if slug in NOTICES else ''} {slug}")
    seen = [slug for log_odds, slug in rows if log_odds >= NOTICE_CUT]
    carrying = [slug for _, slug in rows if slug in NOTICES]
    right = len(rows) - len(set(seen) ^ set(carrying))
    print(
        f"seen on {sum(slug in NOTICES for slug in seen)} of {len(carrying)} that carry one,"
        f" right on {right} of {len(rows)}"
    )


if __name__ == "__main__":
    main()
