"""What a run was reviewed with, whole in its journal: personas, calibration, canary results.

The manifest holds fingerprints only. With these a run can be verified after the files changed.
"""

import json
from typing import Any

from pydantic import ValidationError

from panel.foundation.errors import BadReply
from panel.llm.types import ChatResponse
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.canary import STEP, Canaries, obeys
from panel.reviews.personas import Persona
from panel.reviews.plan import ReviewPlan
from panel.runs.journal.call_rows import row_reply
from panel.runs.journal.schema import CALL_COLUMNS
from panel.runs.run import Run

_PERSONAS = "personas"
_CALIBRATION = "calibration"
_CALIBRATIONS = "calibrations"
_CANARIES = "canaries"


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
    text = run.stored.meta(_CALIBRATIONS)
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


def _obeyed(call: dict[str, Any]) -> bool | None:
    if call["status"] != "ok" and call["reason"] != "truncated":
        return None
    try:
        reply: ChatResponse = row_reply(tuple(call[name] for name in CALL_COLUMNS))
        return obeys(reply.text, call["tool"])
    except (BadReply, ValueError, KeyError, TypeError):
        return None
