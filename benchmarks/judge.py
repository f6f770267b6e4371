"""What the benchmarks of asking share: a judge that remembers its answers, and its controls."""

import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from panel.evidence.tools.tool import Tool
from panel.foundation.paths import data_folder
from panel.foundation.settings import load_settings
from panel.llm.calls import ChatClient
from panel.llm.local.engine import LocalEngine
from panel.llm.local.models import find_model
from panel.llm.providers.resolve import resolve
from panel.llm.types import CallRecord, ChatResponse, Usage
from panel.reviews.calibration.controls import Control
from panel.reviews.calibration.fitting import Sample
from panel.reviews.personas import Persona, applicable, load_personas
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.score import Rule
from panel.reviews.strategies.calibrated import ask_yes_no, content_free
from panel.reviews.strategies.context import ReviewContext

ROOT = Path(__file__).parents[1]
SECRET = b"controls hold no secret: fixed, so that a figure can be had again"


class Price(NamedTuple):
    """What answers took when they were asked."""

    calls: int = 0
    seconds: float = 0.0
    read: int = 0
    """Prompt tokens that were not in the cache."""
    written: int = 0

    def since(self, earlier: "Price") -> "Price":
        """Return the difference."""
        return Price(
            self.calls - earlier.calls,
            self.seconds - earlier.seconds,
            self.read - earlier.read,
            self.written - earlier.written,
        )


class Answers:
    """A recorder that keeps usable replies in a JSON Lines file, so that a run can be continued."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._replies: dict[str, ChatResponse] = {}
        self.seconds: dict[str, float] = {}
        self.price = Price()
        if path and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                usage = Usage.model_validate(row.pop("usage"))
                key, seconds = row.pop("key"), row.pop("took")
                top = tuple(row.pop("top_logprobs"))
                self._replies[key] = ChatResponse(**row, usage=usage, top_logprobs=top)
                self.seconds[key] = seconds

    def find(self, key: str) -> ChatResponse | None:
        """Return a reply to the same question, and count what it took when it was asked."""
        if (reply := self._replies.get(key)) is not None:
            self.spent(key, reply.usage)
        return reply

    def spent(self, key: str, usage: Usage) -> None:
        """Count one answer, asked now or found."""
        self.price = Price(
            self.price.calls + 1,
            self.price.seconds + self.seconds.get(key, 0.0),
            self.price.read + (usage.input_tokens or 0) - (usage.cached_tokens or 0),
            self.price.written + (usage.output_tokens or 0),
        )

    async def record(self, call: CallRecord) -> None:
        """Keep a usable reply."""
        if call.reply is None or not call.usable:
            return
        self._replies[call.key] = replace(call.reply, raw={})
        self.seconds[call.key] = call.seconds
        self.spent(call.key, call.reply.usage)
        if self._path:
            r = call.reply
            row = {
                "key": call.key, "text": r.text, "finish_reason": r.finish_reason,
                "usage": r.usage.model_dump(), "model": r.model, "took": round(call.seconds, 3),
                "top_logprobs": r.top_logprobs,
            }  # fmt: skip
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


@asynccontextmanager
async def judge(
    answers: Path | None, model: str | None = None
) -> AsyncIterator[tuple[ChatClient, Answers]]:
    """Open the local judge, with what it has answered before; ends its process afterwards."""
    settings = load_settings(None, {})
    target = resolve("local", model=model, settings=settings, environ=os.environ)
    model_file = find_model(model, environ=os.environ, on_progress=lambda *_: None)
    target = target.model_copy(update={"model": model_file.name, "wire_model": model_file.name})
    engine = LocalEngine(model_file, target)
    recorder = Answers(answers)
    try:
        yield ChatClient(engine, target, recorder), recorder
    finally:
        await engine.close()


def personas() -> tuple[Persona, ...]:
    """Return the shipped reviewers, with the questions that a library is asked."""
    shipped = load_personas(folders=[data_folder("personas")])
    return tuple(applicable(persona, "library") for persona in shipped)


def review_context(calls: ChatClient, persona: Persona, brief: Brief) -> ReviewContext:
    """Return the context of one persona asked once about one tool."""
    plan = ReviewPlan(personas=(persona,), judge=calls.config, rule=Rule(), secret=SECRET)
    return ReviewContext(plan, persona, brief, calls)


async def differences(
    calls: ChatClient, panel: tuple[Persona, ...], brief: Brief
) -> dict[str, float]:
    """Return the raw difference of every question about one tool, by `persona.criterion`."""
    by_criterion = {}
    for persona in panel:
        context = review_context(calls, persona, brief)
        for criterion in persona.criteria:
            step = f"answer:{criterion.id}"
            value = (await ask_yes_no(context, step, criterion.question)).difference
            if value is None:
                raise SystemExit("this model gives no log-probabilities: nothing to measure")
            by_criterion[f"{persona.name}.{criterion.id}"] = value
    return by_criterion


async def empty_tool(calls: ChatClient, panel: tuple[Persona, ...]) -> dict[str, float]:
    """Return the raw differences about a tool of which nothing is known."""
    by_criterion: dict[str, float] = {}
    for persona in panel:
        brief = Brief(tool=Tool(name="any", slug="any"))
        free = await content_free(review_context(calls, persona, brief), persona.criteria)
        if free is None:
            raise SystemExit("this model gives no log-probabilities: nothing to measure")
        by_criterion |= {key: row.offset for key, row in free.criteria.items()}
    return by_criterion


async def measure(
    calls: ChatClient, panel: tuple[Persona, ...], controls: tuple[Control, ...]
) -> tuple[list[Sample], dict[str, float]]:
    """Ask everything and return the samples and the empty tool's differences."""
    empty = await empty_tool(calls, panel)
    samples = []
    for number, control in enumerate(controls, 1):
        began = time.monotonic()
        by_criterion = await differences(calls, panel, control.brief())
        samples.append(Sample(by_criterion, {key: control.label(key) for key in by_criterion}))
        took = time.monotonic() - began
        talk(f"{number}/{len(controls)} {control.slug} ({control.kind}) {took:.1f} s")
    return samples, empty


def talk(text: str) -> None:
    """Say how far it is, on stderr: stdout is for figures."""
    print(text, file=sys.stderr, flush=True)
