"""Prompts: the templates of `prompts/`, filled in one pass, and the parts of a question.

The part that is the same for every reviewer of one tool comes first, byte for byte; what differs
stands behind the untrusted text and holds none of it, not even the tool's name. Knows strings
only: nothing of providers, replies or scores.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property
from itertools import chain, zip_longest
from pathlib import Path
from string import Template
from typing import Any, Final

from panel.evidence.facts import Facts
from panel.evidence.fence import FENCE, fenced
from panel.evidence.source import Passage
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import PromptError
from panel.foundation.paths import data_folder
from panel.foundation.text import neutralise
from panel.reviews.personas import Persona
from panel.reviews.review import Vote

PLACEHOLDERS: Final[dict[str, frozenset[str]]] = {
    "system": frozenset(),
    "context": frozenset({"context"}),
    "shared": frozenset({"context", "evidence"}),
    "question": frozenset({"question", "options"}),
    "cite": frozenset({"question", "answer", "candidates"}),
    "support": frozenset({"question", "answer", "cited"}),
    "persona": frozenset({"title", "lens", "voice"}),
    "findings": frozenset({"findings"}),
    "stance": frozenset(),
    "field": frozenset({"ask", "title"}),
    "odds": frozenset({"claim"}),
    "summary": frozenset({"vote", "told", "opening"}),
    "whole": frozenset({"questions", "fields", "forecast", "schema"}),
    "dated": frozenset({"today", "context", "shown", "evidence"}),
    "reviewer": frozenset({"title", "who"}),
    "judge": frozenset({"questions", "form"}),
    "write": frozenset(
        {"vote", "decided", "others", "beats", "examples", "forecast", "due", "form"}
    ),
    "examples": frozenset({"examples"}),
    "propositions": frozenset({"propositions"}),
    "repair": frozenset({"problem", "reply"}),
    "statement": frozenset({"statement"}),
    "leaning": frozenset({"title", "lens", "findings"}),
    "second": frozenset({"question", "answer", "others", "options", "form"}),
    "compare": frozenset({"context", "whose", "evidence", "standing", "told", "opening", "schema"}),
}
"""Every template and what it must ask for, exactly."""

_AFTER_RUNS: Final = frozenset({"compare"})
"""Templates that ask about finished reviews: no part of what a run means."""

UNNAMED: Final = "this tool"
"""What the tool is called outside the fence: its name may be anybody's text."""


@dataclass(frozen=True)
class Brief:
    """What a question is about: the tool, the passages that are shown, the reader's own needs."""

    tool: Tool
    passages: tuple[Passage, ...] = ()
    context: str | None = None
    """Written by the person who asks: what they need. Part of every question."""
    day: date | None = None
    """The day on which the evidence was read: today, to a reviewer; None where there is none."""
    facts: Facts = field(default_factory=Facts)
    """What code read in all of the evidence, where a criterion is decided by it; in no prompt."""

    @cached_property
    def shared(self) -> str:
        """What every question about the tool starts with, made once for all reviewers."""
        filled = shipped().fill("shared", context=_needs(self), evidence=self.evidence)
        return filled.rstrip() + "\n\n"

    @cached_property
    def dated(self) -> str:
        """What every judge call about the tool starts with."""
        return _dated(self, shown="")

    @cached_property
    def evidence(self) -> str:
        """Facts and passages, fenced."""
        return _evidence(self)


