"""Whether `panel verify` holds on honest runs: real tools, and a provider that cites at random.

usage: python -m benchmarks.verify FOLDER… [--ask whole|stepwise] [--seed N]

Each folder holds a `tools.yaml`. Every tool is reviewed by a loopback server that answers by the
schema and cites passages drawn at random, some that do not exist, in its lists and in its prose.
Then the run is verified; what is not backed is named, and the sums are printed last.
"""

import argparse
import asyncio
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from tests.support.faultd import FaultServer, Handler, Request, Scenario, answer, reply_to, respond

from panel.engine.options import Options
from panel.engine.session import Session
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.run import verify
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import read_tools
from panel.foundation.settings import load_settings
from panel.llm.config import Ask
from panel.runs.run import Run


def citing(seed: int) -> Handler:
    """Return a handler whose answers cite what they like."""

    def handler(request: Request) -> Scenario:
        if request.method == "GET":
            return respond(200, {"object": "list", "data": [{"id": "citing"}]})
        body = request.json()
        prompt = "\n".join(message["content"] for message in body["messages"])
        random_source = random.Random(f"{seed} {request.digest}")
        known = list(dict.fromkeys(re.findall(r"^\[(E\d+\.\d+)\]", prompt, re.MULTILINE)))
        text, places = reply_to(body)
        if text.startswith("{"):
            text = json.dumps(_cited(json.loads(text), [*known, "E99.1"], random_source))
        elif "Which passage" in prompt and known:
            text = random_source.choice(known)
        short = body.get("max_tokens") == 1
        return answer(text, logprobs=places, finish="length" if short else "stop")

    return handler


def _cited(value: Any, known: Sequence[str], random_source: random.Random, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _cited(part, known, random_source, key) for key, part in value.items()}
    if isinstance(value, list):
        return random_source.sample(known, min(len(known), random_source.randint(1, 3)))
    if isinstance(value, str) and " " in value and random_source.random() < 0.7:
        return f"{value} [{random_source.choice(known)}]"
    return value


async def reviewed(tools: Sequence[Tool], runs: Path, *, ask: Ask, seed: int) -> VerifyReport:
    """Review the tools as one run in the folder `runs` and return what verifying it finds."""
    environ = {"PANEL_CONFIG": str(runs / "config")}
    settings = load_settings(None, environ).model_copy(update={"runs": runs})
    async with FaultServer(citing(seed)) as server:
        options = Options(
            settings=settings, environ=environ, provider=server.base_url, ask=ask, concurrency=8
        )
        async with await Session.start(options, tools) as session:
            await session.work()
            path = session.run.path
    with Run.open(path) as run:
        return await verify(run)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--ask", choices=get_args(Ask), default="whole")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    checked: Counter[str] = Counter()
    tools = wrong = 0
    for folder in args.folders:
        listed = read_tools(folder / "tools.yaml").tools
        with tempfile.TemporaryDirectory() as runs:
            work = reviewed(listed, Path(runs), ask=args.ask, seed=args.seed)
            report = asyncio.run(work)
        for fault in report.faults:
            print(f"not backed: {fault}")
        checked.update(report.checked)
        tools, wrong = tools + len(listed), wrong + len(report.faults)
    print(", ".join(f"{count} {kind}" for kind, count in checked.items() if count))
    print(f"{tools} tools, {sum(checked.values())} checks, {wrong} not backed")


if __name__ == "__main__":
    main()
