"""Every stored review, computed again from the stored replies and compared.

The replies are read by the code that reads new ones. The stored review is used only for comparison.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import product
from typing import Final

from panel.engine.fallbacks import last_asked
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.stored_calls import StoredCalls, ToolCalls
from panel.engine.verify.stored_tool import StoredTool
from panel.evidence.source import Evidence
from panel.foundation.errors import CallError
from panel.reviews.briefs import briefs
from panel.reviews.personas import Persona, applicable
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import Brief
from panel.reviews.propositions import proposition, resolve_date
from panel.reviews.review import Finding, Missing, Review
from panel.reviews.score import Rule, score_findings
from panel.reviews.strategies.ask import ask_review, writes
from panel.reviews.strategies.context import ReviewContext
from panel.reviews.strategies.judge_again import judge_again, with_cited, writer_brief
from panel.reviews.strategies.second_look import Looker, look_again
from panel.reviews.strategies.write_panel import Seat, Unwritten, write_all
from panel.reviews.strategies.written_review import was_written
from panel.reviews.verdict.samples import merge, shown_sample
from panel.runs.journal.reader import JournalReader

_ANSWER: Final = (
    "answer", "p", "cites", "because", "kind", "question", "says", "earlier", "decided_by",
    "p_source",
)  # fmt: skip
_CITED: Final = re.compile(r"\[(E\d+\.\d+)\]")
_WRITTEN: Final = (
    "summary", "fields", "stance", "notes", "own_claims",
    "unknown_cites", "uncited_facts", "unsupported",
    "beats", "composed", "turns_on", "stance_log_odds",
)  # fmt: skip
_AFTER_THE_VOTE: Final = (
    "beats", "composed", "turns_on", "status", "status_cites", "to_look_up", "looked_up",
    "first_status",
)  # fmt: skip
"""Empty in runs before 0.2, and left out where they are empty."""


@dataclass(frozen=True)
class ReviewCheck:
    """Checks the stored reviews of one run, by the plan that its manifest gives."""

    plan: ReviewPlan
    created: date
    """When the run started."""
    stored: JournalReader
    report: VerifyReport
    as_today: bool
    """This version of panel wrote the run."""
    calls_read: set[int] = field(default_factory=set)
    """Row numbers of the calls that were read, and are undamaged."""

    async def check(self, kept: StoredTool, evidence: Evidence, until: date) -> None:
        """Check every review of a tool; `until` is the day its verdict was made."""
        report, tool = self.report, kept.tool
        plan = self.plan.asking(last_asked(self.plan, kept.answers))
        asked = self._asked(plan, kept.answers)
        made = ToolCalls(self.stored, tool.slug)
        self.calls_read.update(made.rows)
        calls = self._clients(made, asked)
        support = StoredCalls(made, plan.support) if plan.support else None
        every = [*dict.fromkeys(calls.values()), *([support] if support else [])]
        # Where a clock was put back, a request is later than the verdict.
        days = [self.created, until, *made.days]
        gathered = evidence.gathered
        days += [gathered.day] if gathered.day else []
        shown = briefs(plan, tool, gathered).by_persona
        again = _Again(plan, asked, shown, evidence, calls, support, self.created)
        computed = await again.reviews(kept.answers)
        personas = {persona.name: persona for persona in plan.personas}
        for (name, sample), review in kept.reviews.items():
            stored = _StoredReview(report, tool.slug, review, sample)
            if (persona := personas.get(name)) is None:
                stored.say("findings", False, "no such reviewer was asked")
                continue
            stored.citations(evidence)
            stored.score(applicable(persona, tool.kind), plan.rule)
            stored.forecast_days(persona, min(days), max(days))
            stored.compare(computed[name][sample])
        for (name, _), answer in kept.missing.items():
            what = f"is missing as {answer.reason}, but no call of it failed so"
            holds = (name, answer.reason) in made.failures
            report.check("findings", holds, what, tool=tool.slug, persona=name)
        if reworded := sum(client.reworded for client in every):
            report.notes.append(
                f"{tool.slug}: {reworded} questions are worded otherwise today; their answers were"
                " found by what they are about"
            )

    def _asked(
        self, plan: ReviewPlan, kept: Mapping[tuple[str, int], Review | Missing]
    ) -> dict[tuple[str, int], ReviewPlan]:
        """Return by persona and sample the plan by which it was asked: fallbacks are named there.

        An answer that is not kept goes by the plan of the tool.
        """
        asked = {}
        for persona, sample in product((p.name for p in plan.personas), range(plan.samples)):
            answer = kept.get((persona, sample))
            own = self.plan.asking({persona: answer.fallback}) if answer else plan
            asked[persona, sample] = own.of(persona)
        return asked

    def _clients(
        self, made: ToolCalls, asked: Mapping[tuple[str, int], ReviewPlan]
    ) -> dict[tuple[str, int], StoredCalls]:
        """Return by persona and sample a client that answers from calls: one a judge."""
        by_model: dict[tuple[str, str], StoredCalls] = {}
        clients = {}
        for at, plan in asked.items():
            name = (plan.judge.provider, plan.judge.wire_model)
            if name not in by_model:
                by_model[name] = StoredCalls(made, plan.judge)
            clients[at] = by_model[name]
        return clients


@dataclass(frozen=True)
class _Unbacked:
    """Why the stored replies give no review, and the criterion that has none."""

    why: str
    criterion: str


@dataclass(frozen=True)
class _Again:
    """A tool's reviews, asked of the stored replies."""

    plan: ReviewPlan
    asked: Mapping[tuple[str, int], ReviewPlan]
    """By persona and sample, as each was asked."""
    briefs: Mapping[str, Brief]
    """What each persona was shown of what was gathered before the judging."""
    evidence: Evidence
    calls: Mapping[tuple[str, int], StoredCalls]
    support: StoredCalls | None
    created: date

    async def reviews(
        self, stored: Mapping[tuple[str, int], Review | Missing]
    ) -> Mapping[str, Sequence[Review | _Unbacked]]:
        """Return what the replies give, by persona and sample."""
        computed: dict[str, list[Review | _Unbacked]] = {
            persona.name: [await self._judged(persona, n) for n in range(self.plan.samples)]
            for persona in self.plan.personas
        }
        plan = self.plan
        if self.evidence.look_ups:
            computed = {
                persona.name: [
                    await self._judged_again(persona, n, answer)
                    for n, answer in enumerate(computed[persona.name])
                ]
                for persona in plan.personas
            }
        if plan.second_look:
            judged = [a for rows in computed.values() for a in rows if isinstance(a, Review)]
            for sample in range(plan.samples):
                await self._second_look(computed, sample, judged)
        every = [a for rows in computed.values() for a in rows if isinstance(a, Review)]
        # After a retry more than one sample of a reviewer may have been written.
        for turn in range(plan.samples):
            seats = [self._seat(p, computed[p.name], stored, turn, every) for p in plan.personas]
            written = await write_all(plan, seats, today=self.created)
            for name, answer in written.items():
                unwritten = next(seat.unwritten for seat in seats if seat.persona.name == name)
                if unwritten is None:
                    continue
                outcome: Review | _Unbacked
                if isinstance(answer, CallError):
                    outcome = self._unbacked(name, unwritten.context.sample, answer)
                else:
                    outcome = answer
                computed[name] = [
                    outcome if review is unwritten.sample else review for review in computed[name]
                ]
        return computed

    async def _second_look(
        self,
        computed: Mapping[str, list[Review | _Unbacked]],
        sample: int,
        judged: Sequence[Review],
    ) -> None:
        """Put what the second looks of a sample gave in the place of what was judged.

        `judged` are the reviews of all samples before any second look.
        """

        def looker(persona: Persona, review: Review) -> Looker:
            context = self._context(persona, sample)
            brief = with_cited(context.brief, self.evidence, judged)
            return Looker(replace(context, brief=brief), review)

        lookers = {
            p.name: looker(p, review)
            for p in self.plan.personas
            if isinstance(review := computed[p.name][sample], Review)
        }

        def asks(name: str, step: str) -> bool:
            # A review that stood before another was retried was not looked at again.
            return self.calls[name, sample].asked(name, step, sample)

        try:
            looked = await look_again(self.plan, lookers, asks=asks)
        except CallError as error:
            for name in lookers:
                computed[name][sample] = self._unbacked(name, sample, error)
            return
        for name, later in looked.items():
            computed[name][sample] = later

    async def _judged(self, persona: Persona, sample: int) -> Review | _Unbacked:
        try:
            return await ask_review(self._context(persona, sample), today=self.created)
        except CallError as error:
            return self._unbacked(persona.name, sample, error)

    async def _judged_again(
        self, persona: Persona, sample: int, answer: Review | _Unbacked
    ) -> Review | _Unbacked:
        if not isinstance(answer, Review):
            return answer
        try:
            return await judge_again(self._context(persona, sample), answer, self.evidence)
        except CallError as error:
            return self._unbacked(persona.name, sample, error)

    def _seat(
        self,
        persona: Persona,
        computed: Sequence[Review | _Unbacked],
        stored: Mapping[tuple[str, int], Review | Missing],
        turn: int,
        every: Sequence[Review],
    ) -> Seat:
        reviews = [review for review in computed if isinstance(review, Review)]
        own = {n: answer for (name, n), answer in stored.items() if name == persona.name}
        if not reviews:
            lost = Missing(persona=persona.name, reason="invalid", detail="its replies are lost")
            return Seat(persona, next((m for m in own.values() if isinstance(m, Missing)), lost))
        merged = merge(reviews)
        if not writes(self.plan, persona):
            return Seat(persona, merged)
        # A review that was written stays that of its sample, whatever sample came later.
        written = [n for n, answer in own.items() if was_written(answer)][turn : turn + 1]
        shown = next((r for n in written if isinstance(r := computed[n], Review)), None)
        if shown is None and turn == 0:
            shown = shown_sample(reviews)
        if shown is None:
            return Seat(persona, merged)
        context = self._context(persona, next(n for n, r in enumerate(computed) if r is shown))
        panel = self.briefs.values()
        brief = writer_brief(
            context.brief, shown, panel=panel, evidence=self.evidence, answers=every
        )
        return Seat(persona, merged, Unwritten(shown, replace(context, brief=brief)))

    def _context(self, persona: Persona, sample: int) -> ReviewContext:
        name = persona.name
        return ReviewContext(
            self.asked[name, sample],
            persona,
            self.briefs[name],
            self.calls[name, sample],
            self.support,
            sample=sample,
        )

    def _unbacked(self, persona: str, sample: int, error: CallError) -> _Unbacked:
        clients = (self.calls[persona, sample], self.support)
        lost = next((client.lost for client in clients if client and client.lost), "")
        return _Unbacked(f"its replies give no review: {error.message}", lost)


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
            "turns_on": self.review.turns_on,
            "status": " ".join(f"[{cite}]" for cite in self.review.status_cites),
            **{f.criterion: f.because for f in self.review.findings},
        }.items():
            for cite in dict.fromkeys(_CITED.findall(text)):
                self.say("citations", cite in known, f"cites {cite}, which is no passage", part)

    def score(self, persona: Persona, rule: Rule) -> None:
        review = self.review
        scored = score_findings(persona, review.findings, rule)
        what = (
            f"score {_number(review.score)}, vote {review.vote}: its findings come to"
            f" {_number(scored.score)}, {scored.vote}"
        )
        holds = _same((review.score, review.coverage, review.vote), tuple(scored))
        self.say("scores", holds, what)

    def forecast_days(self, persona: Persona, first: date, last: date) -> None:
        review, due = self.review, []
        if review.forecast is not None:
            due.append(("forecast", persona.forecast.horizon_months, review.forecast.resolve_by))
        for made in review.propositions:
            if known := proposition(made.proposition):
                due.append((made.proposition, known.months, made.resolve_by))
        for what, months, day in due:
            holds = resolve_date(first, months) <= day <= resolve_date(last, months)
            self.say("words", holds, f"its forecast is due on {day}", what)

    def compare(self, computed: Review | _Unbacked) -> None:
        """Compare the review with what the stored replies give."""
        if isinstance(computed, _Unbacked):
            self.say("findings", False, computed.why, computed.criterion)
            return
        findings = {f.criterion: f for f in computed.findings}
        for finding in self.review.findings:
            self._finding(finding, findings.pop(finding.criterion, None))
        for criterion in findings:
            self.say("findings", False, "is answered in the replies and not on the card", criterion)
        self._written(computed)

    def _finding(self, stored: Finding, computed: Finding | None) -> None:
        if computed is None:
            self.say("findings", False, "was never asked", stored.criterion)
            return
        if vars(stored) == vars(computed):
            self.say("findings", True, "", stored.criterion)
            return
        pairs = ((name, getattr(stored, name), getattr(computed, name)) for name in _ANSWER)
        wrong = {name: (old, new) for name, old, new in pairs if not _same(old, new)}
        what = "; ".join(
            f"{name} is {_short(old)}, not {_short(new)}" for name, (old, new) in wrong.items()
        )
        self.say("findings", not wrong, what, stored.criterion)

    def _written(self, computed: Review) -> None:
        stored = self.review
        for criterion in {*stored.not_applicable} ^ {*computed.not_applicable}:
            self.say("findings", False, "is not what the tool's kind leaves out", criterion)
        for name in (*_WRITTEN, *_AFTER_THE_VOTE):
            # A run of an older panel lacks the newer ones.
            if name in stored.model_fields_set or name in _AFTER_THE_VOTE:
                old, new = getattr(stored, name), getattr(computed, name)
                same = _same(old, new)
                what = "" if same else f"is {_short(old)}, the replies give {_short(new)}"
                self.say("words", same, what, name)
        old, new = (f and (f.claim, f.probability) for f in (stored.forecast, computed.forecast))
        self.say("words", _same(old, new), "is not what the reply predicts", "forecast")
        was, is_ = (_chances(review) for review in (stored, computed))
        for ident in {**was, **is_}:
            same = _same(was.get(ident), is_.get(ident))
            self.say("words", same, "is not what the reply predicts", ident)
        same_model = stored.model == computed.model
        self.say("words", same_model, "was given by another model", "model")


def _chances(review: Review) -> dict[str, float]:
    return {made.proposition: made.probability for made in review.propositions}


def _same(stored: object, computed: object) -> bool:
    """Compare values; numbers that went through JSON may differ in their last digits."""
    if stored == computed:
        return True
    if isinstance(stored, float) and isinstance(computed, float | int):
        return abs(stored - computed) < 1e-9
    if isinstance(stored, tuple) and isinstance(computed, tuple):
        return len(stored) == len(computed) and all(map(_same, stored, computed))
    return False


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:.1f}"


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{text[:60]}…" if len(text) > 60 else text or "empty"
