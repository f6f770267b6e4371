"""One run, verified from its journal up: evidence, facts, reviewers, reviews, verdicts, files.

Asks nobody and writes nothing. What it cannot check it says.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from panel.engine.review_tool import settle
from panel.engine.verify.canaries import check_canaries
from panel.engine.verify.facts import check_facts
from panel.engine.verify.files import check_files
from panel.engine.verify.report import VerifyReport
from panel.engine.verify.reviews import Bench
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.review.calibration import calibration as calibrations
from panel.review.calibration.calibration import Calibration
from panel.review.personas import Persona, load_personas
from panel.review.review import Missing, Review
from panel.review.verdict.scorecard import Scorecard
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.manifest import by_this_version, fingerprint, persona_fingerprint
from panel.runs.metadata import stored_calibration, stored_personas
from panel.runs.run import Run


async def verify(run: Run, *, folders: Sequence[Path] = ()) -> VerifyReport:
    """Return what of a stored run is backed by its journal and what is not.

    `folders` hold persona files, for a run that kept no reviewers of its own.
    """
    report = VerifyReport(run=run.name)
    for note in run.notes:
        report.check("journal", False, note)
    bench = _bench(run, folders, report)
    cards = run.cards()
    by_slug = {card.tool.slug: card for card in cards}
    for tool in run.tools():
        await _tool(bench, run, tool, by_slug.get(tool.slug))
    check_canaries(run, cards, report)
    check_files(run, cards, report)
    report.checked["journal"] += sum(1 for _ in run.stored.calls())
    for line in run.damaged:
        report.check("journal", False, line)
    return report


async def unbacked(run: Run, *, folders: Sequence[Path] = ()) -> set[tuple[str, str]]:
    """Return tool and persona of the stored reviews that the stored replies do not give.

    Whether the tool has a verdict yet makes no difference.
    """
    report = VerifyReport(run=run.name)
    bench = _bench(run, folders, report)
    for tool in run.tools():
        evidence, card = run.evidence(tool.slug), run.card(tool.slug)
        if evidence is not None and card is None:
            await bench.check(tool, evidence, datetime.now(UTC).date())
        elif evidence is not None:
            await _tool(bench, run, tool, card)
    faults = {(fault.tool, fault.persona.partition(" sample ")[0]) for fault in report.faults}
    return {(tool, persona) for tool, persona in faults if tool}


def _bench(run: Run, folders: Sequence[Path], report: VerifyReport) -> Bench:
    return Bench(
        manifest=run.manifest,
        personas={p.name: p for p in _personas(run, folders, report)},
        calibration=_calibration(run, report),
        stored=run.stored,
        report=report,
    )


async def _tool(bench: Bench, run: Run, tool: Tool, card: Scorecard | None) -> None:
    report = bench.report
    evidence = run.evidence(tool.slug)
    if evidence is None or card is None:
        report.notes.append(f"{tool.slug}: has no verdict that can be read")
        return
    told = run.stored.evidence_fingerprint(tool.slug)
    same = told == evidence_fingerprint(evidence)
    report.check("evidence", same, "is not what was gathered", tool=tool.slug)
    _numbering(evidence, tool.slug, report)
    check_facts(card, evidence, report, as_today=by_this_version(run.manifest))
    await bench.check(tool, evidence, card.created.date())
    _verdict(bench, run, card, evidence)


def _numbering(evidence: Evidence, slug: str, report: VerifyReport) -> None:
    for source in evidence.sources:
        ids = [p.id for p in source.passages]
        sound = len(set(ids)) == len(ids) and all(i.startswith(f"{source.id}.") for i in ids)
        report.check("evidence", sound, f"the passages of {source.id} are misnumbered", tool=slug)


def _verdict(bench: Bench, run: Run, card: Scorecard, evidence: Evidence) -> None:
    """Check that a card holds the stored reviews, merged, and the verdict they come to."""
    report, slug = bench.report, card.tool.slug
    samples = bench.manifest.samples
    known: dict[tuple[str, int], Review | Missing] = {**run.missing(slug), **run.reviews(slug)}
    answers = {
        name: [known[name, n] for n in range(samples) if (name, n) in known]
        for name in bench.personas
    }
    for name in [name for name, rows in answers.items() if not rows]:
        what = "has neither a review nor a reason"
        report.check("verdicts", False, what, tool=slug, persona=name)
        del answers[name]
    if not answers:
        return
    settled = settle(
        answers, evidence, personas=tuple(bench.personas.values()), rule=bench.manifest.rule
    )
    shown: list[Review | Missing] = [*card.reviews, *card.missing]
    told = {each.persona: each for each in shown}
    merged: list[Review | Missing] = [*settled.reviews, *settled.missing]
    for found in merged:
        holds = told.pop(found.persona, None) == found
        what = "is on the card otherwise than it was kept"
        report.check("scores", holds, what, tool=slug, persona=found.persona)
    for name in told:
        report.check("scores", False, "is on the card and was never kept", tool=slug, persona=name)
    verdict = card.verdict
    what = (
        f"the verdict is {verdict.outcome}, score {verdict.score}; the reviews come to"
        f" {settled.verdict.outcome}, {settled.verdict.score}"
    )
    report.check("verdicts", verdict == settled.verdict, what, tool=slug)


def _personas(run: Run, folders: Sequence[Path], report: VerifyReport) -> tuple[Persona, ...]:
    told = run.manifest.personas
    found = stored_personas(run)
    if found is None:
        report.notes.append("the run kept no reviewers; those of today are taken")
        known = {p.name: p for p in load_personas(folders=folders)} if folders else {}
        found = tuple(known[name] for name in told if name in known)
    by_name = {p.name: persona_fingerprint(p) for p in found}
    for name, fingerprint_ in told.items():
        holds = by_name.get(name) == fingerprint_
        report.check("reviewers", holds, "is not the reviewer that was asked", persona=name)
    return tuple(p for p in found if p.name in told)


def _calibration(run: Run, report: VerifyReport) -> Calibration | None:
    told = run.manifest.calibration
    if told is None:
        return None
    found = stored_calibration(run) or calibrations.load(run.manifest.model)
    holds = found is not None and fingerprint(found.model_dump(mode="json")) == told
    report.check("reviewers", holds, "the calibration is not the one that was used")
    return found
