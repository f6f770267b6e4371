"""What a call costs in bulk: panel beside raw aiohttp and a bare `openai` loop, on one server.

usage: python -m benchmarks.bulk [--calls 16384] [--in-flight 64,256] [--latency 0.2,0]
                                 [--who raw,openai,panel] [--url URL] [--no-write]

All three send the same request bodies; `raw` posts them and reads JSON, `openai` is the official
client and a pydantic model, `panel` takes tools past the four shipped reviewers, with prompt,
validation, citations, verdict and a journal on disk; 256 in flight are `--concurrency auto`. CPU is
that of the asking process alone. The server is one of its own (`benchmarks.bulk_server`) unless an
address is given; one that knows no written reviews needs --no-write. The figures come last.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.bulk_server import KIND
from panel.engine.batch import review_all, tools_in_flight
from panel.engine.evidence_stream import EvidenceStream, PendingTools
from panel.engine.options import Options
from panel.engine.review_job import ReviewJob
from panel.engine.session import Session
from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool
from panel.foundation.settings import Settings
from panel.llm.config import CEILING, Concurrency
from panel.llm.openai_compat.request import Payload
from panel.llm.types import CallRecord
from panel.reviews.strategies.judge_then_write import JudgeReply
from panel.reviews.strategies.written_review import WriteReply

PASSAGES = 24
SAMPLED_TOOLS = 16
"""Tools whose request bodies raw and openai send, again and again."""

_STORED_AT_ONCE = 200
"""So that a long list does not lie in memory, which counts in the peak."""

_LINES = (
    "{name} keeps {n} kinds of records in one file and finds each of them by its key in a moment.",
    "It is installed with `pip install {slug}` and needs nothing but Python 3.{n} or later.",
    "A plug-in registers a hook under a name; {name} calls it before each of {n} steps it takes.",
    "Version 1.{n} came out on 2026-03-{n:02}; 12 people have committed in the last {n} months.",
    "Support answers within {n} hours on working days; the plan for a team costs $9 a seat.",
    "The licence is Apache-2.0. Data can be exported as CSV or JSON at any time, without a fee.",
)


@dataclass(frozen=True)
class Figures:
    """What one way of asking took."""

    who: str
    in_flight: int
    latency: float
    calls: int
    cpu: float
    seconds: float
    most: int
    stall: float
    peak_mb: float

    @property
    def ms(self) -> float:
        """CPU milliseconds a call."""
        return 1000 * self.cpu / self.calls

    def line(self) -> str:
        """Return the figures as a line of the table."""
        rate = self.calls / self.seconds
        ideal = self.in_flight / self.latency if self.latency else 0
        share = f"{100 * rate / ideal:5.1f} %" if ideal else "      -"
        return (
            f"{self.who:7} {1000 * self.latency:4.0f} ms {self.in_flight:4} in flight: "
            f"{self.ms:6.3f} ms CPU a call, {rate:7.0f} calls/s, {share} of ideal, "
            f"{self.most:4} at once, stall {1000 * self.stall:5.1f} ms, peak {self.peak_mb:4.0f} MB"
        )


def tools(count: int) -> Iterator[tuple[Tool, Evidence]]:
    """Yield invented tools, each with a page of its own of about 2,000 characters."""
    read = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(count):
        tool = Tool(name=f"Tool {number}", slug=f"tool-{number}", kind=KIND, tagline="Records")
        passages = tuple(
            Passage(
                id=f"E1.{n + 1}",
                text=_LINES[n % len(_LINES)].format(name=tool.name, n=n + 8, slug=tool.slug),
                heading=("Records", "Installation", "Plug-ins", "Upkeep")[n // 6],
            )
            for n in range(PASSAGES)
        )
        digest = f"{number:064x}"
        source = Source(id="E1", source="README.md", retrieved=read, sha256=digest,
                        passages=passages, role="readme")  # fmt: skip
        yield tool, Evidence(sources=(source,))


@contextlib.asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """Measure the longest time for which the event loop ran nothing else."""
    longest = [0.0]

    async def tick() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            longest[0] = max(longest[0], time.monotonic() - began - 0.005)

    task = asyncio.create_task(tick())
    try:
        yield longest
    finally:
        task.cancel()


async def at_once(send: Callable[[int], Awaitable[None]], calls: int, in_flight: int) -> None:
    """Send so many, so many at once."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(worker() for _ in range(in_flight)))


