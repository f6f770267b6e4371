"""Every stored review, asked again of its own stored replies: what comes out must be what is kept.

The code that reads a reply today reads it here; nothing is taken from the stored review but what
it is compared with.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from panel.engine.verify.report import VerifyReport
from panel.engine.verify.stored_calls import StoredCalls
from panel.evidence.budget import choose
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import CallError
from panel.llm.config import ProviderConfig
from panel.review.calibration.calibration import Calibration
from panel.review.personas import Persona
from panel.review.prompts import Brief
from panel.review.review import Finding, Review
from panel.review.score import score_findings
from panel.review.strategies.ask import ask_review, resolve_date
from panel.runs.journal.reader import JournalReader
from panel.runs.manifest import Manifest

_ANSWER: Final = ("answer", "p", "cites", "because", "kind", "question")
_CITED: Final = re.compile(r"\[(E\d+\.\d+)\]")
_WORDS: Final = (
    "summary", "fields", "stance", "notes", "own_claims",
    "unknown_cites", "uncited_facts", "unsupported",
)  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """One run's judges, ready to be asked again about one tool."""

    manifest: Manifest
    personas: dict[str, Persona]
    calibration: Calibration | None
    stored: JournalReader
    report: VerifyReport

    async def check(self, tool: Tool, evidence: Evidence, until: date) -> None:
        """Check every review of a tool; `until` is the day its verdict was made."""
        calls = StoredCalls(self.stored, tool.slug, _judge(self.manifest))
        # Where a clock was put back, something was asked later than the verdict was made.
        days = [self.manifest.created.date(), until, *calls.days]
        support = None
        if (other := self.manifest.support) is not None:
            asked = _judge(self.manifest).model_copy(update=other.model_dump())
            support = StoredCalls(self.stored, tool.slug, asked)
        chosen = choose(evidence, self.manifest.evidence_tokens)
        brief = Brief(tool=tool, passages=chosen.passages, context=self.manifest.context)
        for (name, sample), review in self.stored.reviews(tool.slug).items():
            one = _One(self, tool.slug, review, sample)
            if (persona := self.personas.get(name)) is None:
                one.say("findings", False, "no such reviewer was asked")
                continue
            one.citations(evidence)
            one.score(persona)
            one.forecast_day(persona, days)
            await one.again(persona, brief, calls, support)
        for (name, _), missing in self.stored.missing(tool.slug).items():
            failures = calls.failures | (support.failures if support else set())
            what = f"is missing as {missing.reason}, but no call of it failed so"
            self.report.check(
                "findings", (name, missing.reason) in failures, what, tool=tool.slug, persona=name
            )
        if reworded := calls.reworded + (support.reworded if support else 0):
            self.report.notes.append(
                f"{tool.slug}: {reworded} questions are worded otherwise today; their answers were"
                " found by what they are about"
            )


@dataclass(frozen=True)
class _One:
    """One stored review under check."""

    bench: Bench
    slug: str
    review: Review
    sample: int

    def say(self, kind: str, holds: bool, what: str, criterion: str = "") -> None:
        who = self.review.persona + (f" sample {self.sample + 1}" if self.sample else "")
        self.bench.report.check(kind, holds, what, tool=self.slug, persona=who, criterion=criterion)

    def citations(self, evidence: Evidence) -> None:
        known = evidence.passages
        for finding in self.review.findings:
            for cite in finding.cites:
                told = f"cites {cite}, which is no stored passage"
                self.say("citations", cite in known, told, finding.criterion)
            if finding.kind == "fact" and finding.answer != "unclear":
                told = f"a fact answered {finding.answer} without a citation"
                self.say("citations", bool(finding.cites), told, finding.criterion)
        forecast = self.review.forecast
        for where, text in {
            "summary": self.review.summary,
            **self.review.fields,
            "forecast": forecast.claim if forecast else "",
            **{f.criterion: f.because for f in self.review.findings},
        }.items():
            for cite in dict.fromkeys(_CITED.findall(text)):
                self.say("citations", cite in known, f"cites {cite}, which is no passage", where)

    def score(self, persona: Persona) -> None:
        review, rule = self.review, self.bench.manifest.rule
        scored = score_findings(persona.criteria, review.findings, rule)
        told = (review.score, review.coverage, review.vote)
        what = (
            f"score {_number(review.score)}, vote {review.vote}: its findings come to"
            f" {_number(scored.score)}, {scored.vote}"
        )
        self.say("scores", _same(told, tuple(scored)), what)

    def forecast_day(self, persona: Persona, days: Sequence[date]) -> None:
        if self.review.forecast is None:
            return
        months = persona.forecast.horizon_months
        day = self.review.forecast.resolve_by
        holds = resolve_date(min(days), months) <= day <= resolve_date(max(days), months)
        self.say("words", holds, f"its forecast is due on {day}", "forecast")

    async def again(
        self, persona: Persona, brief: Brief, calls: StoredCalls, support: StoredCalls | None
    ) -> None:
        manifest = self.bench.manifest
        try:
            found = await ask_review(
                calls,
                persona,
                brief,
                ask=manifest.ask,
                marker="",
                sample=self.sample,
                samples=manifest.samples,
                rule=manifest.rule,
                calibration=self.bench.calibration,
                today=manifest.created.date(),
                on_step=lambda step: None,
                support=support,
                measures=manifest.calibrates,
            )
        except CallError as error:
            lost = calls.lost or (support.lost if support else "")
            self.say("findings", False, f"its replies give no review: {error.message}", lost)
            return
        answers = {f.criterion: f for f in found.findings}
        for finding in self.review.findings:
            self._finding(finding, answers.pop(finding.criterion, None))
        for criterion in answers:
            self.say("findings", False, "is answered in the replies and not on the card", criterion)
        self._words(found)

    def _finding(self, told: Finding, found: Finding | None) -> None:
        if found is None:
            self.say("findings", False, "was never asked", told.criterion)
            return
        wrong = [n for n in _ANSWER if not _same(getattr(told, n), getattr(found, n))]
        what = "; ".join(
            f"{name} is {_short(getattr(told, name))}, not {_short(getattr(found, name))}"
            for name in wrong
        )
        self.say("findings", not wrong, what, told.criterion)

    def _words(self, found: Review) -> None:
        review = self.review
        for name in _WORDS:
            if name in review.model_fields_set:  # a run of an older panel lacks the newer ones
                told, gives = getattr(review, name), getattr(found, name)
                what = f"is {_short(told)}, the replies give {_short(gives)}"
                self.say("words", _same(told, gives), what, name)
        one, other = review.forecast, found.forecast
        told, gives = (f and (f.claim, f.probability) for f in (one, other))
        self.say("words", _same(told, gives), "is not what the reply predicts", "forecast")
        self.say("words", review.model == found.model, "was given by another model", "model")


def _judge(manifest: Manifest) -> ProviderConfig:
    return ProviderConfig(
        provider=manifest.provider,
        kind="replay",
        model=manifest.model,
        wire_model=manifest.wire_model,
        ask=manifest.ask,
        evidence_tokens=manifest.evidence_tokens,
    )


def _same(told: object, found: object) -> bool:
    """Compare values; numbers that went through JSON may differ in their last digits."""
    if isinstance(told, float) and isinstance(found, float | int):
        return abs(told - found) < 1e-9
    if isinstance(told, tuple) and isinstance(found, tuple):
        return len(told) == len(found) and all(map(_same, told, found))
    return told == found


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.1f}"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{text[:60]}…" if len(text) > 60 else text or "empty"
