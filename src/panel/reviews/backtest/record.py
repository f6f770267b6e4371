"""What later runs quote of a backtest: a file for each judge and way of asking, own or shipped."""

import json
from datetime import date
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from panel.foundation.atomic_files import write_atomic
from panel.foundation.errors import SettingsError
from panel.foundation.paths import config_folder
from panel.foundation.proportion import Share
from panel.llm.config import Ask
from panel.reviews.backtest.report import BacktestReport
from panel.reviews.calibration.calibration import file_name

SHIPPED: Final = Path(__file__).parent / "records"
FEWEST: Final = 10
"""Pairs from which a share is worth a line on every card."""


class BacktestRecord(BaseModel):
    """How a judge ranked pairs of tools whose fate is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    ask: Ask
    day: date
    folder: str
    pairs: Share
    """Pairs that the score ranked right."""
    baseline: str | None
    """The number that ranks best by itself, of those whose direction is known beforehand."""
    baseline_pairs: Share | None

    @classmethod
    def of(cls, report: BacktestReport) -> Self:
        """Return what is kept of a report; its best baseline is that which ranks most pairs."""
        figures = report.all
        known = [row for row in figures.baselines if not row.by_outcome and row.pairs.total]
        best = max(known, key=lambda row: row.pairs.share or 0.0, default=None)
        return cls(
            provider=report.provider,
            model=report.model,
            ask=report.asked,
            day=report.created.date(),
            folder=report.folder,
            pairs=figures.score.pairs,
            baseline=best and best.label,
            baseline_pairs=best and best.pairs,
        )

    def line(self, judge: str) -> str:
        """Return the record in words; `judge` is how the line calls the judge."""
        words = f"in a backtest {judge} ranked {self.pairs} pairs right"
        if self.baseline is None or self.baseline_pairs is None:
            return words
        best = self.baseline_pairs
        count = f"{best.count}" if best.total == self.pairs.total else f"{best}"
        return f"{words}; {self.baseline} alone ranks {count}"


def own_folder() -> Path:
    """Return where the records of this installation are kept."""
    return config_folder() / "backtests"


def keep(record: BacktestRecord) -> Path:
    """Keep a record in the place of an earlier one of the same judge; return its file."""
    folder, name = own_folder(), file_name(record.model, record.ask)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder, name, [json.dumps(record.model_dump(mode="json"), indent=1) + "\n"])
    return folder / name


def load(provider: str, model: str, ask: Ask, *, own: bool = True) -> BacktestRecord | None:
    """Return the record of a judge: if `own` from the config folder, else as shipped.

    None where there is none of this provider.
    """
    for folder in (own_folder(), SHIPPED) if own else (SHIPPED,):
        path = folder / file_name(model, ask)
        if path.is_file() and (record := _read(path)).provider == provider:
            return record
    return None


def _read(path: Path) -> BacktestRecord:
    try:
        return BacktestRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        raise SettingsError(f"{path}: not a backtest's record", hint=f"rm {path}") from None