async def raw(url: str, bodies: Sequence[Any], calls: int, in_flight: int) -> None:
    """Ask over plain aiohttp."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(number: int) -> None:
            body = bodies[number % len(bodies)]
            async with session.post(f"{url}/chat/completions", json=body) as response:
                await response.json()

        await at_once(send, calls, in_flight)


async def bare_openai(url: str, bodies: Sequence[Any], calls: int, in_flight: int) -> None:
    """Ask with the official client and validate each answer."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    http = httpx2.AsyncClient(limits=limits, timeout=60)
    client = openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=http)

    async def send(number: int) -> None:
        body = bodies[number % len(bodies)]
        answer = await client.chat.completions.create(**body)
        wants = body["response_format"]["json_schema"]["schema"]["properties"]
        model = WriteReply if "beats" in wants else JudgeReply
        model.model_validate_json(answer.choices[0].message.content)

    async with client:
        await at_once(send, calls, in_flight)


@contextlib.asynccontextmanager
async def session(
    url: str, folder: Path, count: int, in_flight: int, *, write: bool
) -> AsyncIterator[Session]:
    """Open a run over so many tools, all stored, none asked about."""
    concurrency: Concurrency = "auto" if in_flight == CEILING else in_flight
    options = Options(
        settings=Settings(runs=folder), environ={}, provider=url, model="bulk", ask="whole",
        concurrency=concurrency, wire="lean", sealed=True, fresh=True, offline=True, write=write,
    )  # fmt: skip
    listed = tools(count)
    first = list(itertools.islice(listed, _STORED_AT_ONCE))
    async with await Session.start_over(options, "bulk", first) as opened:
        while more := list(itertools.islice(listed, _STORED_AT_ONCE)):
            await opened.run.add_tools(more)
        yield opened


async def reviewed(opened: Session) -> None:
    """Review the tools of a run; nothing is written of what comes after the last answer."""
    slugs, ahead = opened.run.slugs(), tools_in_flight(opened.plan)
    pending = PendingTools(slugs=slugs, stored=slugs)
    options = Options(settings=Settings(), environ={})
    stream = EvidenceStream(
        opened.run, pending, options, ahead=ahead, leave_out=lambda tool, error: None
    )
    await review_all(ReviewJob(opened.plan, opened.calls, opened.run), slugs, stream)


async def sampled(url: str, folder: Path, *, write: bool) -> list[dict[str, Any]]:
    """Return the bodies of the requests that panel sends about a few tools."""
    async with session(url, folder, SAMPLED_TOOLS, 16, write=write) as opened:
        asked: list[CallRecord] = []
        record = opened.run.journal.record

        async def keep(call: CallRecord) -> None:
            asked.append(call)
            await record(call)

        opened.run.journal.record = keep  # type: ignore[method-assign]
        await reviewed(opened)
        payload = Payload(opened.plan.judge)
        bodies = [payload.of(call.question, "json_schema") for call in asked]
        return [json.loads(json.dumps(body)) for body in bodies]


