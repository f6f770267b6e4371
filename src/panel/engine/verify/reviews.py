"""Every stored review, computed again from the stored replies and compared.

The replies are read by the code that reads new ones. The stored review is used only for comparison.
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
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.review import Finding, Review
from panel.reviews.score import Rule, score_findings
from panel.reviews.strategies.ask import ask_review, resolve_date
from panel.reviews.strategies.context import ReviewContext
from panel.runs.journal.reader import JournalReader

_ANSWER: Final = ("answer", "p", "cites", "because", "kind", "question", "says")
_CITED: Final = re.compile(r"\[(E\d+\.\d+)\]")
_WRITTEN: Final = (
    "summary", "fields", "stance", "notes", "own_claims",
    "unknown_cites", "uncited_facts", "unsupported",
    "beats", "composed", "turns_on", "stance_log_odds",
)  # fmt: skip


@dataclass(frozen=True)
class ReviewCheck:
    """Checks the stored reviews of one run, by the plan that its manifest gives."""

    plan: ReviewPlan
    created: date
    """When the run started."""
    stored: JournalReader
    report: VerifyReport

    async def check(self, tool: Tool, evidence: Evidence, until: date) -> None:
        """Check every review of a tool; `until` is the day its verdict was made."""
        plan, report = self.plan, self.report
        calls = StoredCalls(self.stored, tool.slug, plan.judge)
        support = StoredCalls(self.stored, tool.slug, plan.support) if plan.support else None
        # Where a clock was put back, a request is later than the verdict.
        days = [self.created, until, *calls.days]
        chosen = choose(evidence, plan.judge.evidence_tokens)
        brief = Brief(tool=tool, passages=chosen.passages, context=plan.context)
        personas = {persona.name: persona for persona in plan.personas}
        for (name, sample), review in self.stored.reviews(tool.slug).items():
            stored = _StoredReview(report, tool.slug, review, sample)
            if (persona := personas.get(name)) is None:
                stored.say("findings", False, "no such reviewer was asked")
                continue
            stored.citations(evidence)
            stored.score(persona, plan.rule)
            stored.forecast_day(persona, days)
            context = ReviewContext(plan, persona, brief, calls, support, sample=sample)
            await stored.ask_again(context, self.created)
        failures = calls.failures | (support.failures if support else set())
        for (name, _), missing in self.stored.missing(tool.slug).items():
            what = f"is missing as {missing.reason}, but no call of it failed so"
            holds = (name, missing.reason) in failures
            report.check("findings", holds, what, tool=tool.slug, persona=name)
        if reworded := calls.reworded + (support.reworded if support else 0):
            report.notes.append(
                f"{tool.slug}: {reworded} questions are worded otherwise today; their answers were"
                " found by what they are about"
            )


@dataclass(frozen=True)
class _StoredReview:
    """One stored review under check."""

    report: VerifyReport
    slug: str
    review: Review
    sample: int

    def say(self, kind: str, holds: bool, what: str, criterion: str = "") -> None:
        who = self.review.persona + (f" sample {self.sample + 1}" if self.sample else "")
        self.report.check(kind, holds, what, tool=self.slug, persona=who, criterion=criterion)

    def citations(self, evidence: Evidence) -> None:
        known = evidence.passages
        for finding in self.review.findings:
            for cite in finding.cites:
                what = f"cites {cite}, which is no stored passage"
                self.say("citations", cite in known, what, finding.criterion)
            if finding.kind == "fact" and finding.answer != "unclear":
                what = f"a fact answered {finding.answer} without a citation"
                self.say("citations", bool(finding.cites), what, finding.criterion)
        forecast = self.review.forecast
        for part, text in {
            "summary": self.review.summary,
            **self.review.fields,
            **self.review.beats,
            "forecast": forecast.claim if forecast else "",
            **{f.criterion: f.because for f in self.review.findings},
        }.items():
            for cite in dict.fromkeys(_CITED.findall(text)):
                self.say("citations", cite in known, f"cites {cite}, which is no passage", part)

    def score(self, persona: Persona, rule: Rule) -> None:
        review = self.review
        scored = score_findings(persona.criteria, review.findings, rule)
        what = (
            f"score {_number(review.score)}, vote {review.vote}: its findings come to"
            f" {_number(scored.score)}, {scored.vote}"
        )
        holds = _same((review.score, review.coverage, review.vote), tuple(scored))
        self.say("scores", holds, what)

    def forecast_day(self, persona: Persona, days: Sequence[date]) -> None:
        if self.review.forecast is None:
            return
        months = persona.forecast.horizon_months
        day = self.review.forecast.resolve_by
        holds = resolve_date(min(days), months) <= day <= resolve_date(max(days), months)
        self.say("words", holds, f"its forecast is due on {day}", "forecast")

    async def ask_again(self, context: ReviewContext, created: date) -> None:
        """Ask the review's questions of its stored replies and compare what comes of them."""
        try:
            review = await ask_review(context, today=created)
        except CallError as error:
            clients = (context.calls, context.support)
            lost = next((c.lost for c in clients if isinstance(c, StoredCalls) and c.lost), "")
            self.say("findings", False, f"its replies give no review: {error.message}", lost)
            return
        findings = {f.criterion: f for f in review.findings}
        for finding in self.review.findings:
            self._finding(finding, findings.pop(finding.criterion, None))
        for criterion in findings:
            self.say("findings", False, "is answered in the replies and not on the card", criterion)
        self._written(review)

    def _finding(self, stored: Finding, computed: Finding | None) -> None:
        if computed is None:
            self.say("findings", False, "was never asked", stored.criterion)
            return
        pairs = {name: (getattr(stored, name), getattr(computed, name)) for name in _ANSWER}
        wrong = {name: pair for name, pair in pairs.items() if not _same(*pair)}
        what = "; ".join(
            f"{name} is {_short(old)}, not {_short(new)}" for name, (old, new) in wrong.items()
        )
        self.say("findings", not wrong, what, stored.criterion)

    def _written(self, computed: Review) -> None:
        stored = self.review
        for name in _WRITTEN:
            if name in stored.model_fields_set:  # a run of an older panel lacks the newer ones
                old, new = getattr(stored, name), getattr(computed, name)
                what = f"is {_short(old)}, the replies give {_short(new)}"
                self.say("words", _same(old, new), what, name)
        old, new = (f and (f.claim, f.probability) for f in (stored.forecast, computed.forecast))
        self.say("words", _same(old, new), "is not what the reply predicts", "forecast")
        same_model = stored.model == computed.model
        self.say("words", same_model, "was given by another model", "model")


def _same(stored: object, computed: object) -> bool:
    """Compare values; numbers that went through JSON may differ in their last digits."""
    if isinstance(stored, float) and isinstance(computed, float | int):
        return abs(stored - computed) < 1e-9
    if isinstance(stored, tuple) and isinstance(computed, tuple):
        return len(stored) == len(computed) and all(map(_same, stored, computed))
    return stored == computed


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.1f}"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{text[:60]}…" if len(text) > 60 else text or "empty"
