"""What a call costs in panel beside other tools that ask models, against a server without latency.

usage: python -m benchmarks.peers [--calls 2048] [--in-flight 64] [--who inspect_ai,litellm,…]
                                  [--environments FOLDER]

Each peer is installed in an environment of its own, at the version of pyproject.toml's
`exclude-newer` date, and asks with the messages that panel sends, validates what comes back as its
users would, and keeps what it keeps by default (inspect_ai its log). panel does what
`benchmarks.bulk` says, journal on disk included. CPU is that of the asking process alone. The
figures come last.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final

from benchmarks.bulk import Bench, Figures, served

ROOT: Final = Path(__file__).parents[1]

_START: Final = """
import asyncio, json, sys, time
BODIES, URL, CALLS, IN_FLIGHT = json.load(open(sys.argv[1])), sys.argv[2], *map(int, sys.argv[3:5])

def texts(number):
    by_role = {m["role"]: m["content"] for m in BODIES[number % len(BODIES)]["messages"]}
    return by_role["system"], by_role["user"]

async def at_once(send, calls):
    numbers = iter(range(calls))
    async def worker():
        for number in numbers:
            await send(number)
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

def measured(work):
    cpu, began = time.process_time(), time.monotonic()
    work()
    print(json.dumps([time.process_time() - cpu, time.monotonic() - began]))

async def measured_async(send):
    await at_once(send, IN_FLIGHT)  # imports, warms
    cpu, began = time.process_time(), time.monotonic()
    await at_once(send, CALLS)
    print(json.dumps([time.process_time() - cpu, time.monotonic() - began]))
"""

_REPLY: Final = """
from typing import Literal
from pydantic import BaseModel, Field

class Finding(BaseModel):
    answer: Literal["yes", "no", "unclear"]
    cites: list[str]
    because: str

class Reply(BaseModel):
    persona: str = Field(json_schema_extra={"enum": ["builder"]})
    findings: dict[str, Finding]
"""

PEERS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "inspect_ai": (
        ("inspect_ai", "openai"),
        """
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

def samples(count):
    for number in range(count):
        system, user = texts(number)
        asked = [ChatMessageSystem(content=system), ChatMessageUser(content=user)]
        yield Sample(input=asked, target="It")

model = get_model("openai/bulk", base_url=URL, api_key="k", responses_api=False)

def run(count):
    task = Task(dataset=list(samples(count)), solver=generate(), scorer=includes())
    eval(task, model=model, max_connections=IN_FLIGHT, max_samples=IN_FLIGHT, display="none",
         log_dir=sys.argv[5])

run(IN_FLIGHT)
measured(lambda: run(CALLS))
""",
    ),
    "litellm": (
        ("litellm",),
        """
import os
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches one meanwhile
import litellm

async def send(number):
    body = {**BODIES[number % len(BODIES)], "model": "openai/bulk"}
    answer = await litellm.acompletion(**body, api_base=URL, api_key="k", max_retries=0)
    json.loads(answer.choices[0].message.content)

asyncio.run(measured_async(send))
""",
    ),
    "instructor": (
        ("instructor", "openai"),
        _REPLY
        + """
import instructor
from openai import AsyncOpenAI

async def main():
    asks = AsyncOpenAI(base_url=URL, api_key="k", max_retries=0)
    client = instructor.from_openai(asks, mode=instructor.Mode.JSON_SCHEMA)

    async def send(number):
        messages = BODIES[number % len(BODIES)]["messages"]
        await client.create(model="bulk", messages=messages, response_model=Reply, max_retries=0)

    await measured_async(send)

asyncio.run(main())
""",
    ),
    "pydantic_ai": (
        ("pydantic-ai-slim[openai]",),
        _REPLY
        + """
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel("bulk", provider=OpenAIProvider(base_url=URL, api_key="k"))

async def send(number):
    system, user = texts(number)
    await Agent(model, output_type=NativeOutput(Reply), instructions=system).run(user)

asyncio.run(measured_async(send))
""",
    ),
}
"""What each peer installs, and how it asks."""


def environment(folder: Path, peer: str) -> Path:
    """Return the Python of a peer's environment, made where it is not there yet."""
    made = folder / peer
    python = made / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    newest = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-newer"]
    if not (made / "done").exists():
        subprocess.run([uv, "venv", "--quiet", "--clear", made], check=True)
        packages, _ = PEERS[peer]
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", python, "--exclude-newer", newest,
             *packages],
            check=True,
        )  # fmt: skip
        (made / "done").touch()
    return python


def asked(python: Path, peer: str, bodies: Path, url: str, args: argparse.Namespace) -> Figures:
    """Let a peer ask, and return what it took."""
    with tempfile.TemporaryDirectory() as logs:
        words = [str(bodies), url, str(args.calls), str(args.in_flight), logs]
        done = subprocess.run(
            [python, "-c", _START + PEERS[peer][1], *words],
            stdout=subprocess.PIPE, text=True, check=True, cwd=logs,
        )  # fmt: skip
    cpu, seconds = json.loads(done.stdout.splitlines()[-1])
    return Figures(peer, args.in_flight, 0.0, args.calls, cpu, seconds, args.in_flight, 0.0, 0.0)


def row(figures: Figures) -> str:
    """Return a peer's figures as a line."""
    rate = figures.calls / figures.seconds
    return f"{figures.who:12} {figures.ms:7.3f} ms CPU a call, {rate:7.0f} calls/s"


async def bodies_of(bench: Bench, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the judgement requests that panel sends about a few tools."""
    await bench.run("panel", 64, args.in_flight, 0.0)
    return [body for body in bench.bodies if '"beats"' not in json.dumps(body["response_format"])]


def compare(args: argparse.Namespace, folder: Path) -> None:
    """Measure panel, a bare client and each peer, then print how much of theirs panel takes."""
    environments = args.environments or folder / "environments"
    pythons = {peer: environment(environments, peer) for peer in args.who}
    with served(None) as url:
        bench = Bench(url, folder, write=True)
        bodies = folder / "bodies.json"
        bodies.write_text(json.dumps(asyncio.run(bodies_of(bench, args))))
        rows = [
            asyncio.run(bench.run(who, args.calls, args.in_flight, 0.0))
            for who in ("panel", "openai")
        ]
        rows += [asked(python, peer, bodies, url, args) for peer, python in pythons.items()]
    panel, *others = rows
    for figures in rows:
        print(row(figures))
    for other in others:
        print(
            f"panel takes {panel.ms / other.ms:.2f} x the CPU of {other.who}, at"
            f" {panel.calls / panel.seconds / (other.calls / other.seconds):.2f} x its rate"
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=2_048)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--who", type=lambda t: t.split(","), default=list(PEERS))
    parser.add_argument("--environments", type=Path, help="where environments are kept")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(args, Path(folder))


if __name__ == "__main__":
    main()
