"""From a finished run over control tools to a report and a calibration. Sends no request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from panel.engine.calibrate import statistics
from panel.engine.calibrate.cases import Case
from panel.engine.calibrate.read_run import Differences, Lookup, case_answers
from panel.engine.calibrate.threshold import FEWEST_GOOD, FEWEST_POOR, ship_threshold, ships
from panel.engine.calibrate.votes import CaseAnswers, CaseDecision, Read, decide_case
from panel.foundation.proportion import Share
from panel.reviews.calibration.calibration import Calibration, Correction, Measured
from panel.reviews.calibration.fitting import HeldOut, Sample, fit_calibration, held_out, left_out
from panel.reviews.calibration.report import (
    CalibrationReport,
    CaseResult,
    FitResult,
    ThresholdResult,
)
from panel.reviews.personas import Persona
from panel.reviews.score import Rule
from panel.runs.run import Run

FEWEST: Final = 8
"""Controls that a fit needs, so that each can be left out in turn."""

NO_PROBABILITIES: Final = "this judge gives no log-probabilities: only the threshold was looked for"
ONE_REPLY: Final = (
    "asked for one reply a reviewer, a judge is not fitted: only the threshold was looked for"
)
TOO_FEW: Final = (
    f"too few controls for a threshold: at least {FEWEST_GOOD} good and {FEWEST_POOR} bland or"
    " bad ones are needed, so nothing is stored"
)


@dataclass(frozen=True)
class Fitted:
    """A fit to all controls, and for each control the fit to the others."""

    whole: Calibration
    apart: Mapping[str, Calibration]
    """By the slug of the control left out."""
    result: FitResult


def evaluate(run: Run, cases: Sequence[Case], personas: Sequence[Persona]) -> CalibrationReport:
    """Return the report on the judge of a run over the cases."""
    manifest = run.manifest
    answers = case_answers(run, cases)
    unfinished = len(cases) - len(answers)
    notes = [f"{unfinished} cases not finished"] if unfinished else []
    rule = manifest.rule
    plain = [decide_case(case, personas, rule) for case in answers]
    differences, fitted = _fitted(run, answers, personas, notes)
    used = [_used(case, personas, rule, differences, fitted) for case in answers]
    ship_at = _threshold(used, notes)
    if ship_at is not None:
        rule = rule.model_copy(update={"ship_at": ship_at})
        used = [_used(case, personas, rule, differences, fitted) for case in answers]
    clean = [a for a in answers if a.case.injection is None]
    copies = [a for a in answers if a.case.injection is not None]
    reviews = [r for a in answers for sample in a.reviews for r in sample]
    missing = sum(len(sample) for a in answers for sample in a.missing)
    return CalibrationReport(
        run=run.name,
        created=datetime.now(UTC).replace(microsecond=0),
        provider=manifest.provider,
        model=manifest.model,
        asked=manifest.ask,
        samples=manifest.samples,
        personas=tuple(p.name for p in personas),
        controls={
            kind: sum(s.case.control.kind == kind for s in clean)
            for kind in ("good", "bland", "bad", "empty")
        },
        copies=len(copies),
        held=Share.of(sum(s.held for s in copies), len(copies)),
        held_clean=Share.of(sum(s.held for s in clean), len(clean)),
        plain=statistics.reading(plain, manifest.rule.ship_at),
        used=statistics.reading(used, rule.ship_at),
        fit=fitted.result if fitted else None,
        ship_at=ship_at,
        flips=statistics.flips(answers, personas, manifest.rule),
        unknown_citations=statistics.unknown_citations(reviews),
        unsupported_citations=statistics.unsupported_citations(reviews)
        if manifest.support
        else None,
        uncited_facts=statistics.uncited_facts(reviews, manifest.rule),
        stance_differs=statistics.stance_differs(reviews),
        missing=Share.of(missing, missing + len(reviews)),
        effective_votes=statistics.independent_votes(used, personas),
        usage=run.usage(),
        cases=tuple(_row(a, b) for a, b in zip(plain, used, strict=True)),
        notes=tuple(notes),
    )


def calibration_of(report: CalibrationReport) -> Calibration | None:
    """Return the calibration that later runs use; None where there were too few controls."""
    if report.ship_at is None:
        return None
    used: ThresholdResult = report.used
    day = report.created.date()
    return Calibration(
        model=report.model,
        made=f"{day} from {report.base} control tools by panel calibrate, asked {report.asked}",
        criteria=report.fit.criteria if report.fit else {},
        common=report.fit.common if report.fit else None,
        ship_at=report.ship_at,
        measured=Measured(
            provider=report.provider,
            model=report.model,
            ask=report.asked,
            day=day,
            ship_at=report.ship_at,
            good=used.good,
            lenient=used.lenient,
            usual=_lenient_at(report, Rule().ship_at),
            swayed=used.sway.changed,
        ),
    )


def _lenient_at(report: CalibrationReport, ship_at: float) -> Share:
    cases = [c for c in report.cases if c.injection is None and c.kind in ("bland", "bad")]
    return Share.of(sum(ships(c.ships_up_to, ship_at) for c in cases), len(cases))


def _fitted(
    run: Run, answers: Sequence[CaseAnswers], personas: Sequence[Persona], notes: list[str]
) -> tuple[dict[str, Differences], Fitted | None]:
    """Return the raw differences by case, and the fit; adds a note where there is none."""
    if run.manifest.ask == "whole":
        notes.append(ONE_REPLY)
        return {}, None
    lookup = Lookup(run, personas)
    empty = lookup.empty()
    pairs = ((a.case.slug, lookup.case(a.case.slug)) for a in answers)
    differences = {slug: by_key for slug, by_key in pairs if by_key is not None}
    if empty is None or not differences:
        notes.append(NO_PROBABILITIES)
        return {}, None
    clean = [a.case for a in answers if a.case.injection is None and a.case.slug in differences]
    if len(clean) < FEWEST:
        notes.append(f"too few controls for a fit: {len(clean)} of at least {FEWEST}")
        return differences, None
    return differences, _fit(run.manifest.model, clean, differences, empty, personas)


def _fit(
    model: str,
    clean: Sequence[Case],
    differences: Mapping[str, Differences],
    empty: Differences,
    personas: Sequence[Persona],
) -> Fitted:
    questions = {f"{p.name}.{c.id}": c.question for p in personas for c in p.criteria}
    samples = [
        Sample(differences[c.slug], {key: c.control.label(key) for key in questions}) for c in clean
    ]
    whole = fit_calibration(model, "", samples, empty, questions)
    apart = left_out(samples, empty, questions)
    before = _unfitted(empty, questions)
    unfitted = held_out(samples, [before] * len(samples))
    fitted = held_out(samples, apart)
    result = FitResult(
        controls=len(samples),
        **_errors(unfitted, fitted),
        reliability_before=statistics.reliability(samples, [before] * len(samples)),
        reliability=statistics.reliability(samples, apart),
        criteria=whole.criteria,
        common=whole.common,
    )
    by_slug = {case.slug: fit for case, fit in zip(clean, apart, strict=True)}
    return Fitted(whole, by_slug, result)


def _errors(before: HeldOut, after: HeldOut) -> dict[str, float]:
    errors = {
        "loss_before": before.loss,
        "loss": after.loss,
        "right_before": before.right,
        "right": after.right,
    }
    return {name: round(value, 4) for name, value in errors.items()}


def _unfitted(empty: Differences, questions: Mapping[str, str]) -> Calibration:
    rows = {
        key: Correction(offset=lean, slope=1.0, source="content_free", question=questions[key])
        for key, lean in empty.items()
    }
    return Calibration(model="", made="", criteria=rows)


def _used(
    answers: CaseAnswers,
    personas: Sequence[Persona],
    rule: Rule,
    differences: Mapping[str, Differences],
    fitted: Fitted | None,
) -> CaseDecision:
    """Decide a case as later runs would, a control by the fit that it was left out of."""
    by_key = differences.get(answers.case.slug)
    if fitted is None or by_key is None:
        return decide_case(answers, personas, rule)
    calibration = fitted.apart.get(answers.case.control.slug, fitted.whole)
    return decide_case(answers, personas, rule, read=_reader(calibration, by_key))


def _reader(calibration: Calibration, differences: Differences) -> Read:
    def read(key: str) -> float | None:
        if (difference := differences.get(key)) is None:
            return None
        persona, _, criterion = key.partition(".")
        return round(calibration.probability(difference, persona, criterion), 4)

    return read


def _threshold(cases: Sequence[CaseDecision], notes: list[str]) -> float | None:
    clean = [c for c in cases if c.answers.case.injection is None]
    good = [c.ships_up_to for c in clean if c.answers.case.control.kind == "good"]
    poor = [c.ships_up_to for c in clean if c.answers.case.control.kind in ("bland", "bad")]
    if len(good) < FEWEST_GOOD or len(poor) < FEWEST_POOR:
        notes.append(TOO_FEW)
        return None
    return ship_threshold(good, poor, usual=Rule().ship_at)


def _row(plain: CaseDecision, used: CaseDecision) -> CaseResult:
    case = plain.answers.case

    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return CaseResult(
        slug=case.slug,
        kind=case.control.kind,
        injection=case.injection.id if case.injection else None,
        injection_kind=case.injection.kind if case.injection else None,
        held=plain.answers.held,
        outcome=plain.outcome,
        score=short(plain.score),
        used_outcome=used.outcome,
        used_score=short(used.score),
        ships_up_to=short(used.ships_up_to),
    )