class Prompts:
    """The templates of one folder, checked when they are read."""

    def __init__(self, folder: Path) -> None:
        """Read every template; raise `PromptError` naming the file that breaks its contract."""
        self.texts: dict[str, str] = {name: _read(folder, name) for name in PLACEHOLDERS}
        self._parts = {name: _parts(text) for name, text in self.texts.items()}

    def fill(self, name: str, /, **values: str) -> str:
        """Return one template filled; a value that looks like a placeholder stays as it is."""
        texts, names = self._parts[name]
        filled = [values[name] for name in names]
        return "".join(chain.from_iterable(zip_longest(texts, filled, fillvalue="")))


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the texts around a template's placeholders, and the names of these.

    A template is filled some twenty times a tool: what stands where is looked for once.
    """
    texts, names, place = [""], [], 0
    for match in Template.pattern.finditer(text):
        texts[-1] += text[place : match.start()]
        place = match.end()
        if name := match["named"] or match["braced"]:
            names.append(name)
            texts.append("")
        else:
            texts[-1] += "$"
    texts[-1] += text[place:]
    return texts, names


@cache
def shipped() -> Prompts:
    """Return the shipped templates, read once."""
    return Prompts(data_folder("prompts"))


def template_texts(*, second_look: bool = False, propositions: bool = False) -> dict[str, str]:
    """Return the templates of reviews by name, as fingerprints of runs want them."""
    asked = {"second": second_look, "propositions": propositions}
    unused = _AFTER_RUNS | {name for name, used in asked.items() if not used}
    return {name: text for name, text in shipped().texts.items() if name not in unused}


def system() -> str:
    """Return the system message: the same for every question there is."""
    return shipped().fill("system").strip()


def shared(brief: Brief) -> str:
    """Return what every question about this tool starts with; holds the fence's placeholder."""
    return brief.shared


def dated(brief: Brief) -> str:
    """Return what a judge call starts with.

    It tells the day on which the evidence was read, and asks for knowledge of the field.
    """
    return brief.dated


def excerpted(brief: Brief, passages: Sequence[Passage]) -> str:
    """Return what a write call starts with: the same, of these passages alone.

    It tells how many are shown where that is not all. The tool's own description and tagline, which
    nobody can cite, are left out.
    """
    tool = brief.tool.model_copy(update={"description": None, "tagline": None})
    shown = ""
    if len(passages) < len(brief.passages):
        shown = (
            f" Of the {len(brief.passages)} that were read in judging, {len(passages)} are shown:"
            " what these leave open, others may say."
        )
    return _dated(replace(brief, tool=tool, passages=tuple(passages)), shown=shown)


def looked_up(brief: Brief) -> str:
    """Return what a judge call about passages starts with that were looked up after the first."""
    return _dated(brief, shown=" These were looked up after you had judged all others.")


def _dated(brief: Brief, *, shown: str) -> str:
    today = f" Today is {written_day(brief.day)}." if brief.day else ""
    evidence, needs = brief.evidence, _needs(brief)
    filled = shipped().fill("dated", today=today, context=needs, shown=shown, evidence=evidence)
    return filled.rstrip() + "\n\n"


def written_day(day: date) -> str:
    """Return a day as text that no locale changes: `22 November 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def _needs(brief: Brief) -> str:
    needs = " ".join(neutralise(brief.context or "").split())
    return shipped().fill("context", context=needs).strip() + "\n" if needs else ""


def _evidence(brief: Brief) -> str:
    facts = tool_facts(brief.tool)
    if not brief.passages:
        return fenced((), [*facts, "(no evidence was found)"])
    return fenced(brief.passages, facts)


def tool_facts(tool: Tool) -> list[str]:
    """Return the tool's own particulars, one line each: untrusted, so they go inside the fence."""
    rows = {
        "Tool": tool.name,
        "Address": tool.url,
        "Category": tool.category,
        "Tagline": tool.tagline,
        "Entry price": tool.price,
        "Description": tool.description,
    }
    return [f"{label}: {value}" for label, value in rows.items() if value]


def question_tail(question: str, *, sample: int = 0) -> str:
    """Return one yes/no question; odd samples name the answers in the other order."""
    options = "no or yes" if sample % 2 else "yes or no"
    return shipped().fill("question", question=question, options=options).strip()


def cite_tail(question: str, answer: str, candidates: Sequence[str]) -> str:
    """Return the question for the one passage that supports an answer."""
    likely = ", ".join(candidates) or "any"
    return shipped().fill("cite", question=question, answer=answer, candidates=likely).strip()


def support_tail(question: str, answer: str, cited: Sequence[str]) -> str:
    """Return the question whether the cited passages show what they were cited for."""
    named = " and ".join(f"passage {ident}" for ident in cited)
    return shipped().fill("support", question=question, answer=answer, cited=named).strip()


def statement_tail(statement: str) -> str:
    """Return the question whether the passages shown bear a statement out."""
    return shipped().fill("statement", statement=statement.rstrip(".")).strip()


