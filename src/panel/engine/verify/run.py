"""One run, verified from its journal up: evidence, facts, reviewers, reviews, verdicts, files.

Sends no request and writes nothing. What cannot be checked is in the report's notes.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from panel.engine.fallbacks import last_asked
from panel.engine.settle import card_judges, settle
from panel.engine.verify.canaries import CanaryCheck
from panel.engine.verify.facts import check_facts, check_kind
from panel.engine.verify.files import FileCheck
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.reviews import ReviewCheck
from panel.engine.verify.stored_tool import StoredTool
from panel.evidence.source import Evidence
from panel.foundation.collector import seldom_collected
from panel.reviews.calibration import calibration as calibrations
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.personas import Persona, load_personas
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Missing, Review
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.manifest import by_this_version, fingerprint, persona_fingerprint, plan_of
from panel.runs.metadata import (
    stored_calibration,
    stored_calibrations,
    stored_fallback_calibrations,
    stored_personas,
)
from panel.runs.run import Run


async def verify(run: Run, *, folders: Sequence[Path] = ()) -> VerifyReport:
    """Return what of a stored run is backed by its journal and what is not.

    `folders` hold persona files, for a run that kept no reviewers of its own.
    """
    report = VerifyReport(run=run.name)
    for note in run.notes:
        report.check("journal", False, note)
    reviews = _review_check(run, folders, report)
    canaries, files = CanaryCheck(run, report), FileCheck(run, report)
    with seldom_collected():
        for slug in run.slugs():
            if (tool := run.tool(slug)) is None:
                continue
            stored = StoredTool.read(run, tool)
            await _tool(reviews, run, stored)
            if (card := stored.card) is not None:
                canaries.check(card)
                files.check(card)
        files.check_rest()
    report.checked["journal"] += run.stored.count_calls(reviews.calls_read)
    for line in run.damaged:
        report.check("journal", False, line)
    return report


async def unbacked(run: Run, *, folders: Sequence[Path] = ()) -> set[tuple[str, str]]:
    """Return tool and persona of the stored reviews that the stored replies do not give.

    Whether the tool has a verdict yet makes no difference.
    """
    report = VerifyReport(run=run.name)
    reviews = _review_check(run, folders, report)
    for tool in run.tools():
        stored = StoredTool.read(run, tool)
        if stored.evidence is not None and stored.card is None:
            await reviews.check(stored, stored.evidence, datetime.now(UTC).date())
        elif stored.evidence is not None:
            await _tool(reviews, run, stored)
    faults = {(fault.tool, fault.persona.partition(" sample ")[0]) for fault in report.faults}
    return {(tool, persona) for tool, persona in faults if tool}


def _review_check(run: Run, folders: Sequence[Path], report: VerifyReport) -> ReviewCheck:
    manifest = run.manifest
    plan = plan_of(
        manifest,
        personas=_personas(run, folders, report),
        calibration=_calibration(run, report),
        calibrations=_calibrations(run, report),
        fallbacks=_fallback_calibrations(run, report),
    )
    # Stored answers are there at once: to read them in turn takes no tasks.
    plan = replace(plan, judge=plan.judge.model_copy(update={"concurrency": 1}))
    as_today = by_this_version(manifest)
    return ReviewCheck(plan, manifest.created.date(), run.stored, report, as_today)


async def _tool(reviews: ReviewCheck, run: Run, stored: StoredTool) -> None:
    report, tool = reviews.report, stored.tool
    evidence, card = stored.evidence, stored.card
    if evidence is None or card is None:
        report.notes.append(f"{tool.slug}: has no verdict that can be read")
        return
    same = run.stored.evidence_fingerprint(tool.slug) == evidence_fingerprint(evidence)
    report.check("evidence", same, "is not what was gathered", tool=tool.slug)
    _numbering(evidence, tool.slug, report)
    check_facts(card, evidence, report, as_today=reviews.as_today)
    check_kind(card, tool, evidence, report, as_today=reviews.as_today)
    await reviews.check(stored, evidence, card.created.date())
    plan = reviews.plan.asking(last_asked(reviews.plan, stored.answers))
    _judges(plan, run, card, report)
    _verdict(reviews.plan, stored, card, evidence, report)


def _numbering(evidence: Evidence, slug: str, report: VerifyReport) -> None:
    for source in evidence.sources:
        ids = [p.id for p in source.passages]
        sound = len(set(ids)) == len(ids) and all(i.startswith(f"{source.id}.") for i in ids)
        report.check("evidence", sound, f"the passages of {source.id} are misnumbered", tool=slug)


def _judges(plan: ReviewPlan, run: Run, card: Scorecard, report: VerifyReport) -> None:
    """Check that a card names the models of the manifest; older runs name none by reviewer."""
    if not (run.manifest.judges or card.judges):
        return
    # A run may be resumed at another address, which is a provider by another name.
    named = [(judge.persona, judge.model, judge.asked) for judge in card.judges]
    expected = [(judge.persona, judge.model, judge.asked) for judge in card_judges(plan)]
    what = "names other models than the manifest"
    report.check("reviewers", named == expected, what, tool=card.tool.slug)


def _verdict(
    plan: ReviewPlan, stored: StoredTool, card: Scorecard, evidence: Evidence, report: VerifyReport
) -> None:
    """Check that a card holds the stored reviews, merged, and the verdict they come to."""
    slug, kept = card.tool.slug, stored.answers
    answers = {
        persona.name: [
            kept[persona.name, n] for n in range(plan.samples) if (persona.name, n) in kept
        ]
        for persona in plan.personas
    }
    for name in [name for name, rows in answers.items() if not rows]:
        what = "has neither a review nor a reason"
        report.check("verdicts", False, what, tool=slug, persona=name)
        del answers[name]
    if not answers:
        return
    settled = settle(plan, answers, evidence)
    shown: list[Review | Missing] = [*card.reviews, *card.missing]
    merged: list[Review | Missing] = [*settled.reviews, *settled.missing]
    on_card = {review.persona: review for review in shown}
    for review in merged:
        holds = on_card.pop(review.persona, None) == review
        what = "is on the card otherwise than it was kept"
        report.check("scores", holds, what, tool=slug, persona=review.persona)
    for name in on_card:
        report.check("scores", False, "is on the card and was never kept", tool=slug, persona=name)
    verdict = card.verdict
    what = (
        f"the verdict is {verdict.outcome}, score {verdict.score}; the reviews come to"
        f" {settled.verdict.outcome}, {settled.verdict.score}"
    )
    report.check("verdicts", verdict == settled.verdict, what, tool=slug)


def _personas(run: Run, folders: Sequence[Path], report: VerifyReport) -> tuple[Persona, ...]:
    fingerprints = run.manifest.personas
    personas = stored_personas(run)
    if personas is None:
        report.notes.append("the run kept no reviewers; those of today are taken")
        today = {p.name: p for p in load_personas(folders=folders)} if folders else {}
        personas = tuple(today[name] for name in fingerprints if name in today)
    current = {p.name: persona_fingerprint(p) for p in personas}
    for name, expected in fingerprints.items():
        holds = current.get(name) == expected
        report.check("reviewers", holds, "is not the reviewer that was asked", persona=name)
    return tuple(p for p in personas if p.name in fingerprints)


def _calibration(run: Run, report: VerifyReport) -> Calibration | None:
    expected = run.manifest.calibration
    if expected is None:
        return None
    calibration = stored_calibration(run) or calibrations.load(run.manifest.model)
    holds = calibration is not None and fingerprint(calibration.model_dump(mode="json")) == expected
    report.check("reviewers", holds, "the calibration is not the one that was used")
    return calibration


def _fallback_calibrations(run: Run, report: VerifyReport) -> dict[str, Calibration]:
    """Return the calibrations of the run's fallbacks, by provider."""
    stored = stored_fallback_calibrations(run)
    for record in run.manifest.fallbacks:
        calibration = stored.get(record.provider)
        current = calibration and fingerprint(calibration.model_dump(mode="json"))
        what = f"the calibration of {record.provider} is not the one that was used"
        report.check("reviewers", current == record.calibration, what)
    return stored


def _calibrations(run: Run, report: VerifyReport) -> dict[str, Calibration]:
    """Return the calibrations of judges other than the run's own, by persona."""
    stored = stored_calibrations(run)
    for name, judge in run.manifest.other_judges.items():
        calibration = stored.get(name)
        current = calibration and fingerprint(calibration.model_dump(mode="json"))
        what = "the calibration of its judge is not the one that was used"
        report.check("reviewers", current == judge.calibration, what, persona=name)
    return stored