class Bench:
    """One server, and what is asked of it."""

    def __init__(self, url: str, folder: Path, *, write: bool) -> None:
        self.url = url
        self.folder = folder
        self.write = write
        self.bodies: list[dict[str, Any]] = []

    async def run(self, who: str, calls: int, in_flight: int, latency: float) -> Figures:
        """Measure one way of asking."""
        if not self.bodies:
            self._control("/reset?latency=0")
            self.bodies = await sampled(self.url, self.folder / "sampled", write=self.write)
        ask = {"raw": raw, "openai": bare_openai}.get(who)
        async with contextlib.AsyncExitStack() as stack:
            self._control(f"/reset?latency={latency}")
            if ask is not None:
                await ask(self.url, self.bodies, in_flight, in_flight)  # imports, warms
                work = ask(self.url, self.bodies, calls, in_flight)
            else:
                count = calls // (8 if self.write else 4)
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self.folder)))
                opened = await stack.enter_async_context(
                    session(self.url, folder, count, in_flight, write=self.write)
                )
                work = reviewed(opened)
            gc.collect()
            self._control(f"/reset?latency={latency}")
            async with stalls() as stall:
                cpu, began = time.process_time(), time.monotonic()
                await work
                cpu, seconds = time.process_time() - cpu, time.monotonic() - began
            stats = self._control("/stats")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Figures(
            who, in_flight, latency, stats["requests"], cpu, seconds,
            stats.get("most", stats.get("max_concurrency", 0)), stall[0], peak,
        )  # fmt: skip

    def _control(self, path: str) -> Any:
        method = "POST" if path.startswith("/reset") else "GET"
        address = self.url.removesuffix("/v1") + path
        with urllib.request.urlopen(urllib.request.Request(address, method=method)) as reply:
            return json.load(reply)


@contextlib.contextmanager
def served(url: str | None) -> Iterator[str]:
    """Give the address of the server, one of our own unless there is one."""
    if url is not None:
        yield url
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bulk_server"],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], text=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.kill()
        server.communicate()


def one(args: argparse.Namespace, who: str, in_flight: int, latency: float) -> None:
    """Measure one way of asking in this process and print it as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args.url, Path(folder), write=args.write)
        figures = asyncio.run(bench.run(who, args.calls, in_flight, latency))
    print(json.dumps(vars(figures)))


def apart(args: argparse.Namespace, url: str, who: str, in_flight: int, latency: float) -> Figures:
    """Measure one way of asking in a process of its own, so that its peak of memory is its own."""
    words = ["--who", who, "--in-flight", str(in_flight), "--latency", str(latency), "--url", url]
    words += ["--calls", str(args.calls), "--apart", *["--no-write"] * (not args.write)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk", *words],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[1], text=True, check=True,
    )  # fmt: skip
    return Figures(**json.loads(done.stdout))


def compare(args: argparse.Namespace) -> None:
    """Measure all ways of asking one after the other, then print the ratios."""
    last: list[str] = []
    with served(args.url) as url:
        for latency in args.latency:
            for in_flight in args.in_flight:
                rows = {who: apart(args, url, who, in_flight, latency) for who in args.who}
                for figures in rows.values():
                    print(figures.line(), flush=True)
                if "panel" in rows:
                    last += [_ratio(rows["panel"], row) for row in rows.values()][:-1]
    print("\n".join(last))


def _ratio(panel: Figures, other: Figures) -> str:
    rate = (panel.calls / panel.seconds) / (other.calls / other.seconds)
    return (
        f"{1000 * panel.latency:.0f} ms, {panel.in_flight} in flight: panel takes"
        f" {panel.ms / other.ms:.2f} x the CPU of {other.who}, at {rate:.2f} x its rate"
    )


def main() -> None:
    """Read the arguments and measure."""

    def numbers(text: str) -> list[float]:
        return [float(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=16_384)
    parser.add_argument(
        "--in-flight", type=lambda t: [int(n) for n in numbers(t)], default=[64, 256]
    )
    parser.add_argument("--latency", type=numbers, default=[0.2, 0.0], help="seconds")
    parser.add_argument("--who", type=lambda t: t.split(","), default=["raw", "openai", "panel"])
    parser.add_argument("--url", help="a server that is running, up to /v1")
    parser.add_argument("--no-write", dest="write", action="store_false", help="judgements alone")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.apart:
        one(args, args.who[0], args.in_flight[0], args.latency[0])
    else:
        compare(args)


if __name__ == "__main__":
    main()