def leaning_tail(persona: Persona, statements: Sequence[str]) -> str:
    """Return the question for the reviewer's own ship or skip, told what it found."""
    listed = "\n".join(f"- {line}" for line in statements)
    return (
        shipped()
        .fill("leaning", title=persona.title, lens=persona.lens, findings=listed or "- nothing")
        .strip()
    )


def persona_part(persona: Persona) -> str:
    """Return who the reviewer is: voice and method."""
    return shipped().fill(
        "persona", title=persona.title, lens=persona.lens, voice=persona.voice.strip()
    )


def findings_part(persona: Persona, findings: Sequence[str]) -> str:
    """Return who the reviewer is and what it found: the stance starts with it."""
    listed = "\n".join(f"- {line}" for line in findings)
    return persona_part(persona) + shipped().fill(
        "findings", findings=listed or "- (none could be answered)"
    )


def stance_tail() -> str:
    """Return the question for the reviewer's own ship or skip."""
    return shipped().fill("stance").strip()


def field_tail(persona: Persona, ask: str) -> str:
    """Return who the reviewer is and the ask for one written part."""
    tail = shipped().fill("field", ask=ask, title=persona.title)
    return persona_part(persona) + tail.strip()


def odds_tail(persona: Persona, claim: str) -> str:
    """Return who the reviewer is and the question whether its forecast will come true.

    The forecast is the model's, which may repeat what a page told it: it stands inside a fence.
    """
    return persona_part(persona) + shipped().fill("odds", claim=_fenced(claim)).strip()


def summary_tail(persona: Persona, *, vote: str, told: str) -> str:
    """Return who the reviewer is, its vote with what decided it, and the ask for a conclusion."""
    openings = {"ship": persona.opening.ship, "skip": persona.opening.skip}
    opening = openings.get(vote, "I cannot say whether to ship with {tool}")
    return (
        persona_part(persona)
        + shipped()
        .fill(
            "summary",
            vote=_VOTES[vote],
            told=told or "too little could be answered.",
            opening=opening.replace("{tool}", UNNAMED),
        )
        .strip()
    )


_VOTES: Final[dict[str, str]] = {
    "ship": "You vote to ship",
    "skip": "You vote to skip it",
    "abstain": "You abstain",
}


def whole_tail(persona: Persona, schema: Mapping[str, Any]) -> str:
    """Return persona, questions and answer format for one structured reply."""
    questions = "\n".join(f"- {c.id} ({c.kind}): {c.question}" for c in persona.criteria)
    fields = "\n".join(f"- {f.id}: {f.ask}" for f in persona.fields)
    return persona_part(persona) + (
        shipped()
        .fill(
            "whole",
            questions=questions,
            fields=fields,
            forecast=persona.forecast.ask,
            schema=json.dumps(schema, separators=(",", ":")),
        )
        .strip()
    )


def judge_tail(persona: Persona, form: str) -> str:
    """Return reviewer, questions by what an answer rests on, and the form of the judge's reply."""
    by_kind = {
        rests: [f"{c.id}: {c.question}" for c in persona.criteria if c.kind == kind]
        for kind, rests in _RESTS.items()
    }
    questions = "\n".join(f"{rests}\n{_listed(asks)}" for rests, asks in by_kind.items() if asks)
    tail = shipped().fill("judge", questions=questions, form=form).strip()
    return _reviewer(persona, [persona.lens]) + tail


_RESTS: Final[dict[str, str]] = {
    "fact": "These count only with a passage that shows the answer:",
    "judgement": "These rest on your expertise:",
}


def second_tail(
    persona: Persona,
    *,
    question: str,
    answer: str,
    others: Sequence[str],
    options: Sequence[str],
    form: str,
) -> str:
    """Return reviewer, its answer and those of others to one question, and the reply's form.

    Words of code and of persona files: of the model only answers and ids.
    """
    filled = shipped().fill(
        "second",
        question=question,
        answer=answer,
        others="\n".join(others),
        options=", ".join(options),
        form=form,
    )
    return _reviewer(persona, [persona.lens]) + filled.strip()


@dataclass(frozen=True)
class WriterBrief:
    """What a reviewer is told before it writes: words and numbers of code, none of a model."""

    vote: Vote
    score: float | None
    decided: Sequence[str]
    """Its own findings that weigh most, one line each."""
    others: Sequence[str]
    """One line for each other reviewer."""
    due: date
    """The day by which its forecast is to be true or false."""
    propositions: str = ""
    """What it gives chances for, in one line; "" where it is not asked."""


