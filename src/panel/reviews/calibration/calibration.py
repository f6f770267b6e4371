"""Calibration: from a judge's raw yes/no difference to a probability, criterion by criterion.

A model leans towards yes or no on a question whatever it is asked about. The offset takes that
lean away; the slope says how much a difference of log-probabilities is worth. Knows no provider.
"""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from panel.foundation.errors import SettingsError
from panel.foundation.paths import config_folder
from panel.foundation.proportion import Share
from panel.llm.config import Ask

SHIPPED: Final = Path(__file__).parent / "calibrations"


class Correction(BaseModel):
    """How one criterion's difference is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: float = Field(ge=-50, le=50, allow_inf_nan=False)
    """The difference at which yes and no are as likely."""
    slope: float = Field(gt=0, le=50, allow_inf_nan=False)
    """Log-odds for each unit of difference."""
    source: Literal["fitted", "common", "content_free"]
    """From controls that answer it, from the line of all criteria, or from the empty tool alone."""
    question: str = ""
    """The question it was made for: other wording, other lean."""


class CommonLine(BaseModel):
    """What the criteria of a fit have in common, for questions that no control answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(gt=0, le=50, allow_inf_nan=False)
    """Log-odds for each unit of difference."""
    intercept: float = Field(ge=-50, le=50, allow_inf_nan=False)
    """Log-odds of yes for an answer equal to that on an empty tool."""

    def correction(self, empty: float, question: str) -> "Correction":
        """Return how a question is read whose difference on an empty tool is `empty`."""
        return Correction(
            offset=round(empty - self.intercept / self.slope, 4),
            slope=self.slope,
            source="common",
            question=question,
        )


class Measured(BaseModel):
    """How a judge did on control tools, in the numbers that later scorecards quote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    ask: Ask
    day: date
    ship_at: float
    """The threshold at which `good` and `lenient` were counted."""
    good: Share
    """Good controls that shipped."""
    lenient: Share
    """Bland and bad controls that shipped."""
    usual: Share
    """Bland and bad controls that would ship at the rule's own threshold."""
    swayed: Share
    """Injected copies whose outcome was not that of the original, holds left aside."""

    @property
    def weak(self) -> bool:
        """Whether good tools did not ship clearly more often: the 95 % intervals overlap."""
        return self.good.low <= self.lenient.high


class Calibration(BaseModel):
    """What is known of one judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    made: str
    """When and from what, for people."""
    criteria: dict[str, Correction]
    """By `persona.criterion`."""
    common: CommonLine | None = None
    ship_at: float | None = Field(default=None, ge=0, le=100)
    """The ship threshold this judge needs; None where it was not looked for."""
    measured: Measured | None = None

    @model_serializer(mode="wrap")
    def _without_unknowns(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is not known is left out: fingerprints of older calibrations stay what they were.
        data: dict[str, Any] = handler(self)
        return {key: value for key, value in data.items() if value is not None}

    def probability(self, difference: float, persona: str, criterion: str) -> float:
        """Return the probability of yes, 0–1; a criterion that is not listed is read as it is."""
        correction = self.criteria.get(f"{persona}.{criterion}")
        if correction is None:
            return sigmoid(difference)
        return sigmoid(correction.slope * (difference - correction.offset))

    def lean(self, persona: str, criterion: str) -> float:
        """Return the difference at which yes and no are as likely; 0 where it is not known."""
        correction = self.criteria.get(f"{persona}.{criterion}")
        return correction.offset if correction else 0.0

    def covers(self, persona: str, criterion: str, question: str) -> bool:
        """Say whether this very question was calibrated."""
        correction = self.criteria.get(f"{persona}.{criterion}")
        return correction is not None and correction.question in ("", question)


def load(model: str, ask: Ask = "stepwise", *, own: bool = True) -> Calibration | None:
    """Return what is known of a judge: if `own` from the config folder, else as shipped or None."""
    name = file_name(model, ask)
    for folder in (own_folder(), SHIPPED) if own else (SHIPPED,):
        path = folder / name
        if path.is_file():
            return _read(path)
    return None


def own_folder() -> Path:
    """Return where calibrations made here are kept."""
    return config_folder() / "calibrations"


def file_name(model: str, ask: Ask = "stepwise") -> str:
    """Return the name of a judge's calibration file: no separators, no upper case."""
    plain = "".join(c if c.isalnum() or c in "._-" else "-" for c in model.lower())
    return f"{plain}.json" if ask == "stepwise" else f"{plain}.{ask}.json"


def sigmoid(logit: float) -> float:
    """Return 1 / (1 + e^−x) without overflow."""
    if logit < 0:
        return math.exp(max(logit, -700)) / (1 + math.exp(max(logit, -700)))
    return 1 / (1 + math.exp(-min(logit, 700)))


def _read(path: Path) -> Calibration:
    try:
        return Calibration.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        raise SettingsError(f"{path}: not a calibration file", hint=f"rm {path}") from None
