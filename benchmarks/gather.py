"""How long gathering the evidence of real tools takes, from a server on this machine.

usage: python -m benchmarks.gather [DATA FOLDER]     (or PANEL_DATA)

The folder holds `tools.yaml` and `dossiers/SLUG/{README.md,meta.json,LICENSE-NAME.txt}`. A loopback
server answers as GitHub would: the README as raw text, the repository's record made from what the
dossier says, and no release where none is known. Each tool is gathered from its address as
`panel review URL` would, a few at a time; times and sizes are printed last.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.support.faultd import FaultServer, Request, Scenario, respond

from panel.evidence.adapters.client import EvidenceClient
from panel.evidence.budget import choose, estimated_tokens
from panel.evidence.collect import Collected, collect, tool_name
from panel.evidence.facts import read_facts
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import read_tools

TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
TOKENS = 12_000
AT_ONCE = 4


@dataclass(frozen=True)
class Timed:
    """One tool gathered."""

    collected: Collected
    seconds: float


def pages(data: Path) -> Iterator[tuple[str, Scenario]]:
    """Yield what the server answers, by host and path."""
    for folder in sorted((data / "dossiers").iterdir()):
        meta = json.loads((folder / "meta.json").read_text())
        licence = (folder / "LICENSE-NAME.txt").read_text().strip()
        record = {
            "full_name": meta["repo"], "pushed_at": meta["commit_date"],
            "license": {"spdx_id": licence},
        }  # fmt: skip
        readme = (folder / "README.md").read_bytes()
        yield f"raw.githubusercontent.com/{meta['repo']}/HEAD/README.md", respond(200, readme, TEXT)
        yield f"api.github.com/repos/{meta['repo']}", respond(200, record)


async def gather_all(data: Path) -> tuple[list[Timed], float, int]:
    """Gather every tool of the data; returns them, the seconds in all, and the requests."""
    answers = dict(pages(data))

    def answer(request: Request) -> Scenario:
        return answers.get(request.path.lstrip("/")) or respond(404, {"message": "Not Found"})

    tools = read_tools(data / "tools.yaml").tools
    turns = asyncio.Semaphore(AT_ONCE)
    async with FaultServer(answer) as server:
        here = f"http://127.0.0.1:{server.port}"
        hosts = ("raw.githubusercontent.com", "api.github.com", "github.com")
        internet = EvidenceClient.open({}, hosts={host: f"{here}/{host}" for host in hosts})

        async def gather_one(listed: Tool) -> Timed:
            url = listed.url or ""
            async with turns:
                began = time.perf_counter()
                tool = Tool(name=tool_name(url), url=url, slug=listed.slug)
                collected = await collect(tool, internet, now=datetime.now(UTC))
                return Timed(collected, time.perf_counter() - began)

        began = time.perf_counter()
        try:
            timings = await asyncio.gather(*(gather_one(tool) for tool in tools))
        finally:
            await internet.close()
        return list(timings), time.perf_counter() - began, len(server.requests)


def report(timings: list[Timed], seconds: float, requests: int) -> None:
    """Print a line a tool, and the sums last."""
    print(f"{'tool':18} {'seconds':>7} {'sources':>7} {'passages':>8} {'chars':>7} {'tokens':>7}"
          f" {'shown':>5} {'hidden':>6}  licence       notes")  # fmt: skip
    characters = 0
    for timed in timings:
        evidence = timed.collected.evidence
        texts = [passage.text for passage in evidence.passages.values()]
        size = sum(map(len, texts))
        characters += size
        shown = len(choose(evidence, TOKENS).passages)
        licence = read_facts(evidence).licence.value or "unknown"
        print(
            f"{timed.collected.tool.name:18} {timed.seconds:7.2f} {len(evidence.sources):7}"
            f" {len(texts):8} {size:7,} {sum(map(estimated_tokens, texts)):7,.0f} {shown:5}"
            f" {sum(s.removed_hidden for s in evidence.sources):6}  {licence!s:12} "
            f" {'; '.join(evidence.notes)}"
        )
    slowest = max(timed.seconds for timed in timings)
    passages = sum(len(timed.collected.evidence.passages) for timed in timings)
    print(
        f"\n{len(timings)} tools in {seconds:.1f} s ({AT_ONCE} at a time,"
        f" slowest {slowest:.1f} s), {requests} requests, {characters:,} characters,"
        f" {passages} passages"
    )


def main(data: Path) -> None:
    """Gather and report."""
    report(*asyncio.run(gather_all(data)))


if __name__ == "__main__":
    place = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PANEL_DATA")
    if not place or not (Path(place) / "tools.yaml").is_file():
        raise SystemExit("usage: python -m benchmarks.gather DATA-FOLDER (or set PANEL_DATA)")
    main(Path(place))
