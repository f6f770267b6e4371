"""Fit the calibration of a local judge to the control tools, and write its file.

    python -m benchmarks.fit [--model NAME] [--answers FILE] [--out FILE]

Asks every question of every persona about every control in `controls/` and about an empty tool,
fits offset and slope (`panel.reviews.fitting`), and prints how the fit does on controls left out.
No real tool is ever part of it. With `--answers` an interrupted run goes on where it stopped.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.judge import ROOT, differences, empty_tool, judge, personas, talk
from panel.calls import Calls
from panel.personas import Persona
from panel.reviews.calibration import SHIPPED, Calibration, file_name
from panel.reviews.controls import Control, criterion_keys, read_controls
from panel.reviews.fitting import Sample, cross_validate, fit_calibration


async def measure(
    calls: Calls, panel: tuple[Persona, ...], controls: tuple[Control, ...]
) -> tuple[list[Sample], dict[str, float]]:
    """Ask everything and return the samples and the empty tool's differences."""
    empty = await empty_tool(calls, panel)
    samples = []
    for number, control in enumerate(controls, 1):
        began = time.monotonic()
        found = await differences(calls, panel, control.brief())
        samples.append(Sample(found, {key: control.label(key) for key in found}))
        took = time.monotonic() - began
        talk(f"{number}/{len(controls)} {control.slug} ({control.kind}) {took:.1f} s")
    return samples, empty


async def _main(args: argparse.Namespace) -> None:
    panel = personas()
    controls = read_controls(args.controls, panel)
    async with judge(args.answers, args.model) as (calls, _):
        samples, empty = await measure(calls, panel, controls)
        model = calls.target.model
    questions = {f"{p.name}.{c.id}": c.question for p in panel for c in p.criteria}
    made = f"{datetime.now(UTC):%Y-%m-%d} from {len(controls)} control tools by benchmarks/fit.py"
    fitted = fit_calibration(model, made, samples, empty, questions)
    out = args.out or SHIPPED / file_name(model)
    out.write_text(json.dumps(fitted.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
    _report(fitted, samples, empty, questions, controls)
    print(f"written: {out.name}")


def _report(
    fitted: Calibration,
    samples: list[Sample],
    empty: dict[str, float],
    questions: dict[str, str],
    controls: tuple[Control, ...],
) -> None:
    kinds = sorted({c.kind for c in controls})
    print(f"{'criterion':26} {'offset':>6} {'slope':>5}  " + "  ".join(f"{k:>5}" for k in kinds))
    for key in criterion_keys(personas()):
        row = fitted.criteria[key]
        means = []
        for kind in kinds:
            xs = [
                s.differences[key] for s, c in zip(samples, controls, strict=True) if c.kind == kind
            ]
            means.append(f"{sum(xs) / len(xs):5.1f}")
        print(f"{key:26} {row.offset:6.2f} {row.slope:5.2f}  " + "  ".join(means))
    held = cross_validate(samples, empty, questions)
    print(f"controls left out once each: loss {held.loss:.3f}, right side {100 * held.right:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="name of the local model (the default one)")
    parser.add_argument("--controls", type=Path, default=ROOT / "controls")
    parser.add_argument("--answers", type=Path, help="keep and reuse answers in this file")
    parser.add_argument("--out", type=Path, help="calibration file to write (the shipped one)")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
