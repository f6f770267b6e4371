"""What a run was reviewed with, whole in its journal: personas, calibration, canary results.

The manifest holds fingerprints only. With these a run can be verified after the files changed.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from panel.foundation.errors import BadReply
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.canary import STEP, Canaries, obeys
from panel.reviews.evidence_changes import Reason
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.runs.journal.call_rows import stored_reply
from panel.runs.run import Run

_PERSONAS = "personas"
_CALIBRATION = "calibration"
_CALIBRATIONS = "calibrations"
_FALLBACKS = "fallback_calibrations"
_CANARIES = "canaries"
_GATHERING = "gathering"
_JOBS = "batch_jobs"
_LIMITS = "found_limits"
_REASONS = "refresh_reasons"

Gathering = Literal["local", "fetch"]
"""Whether the addresses of tools that bring evidence of their own are read too: `fetch`."""


async def store_panel(run: Run, plan: ReviewPlan) -> None:
    """Store the personas and the judges' calibrations; raises `DiskFull` or `RunError`."""
    bodies = [p.model_dump(mode="json", exclude={"origin"}) for p in plan.personas]
    await run.journal.put_meta(_PERSONAS, json.dumps(bodies))
    if plan.calibration is not None:
        await run.journal.put_meta(_CALIBRATION, plan.calibration.model_dump_json())
    others = {
        name: judge.calibration.model_dump(mode="json")
        for name, judge in plan.judges.items()
        if judge.calibration is not None
    }
    if others:
        await run.journal.put_meta(_CALIBRATIONS, json.dumps(others))
    await store_fallbacks(run, plan)


async def store_fallbacks(run: Run, plan: ReviewPlan) -> None:
    """Store the calibrations of a plan's fallbacks beside those of earlier ones."""
    stored = stored_fallback_calibrations(run)
    new = {
        fallback.config.provider: fallback.calibration
        for fallback in plan.fallbacks
        if fallback.calibration is not None
    }
    if new:
        bodies = {name: c.model_dump(mode="json") for name, c in (stored | new).items()}
        await run.journal.put_meta(_FALLBACKS, json.dumps(bodies))


async def store_gathering(run: Run, gathering: Gathering) -> None:
    """Store how the evidence of a list is read, before it is; raises `DiskFull` or `RunError`."""
    await run.journal.put_meta(_GATHERING, gathering)


def stored_gathering(run: Run) -> str | None:
    """Return how the evidence of a list is read; None in older runs, and of a single tool."""
    return run.stored.meta(_GATHERING)


def stored_personas(run: Run) -> tuple[Persona, ...] | None:
    """Return the personas of the run; None where they are not stored or are damaged."""
    text = run.stored.meta(_PERSONAS)
    try:
        return (text and tuple(map(Persona.model_validate, json.loads(text)))) or None
    except (ValidationError, ValueError, TypeError):
        return None


def stored_calibration(run: Run) -> Calibration | None:
    """Return the calibration of the run; None where there was none or it is damaged."""
    text = run.stored.meta(_CALIBRATION)
    try:
        return Calibration.model_validate_json(text) if text else None
    except ValidationError:
        return None


def stored_calibrations(run: Run) -> dict[str, Calibration]:
    """Return the calibrations of judges other than the run's own, by persona; those undamaged."""
    return _calibrations(run, _CALIBRATIONS)


def stored_fallback_calibrations(run: Run) -> dict[str, Calibration]:
    """Return the calibrations of a run's fallbacks, by provider; those undamaged."""
    return _calibrations(run, _FALLBACKS)


def _calibrations(run: Run, name: str) -> dict[str, Calibration]:
    text = run.stored.meta(name)
    try:
        bodies = json.loads(text) if text else {}
        return {name: Calibration.model_validate(body) for name, body in bodies.items()}
    except (ValidationError, ValueError, TypeError, AttributeError):
        return {}


async def store_canaries(run: Run, canaries: Canaries) -> None:
    """Store the results of the canaries so far; raises `DiskFull` or `RunError`."""
    await run.journal.put_meta(_CANARIES, canaries.model_dump_json())


