"""Good reviews of twelve tools by the four shipped reviewers, and a provider that writes them."""

import json
import re
from datetime import date

import yaml

from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.foundation.paths import data_folder
from panel.llm.calls import ChatClient
from panel.reviews.personas import applicable, load_personas
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.propositions import ASKED
from panel.reviews.review import Missing
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import ask_review
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.write_panel import Seat, Unwritten, write_all
from tests.support.command import ROOT
from tests.support.scripted import TARGET, TODAY, Memory, Scripted

KINDS = ("library", "service", "model")
BOOK = {
    slug: {"kind": kind, **entry}
    for kind in KINDS
    for slug, entry in yaml.safe_load(
        (ROOT / "tests" / "data" / "reviews" / f"{kind}.yaml").read_text(encoding="utf-8")
    ).items()
}
PERSONAS = load_personas(folders=[data_folder("personas")])
READ = date(2026, 11, 20)


def brief_of(slug, more=()):
    texts = [*BOOK[slug]["evidence"], *more]
    passages = [Passage(id=f"E1.{n}", text=text) for n, text in enumerate(texts, 1)]
    return Brief(tool=Tool(name=slug, slug=slug), passages=tuple(passages), day=READ)


def judged(slug, persona):
    """The reply to the judge call: every answer as the vote wants it."""
    yes = BOOK[slug]["reviews"][persona.name]["vote"] == "ship"
    finding = {"cites": ["E1.1", "E1.2"], "because": "The page says so.",
               "answer": "yes" if yes else "no"}  # fmt: skip
    asked = applicable(persona, None).criteria
    return {
        "persona": persona.name,
        "findings": dict.fromkeys([c.id for c in asked], finding),
        "status": {"cites": ["E1.1"], "is": "active" if yes else "unknown"},
        "missing": ["how many people answer issues"],
        "stance": "ship" if yes else "skip",
    }


def written(slug, persona, **changes):
    """The reply to the write call, with beats or parts changed by name."""
    entry = BOOK[slug]["reviews"][persona.name]
    beats = dict(zip([b.id for b in persona.beats], entry["beats"], strict=True))
    said = {
        "persona": persona.name,
        "beats": beats,
        "forecast": {"claim": entry["claim"], "probability": entry["probability"]},
        "turns_on": entry["turns_on"],
        "chances": dict.fromkeys(ASKED, 20),
    }
    for name, value in changes.items():
        (beats if name in beats else said["forecast"] if name == "claim" else said)[name] = value
    return said


def persona_of(question):
    return next(p for p in PERSONAS if f"You are {p.title}," in question.tail)


def step_of(question):
    if "Reply again, complete" in question.tail:
        return "rewrite"
    return "write" if "beats" in question.schema["properties"] else "judge"


def good(slug):
    """Answer as the book of reviews does."""

    def answer(question):
        persona = persona_of(question)
        reply = judged if step_of(question) == "judge" else written
        return json.dumps(reply(slug, persona))

    return answer


async def panel_of(
    answer, slug, *, concurrency=1, personas=PERSONAS, lost=(), more=(), propositions=ASKED
):
    """Judge and write as the engine does; return reviews by persona and all questions.

    `lost` are personas without a judgement, `more` are texts of further passages.
    """
    endpoint = Scripted(answer)
    target = TARGET.model_copy(update={"ask": "whole", "concurrency": concurrency})
    plan = ReviewPlan(personas=personas, judge=target, rule=Rule(), propositions=propositions)
    client = ChatClient(endpoint, target, Memory())

    def context(persona):
        return ReviewContext(plan, persona, brief_of(slug, more), client)

    seats = []
    for persona in personas:
        if persona.name in lost:
            missing = Missing(persona=persona.name, reason="refused", detail="")
            seats.append(Seat(persona, missing))
            continue
        review = await ask_review(context(persona), today=TODAY)
        seats.append(Seat(persona, review, Unwritten(review, context(persona))))
    return await write_all(plan, seats, today=TODAY), endpoint.asked


def write_shortened(folder, *, questions=2):
    """Write the shipped reviewers with so few questions each, of every kind of tool."""
    folder.mkdir(parents=True)
    for file in (ROOT / "personas").glob("*.md"):
        before, rest = file.read_text(encoding="utf-8").split("criteria:\n", 1)
        criteria, after = rest.split("biography:", 1)
        texts = [text for text in criteria.split("  - id: ")[1:] if "applies_to" not in text]
        first = "".join(f"  - id: {text}" for text in texts[:questions])
        short = f"{before}criteria:\n{first}biography:" + re.sub(r" +quotes: .*\n", "", after)
        (folder / file.name).write_text(short, encoding="utf-8")
