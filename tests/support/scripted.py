"""An endpoint that answers by rule, and a recorder in memory: what the tests of reviews ask."""

import asyncio
import json
import math
from datetime import date

from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.llm.calls import ChatClient
from panel.llm.config import ProviderConfig
from panel.llm.types import ChatResponse, Usage
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext

TARGET = ProviderConfig(provider="test", kind="wire", model="m", wire_model="m", concurrency=1)
TODAY = date(2026, 11, 22)

PERSONA = Persona.model_validate(
    {
        "name": "tester",
        "title": "The Tester",
        "lens": "You try it.",
        "voice": "You have tried many.",
        "criteria": [
            {"id": "install", "question": "Does it give an install command?", "kind": "fact"},
            {"id": "alive", "question": "Is the tool maintained?", "kind": "fact",
             "dealbreaker": True},
            {"id": "like", "question": "Would you use it again?", "kind": "judgement"},
        ],
        "fields": [
            {"id": "first_try", "ask": "what happened at first, in at most ten words."},
            {"id": "trouble", "ask": "what went wrong, in at most ten words."},
        ],
        "forecast": {"ask": "one sentence on next year.", "horizon_months": 15},
    }
)  # fmt: skip

BRIEF = Brief(
    tool=Tool(name="Widget", slug="widget", description="Makes widgets."),
    passages=(
        Passage(id="E1.1", text="Install it with: get widget."),
        Passage(id="E1.2", text="Widget 3 is maintained by four people."),
        Passage(id="E1.3", text="It cuts widgets."),
    ),
)

WRITTEN = {
    "first_try": "I installed it in a minute [E1.1].",
    "trouble": "I found no trouble worth a line.",
    "forecast": "Widget 4 will be out.",
    "summary": "I would ship with it [E1.2]. It is kept up by four people [E9.9].",
}


class Memory:
    """A recorder that finds nothing and keeps everything."""

    def __init__(self):
        self.calls = []

    def find(self, key):
        return next((c.reply for c in self.calls if c.key == key and c.usable), None)

    async def record(self, call):
        self.calls.append(call)


class Scripted:
    """Answers with what `answer(question)` returns: a text, or a difference of yes and no."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def ask(self, question, format, *, deadline):
        self.asked.append(question)
        reply = self.answer(question)
        if isinstance(reply, Exception):
            raise reply
        top = ()
        if isinstance(reply, float):
            yes = 0.9 / (1 + math.exp(-reply))
            top = ({"Yes": math.log(yes * 0.7), " yes": math.log(yes * 0.3),
                    "No": math.log(0.9 - yes), "The": math.log(0.05)},)  # fmt: skip
            reply = "Yes" if reply > 0 else "No"
        usage = Usage(input_tokens=100, cached_tokens=90, output_tokens=1)
        return ChatResponse(reply, "stop", usage, "served-model", top_logprobs=top, format=format)

    async def close(self):
        pass


def written(tail, parts):
    asks = {f.id: f.ask for f in PERSONA.fields} | {"forecast": PERSONA.forecast.ask}
    ident = next((i for i, ask in asks.items() if ask in tail), "summary")
    return parts.get(ident, WRITTEN[ident])


def stepwise(**answers):
    """Return an answering rule: differences by criterion id, texts for cites and written parts."""

    def answer(question):
        tail = question.tail
        if "Answer in one full sentence" in tail or "Write your conclusion" in tail:
            return written(tail, answers)
        if "You made this forecast" in tail:
            return answers.get("odds", 1.0)
        if "Which passage" in tail:
            return answers.get("cite", "E1.1")
        if "yourself ship" in tail:
            return answers.get("stance", 1.0)
        if "no evidence was found" in question.shared:
            return answers.get("empty", 0.0)
        ident = next(c.id for c in PERSONA.criteria if c.question in tail)
        return answers.get(ident, 3.0)

    return answer


def reply_of(**changes):
    """Return a valid whole reply, changed by path: `findings__like__answer="no"`."""
    review = {
        "persona": "tester",
        "findings": {
            c.id: {"because": "It says so.", "cites": ["E1.1"], "answer": "yes"}
            for c in PERSONA.criteria
        },
        "fields": {"first_try": "It ran [E1.1].", "trouble": "None."},
        "forecast": {"claim": "It will last.", "probability": 60},
        "summary": "I would ship with it [E1.2].",
        "stance": "ship",
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = review
        for step in steps:
            place = place[step]
        if value is LOST:
            del place[last]
        else:
            place[last] = value
    return json.dumps(review)


LOST = object()


def plan(ask="stepwise", **more):
    """Return a plan by which the tester alone is asked."""
    judge = TARGET.model_copy(update={"ask": ask})
    return ReviewPlan(**{"personas": (PERSONA,), "judge": judge, "rule": Rule(), **more})


def review(answer, *, ask="stepwise", sample=0, samples=1, calibration=None, steps=None, **more):
    """Ask the tester about the widget and return the review and what was asked."""
    endpoint = Scripted(answer)
    by = plan(ask, samples=samples, calibration=calibration)

    async def work():
        context = ReviewContext(
            plan=by,
            persona=more.get("persona", PERSONA),
            brief=more.get("brief", BRIEF),
            calls=ChatClient(endpoint, by.judge, more.get("recorder") or Memory()),
            support=more.get("support"),
            sample=sample,
            on_step=(lambda step: None) if steps is None else steps.append,
        )
        return await ask_review(context, today=TODAY)

    return asyncio.run(work()), endpoint.asked