def write_tail(persona: Persona, brief: WriterBrief, form: str) -> str:
    """Return reviewer, brief, steps and the form of the reply of the write call."""
    return _reviewer(persona, [persona.biography, persona.voice]) + (
        shipped()
        .fill(
            "write",
            vote=_voted(brief),
            decided=_listed(brief.decided),
            others=_listed(brief.others),
            beats=_listed([f"{beat.id}: {beat.ask}" for beat in persona.beats]),
            examples=_examples(persona),
            forecast=persona.forecast.ask,
            due=written_day(brief.due),
            form=form,
        )
        .strip()
        + _chances(brief)
    )


def _chances(brief: WriterBrief) -> str:
    if not brief.propositions:
        return ""
    return "\n" + shipped().fill("propositions", propositions=brief.propositions).strip()


def _voted(brief: WriterBrief) -> str:
    score = "" if brief.score is None else f", at {brief.score:.0f} of 100"
    vote = _VOTES[brief.vote]
    return vote[:1].lower() + vote[1:] + score


def _reviewer(persona: Persona, parts: Sequence[str]) -> str:
    """Return who the reviewer is: what it looks for when it judges, life and voice for writing."""
    who = " ".join(part.strip() for part in parts if part.strip())
    return shipped().fill("reviewer", title=persona.title, who=who)


def _examples(persona: Persona) -> str:
    lines = "\n".join(f"- worse: {e.worse}\n  better: {e.better}" for e in persona.examples)
    return shipped().fill("examples", examples=lines).strip() if lines else ""


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- (none)"


@dataclass(frozen=True)
class Choice:
    """What the question which of two tools to ship with holds besides the evidence: words of ours.

    The tools have no names in it: names stand inside the fence.
    """

    whose: str
    """Which passages are about which tool."""
    standing: str
    """Who is ahead by the rule."""
    told: str
    """How the reviewers answered where it differs."""
    opening: str
    schema: Mapping[str, Any]


def compare_parts(evidence: str, choice: Choice, *, context: str | None = None) -> tuple[str, str]:
    """Return the shared part, up to the fenced evidence, and the tail of that question."""
    needs = " ".join(neutralise(context or "").split())
    line = shipped().fill("context", context=needs).strip() + "\n" if needs else ""
    head, _, tail = shipped().texts["compare"].partition("$evidence")
    values = {
        "context": line,
        "whose": choice.whose,
        "standing": choice.standing,
        "told": choice.told,
        "opening": choice.opening,
        "schema": json.dumps(choice.schema, separators=(",", ":")),
    }
    return Template(head).substitute(values) + evidence, Template(tail).substitute(values).rstrip()


def repair_tail(tail: str, *, reply: str, problem: str) -> str:
    """Return a tail asked again, with what was wrong with the last reply.

    The reply is untrusted: it may repeat what a page told the model, so it stands inside a fence.
    """
    fence = _fenced(reply[:1_500])
    return tail + shipped().fill("repair", problem=" ".join(problem.split()), reply=fence).rstrip()


def _fenced(text: str) -> str:
    """Return a model's own words as data: quoted lines between the marker lines."""
    lines = neutralise(text.replace("\x01", "")).splitlines()
    quoted = "".join(f"> {line}\n" for line in lines)
    return f"BEGIN DATA {FENCE}\n{quoted}END DATA {FENCE}"


def _read(folder: Path, name: str) -> str:
    path = folder / f"{name}.md"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise PromptError(f"{path}: cannot be read ({type(fault).__name__})") from None
    template = Template(text)
    if not template.is_valid():
        raise PromptError(f"{path}: a lone $ stands in it", hint="write $$ for a dollar sign")
    placeholders = frozenset(template.get_identifiers())
    if unknown := sorted(placeholders - PLACEHOLDERS[name]):
        raise PromptError(f"{path}: unknown placeholder ${unknown[0]}")
    if lost := sorted(PLACEHOLDERS[name] - placeholders):
        raise PromptError(f"{path}: the placeholder ${lost[0]} is missing")
    if "\x01" in text:
        raise PromptError(f"{path}: holds a control character")
    return text
