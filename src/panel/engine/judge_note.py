"""What every scorecard says about its judge: one line from the judge's calibration. Pure."""

from typing import Final

from panel.llm.config import ProviderConfig
from panel.review.calibration.calibration import Calibration, Measured
from panel.review.score import Rule
from panel.runs.manifest import public

UNKNOWN: Final = "this judge was never measured: panel calibrate"


def is_measured_for(known: Calibration, target: ProviderConfig) -> bool:
    """Tell whether a calibration was measured on this provider's judge, asked in this way."""
    told = known.measured
    return told is not None and (told.provider, told.ask) == (public(target.provider), target.ask)


def judge_note(known: Calibration | None, target: ProviderConfig, rule: Rule) -> str:
    """Return the one line about the judge, with counts; never empty."""
    if known is None or known.measured is None or not is_measured_for(known, target):
        return UNKNOWN
    told = known.measured
    line = _shipped(told)
    if rule.ship_at != told.ship_at:
        line += f"; this run ships at {rule.ship_at:g}"
    return f"{line}: weak evidence" if told.weak else line


def _shipped(told: Measured) -> str:
    line = f"this judge shipped {told.lenient} bland or bad control tools and {told.good} good ones"
    usual = Rule().ship_at
    if told.ship_at == usual:
        return line
    return f"{line} at {told.ship_at:g}, its threshold (at {usual:g}: {told.usual} bland or bad)"
