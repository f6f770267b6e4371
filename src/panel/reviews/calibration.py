"""Calibration: from a judge's raw yes/no difference to a probability, criterion by criterion.

A model leans towards yes or no on a question whatever it is asked about. The offset takes that
lean away; the slope says how much a difference of log-probabilities is worth. Knows no provider.
"""

import json
import math
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.errors import SettingsError
from panel.paths import config_folder

SHIPPED: Final = Path(__file__).parent / "calibrations"


class Correction(BaseModel):
    """How one criterion's difference is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: float = Field(ge=-50, le=50, allow_inf_nan=False)
    """The difference at which yes and no are as likely."""
    slope: float = Field(gt=0, le=50, allow_inf_nan=False)
    """Log-odds for each unit of difference."""
    source: Literal["fitted", "content_free"]
    question: str = ""
    """The question it was made for: other wording, other lean."""


class Calibration(BaseModel):
    """What is known of one judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    made: str
    """When and from what, for people."""
    criteria: dict[str, Correction]
    """By `persona.criterion`."""

    def probability(self, difference: float, persona: str, criterion: str) -> float:
        """Return the probability of yes, 0–1; a criterion that is not listed is read as it is."""
        correction = self.criteria.get(f"{persona}.{criterion}")
        if correction is None:
            return sigmoid(difference)
        return sigmoid(correction.slope * (difference - correction.offset))

    def covers(self, persona: str, criterion: str, question: str) -> bool:
        """Say whether this very question was calibrated."""
        correction = self.criteria.get(f"{persona}.{criterion}")
        return correction is not None and correction.question in ("", question)


def load(model: str) -> Calibration | None:
    """Return what is known of a judge: from the config folder, else as shipped, else None."""
    name = file_name(model)
    for folder in (config_folder() / "calibrations", SHIPPED):
        path = folder / name
        if path.is_file():
            return _read(path)
    return None


def file_name(model: str) -> str:
    """Return the name of a judge's calibration file: no separators, no upper case."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in model.lower()) + ".json"


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
