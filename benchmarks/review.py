"""How long one review takes with the embedded model, and how much of it is the model's own work.

usage: python -m benchmarks.review [TOOL FILE] [MODEL]
The model's own work is the time its calls took, from the journal; the wall time is the command's.
"""

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(tool: Path, model: str | None) -> None:
    """Review once in a fresh runs folder and print times, tokens and shares."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "panel", "review", str(tool), "--provider", "local"]
        command += ["--model", model] if model else []
        command += ["--runs", runs, "--format", "json", "--fresh"]
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - began
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        card = json.loads(done.stdout)
        (journal,) = Path(runs).glob("*/journal.db")
        with sqlite3.connect(journal) as db:
            (calls, worked) = db.execute("SELECT count(*), total(seconds) FROM calls").fetchone()
            first, *rest = db.execute(
                "SELECT input_tokens, cached_tokens FROM calls ORDER BY rowid"
            ).fetchall()
    usage = card["usage"]
    shared = max(cached for _, cached in rest)
    print(f"{card['tool']['name']} with {card['model']}: {card['verdict']['outcome']}")
    print(f"{calls} calls, {usage['input_tokens']} tokens in, {usage['output_tokens']} out")
    low = min(cached for _, cached in rest)
    print(f"first call read {first[0]} tokens; later ones found {low} to {shared} in the cache")
    print(f"wall {wall:.1f} s, model's own work {worked:.1f} s: {100 * worked / wall:.0f} %")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples/tools/sqlite-utils.yaml",
        sys.argv[2] if len(sys.argv) > 2 else None,
    )