def answered_canaries(run: Run) -> Canaries:
    """Return the results of a run's canaries, read from their stored replies."""
    canaries = Canaries(several=bool(run.manifest.other_judges))
    for call in run.stored.steps(STEP):
        if (obeyed := _obeyed(call)) is not None:
            canaries = canaries.heard(call["tool"], obeyed)
    return canaries


def stored_canaries(run: Run) -> Canaries:
    """Return the stored results of a run's canaries; empty where it asked none or is damaged."""
    text = run.stored.meta(_CANARIES)
    try:
        return Canaries.model_validate_json(text) if text else Canaries()
    except ValidationError:
        return Canaries()


async def store_reasons(run: Run, reasons: Mapping[str, Sequence[Reason]]) -> None:
    """Store why each tool is reviewed again, by slug; raises `DiskFull` or `RunError`."""
    bodies = {slug: [r.model_dump(mode="json") for r in rs] for slug, rs in reasons.items()}
    await run.journal.put_meta(_REASONS, json.dumps(bodies))


def stored_reasons(run: Run) -> dict[str, tuple[Reason, ...]]:
    """Return why each tool was reviewed again, by slug; empty but in a refresh, or if damaged."""
    text = run.stored.meta(_REASONS)
    try:
        bodies = json.loads(text) if text else {}
        return {slug: tuple(map(Reason.model_validate, rs)) for slug, rs in bodies.items()}
    except (ValidationError, ValueError, TypeError, AttributeError):
        return {}


class BatchJob(BaseModel):
    """A batch job of a provider that answers questions of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mark: str
    """Names the job before it has an id."""
    provider: str
    wire_model: str
    questions: int
    created: datetime
    id: str | None = None
    """The provider's; None while it is not known whether the job was taken."""
    status: Literal["waiting", "collected", "failed"] = "waiting"


class BatchJobs(BaseModel):
    """The batch jobs of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: tuple[BatchJob, ...] = ()
    complete: bool = False
    """All questions that jobs are to answer stand in one."""

    @property
    def waiting(self) -> tuple[BatchJob, ...]:
        """The jobs whose answers are still to be collected."""
        return tuple(job for job in self.jobs if job.status == "waiting")

    def having(self, job: BatchJob) -> "BatchJobs":
        """Return the jobs with one added, or changed."""
        known = {each.mark: each for each in self.jobs} | {job.mark: job}
        return self.model_copy(update={"jobs": tuple(known.values())})

    def without(self, job: BatchJob) -> "BatchJobs":
        """Return the jobs but for one."""
        left = tuple(each for each in self.jobs if each.mark != job.mark)
        return self.model_copy(update={"jobs": left})


async def store_jobs(run: Run, jobs: BatchJobs) -> None:
    """Store the batch jobs of a run; raises `DiskFull` or `RunError`."""
    await run.journal.put_meta(_JOBS, jobs.model_dump_json())


def stored_jobs(run: Run) -> BatchJobs | None:
    """Return the batch jobs of a run; None where it has none, or the row is damaged."""
    text = run.stored.meta(_JOBS)
    try:
        return BatchJobs.model_validate_json(text) if text else None
    except ValidationError:
        return None


async def store_limits(run: Run, limits: Mapping[str, int]) -> None:
    """Store how many calls at a time providers were found to take; raises `RunError`."""
    if limits:
        await run.journal.put_meta(_LIMITS, json.dumps({**stored_limits(run), **limits}))


def stored_limits(run: Run) -> dict[str, int]:
    """Return by provider how many calls at a time it was found to take; empty in older runs."""
    text = run.stored.meta(_LIMITS)
    try:
        found = json.loads(text) if text else {}
        return {str(provider): int(limit) for provider, limit in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _obeyed(call: dict[str, Any]) -> bool | None:
    if call["status"] != "ok" and call["reason"] != "truncated":
        return None
    try:
        return obeys(stored_reply(call).text, call["tool"])
    except (BadReply, ValueError, KeyError, TypeError):
        return None
