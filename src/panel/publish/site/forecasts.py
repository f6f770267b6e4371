"""`forecasts.yaml` in the runs folder: which forecasts came true, as a person judged them.

A list of entries:

    - tool: quillstore            # the tool's name or its key in addresses
      reviewer: skeptic
      by: 2027-11-22              # the forecast's own day
      claim: Replication is still # its beginning; only where two forecasts share a day
      came_true: no
      date: 2027-11-23            # when it was judged
      note: 2.0 ships replication # optional
"""

from collections.abc import Iterable
from datetime import date as Day
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from panel.evidence.tools.identity import folded, name_key
from panel.foundation.errors import InputError
from panel.foundation.strict_yaml import MAX_BYTES, read_text, read_yaml_lines
from panel.reviews.review import Forecast
from panel.runs.history.entry import History

FILE: Final = "forecasts.yaml"


class Resolution(BaseModel):
    """One forecast's end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = Field(min_length=1)
    reviewer: str = Field(min_length=1)
    by: Day
    claim: str = ""
    came_true: bool
    date: Day
    note: str | None = None

    @field_validator("came_true", mode="before")
    @classmethod
    def _yes_or_no(cls, value: Any) -> Any:
        words: dict[Any, Literal[True, False]] = {"yes": True, "no": False}
        if value not in words:
            raise ValueError("say yes or no")
        return words[value]

    def meets(self, history: History, persona: str, forecast: Forecast) -> bool:
        """Tell whether this is the end of that forecast."""
        names = {history.key, *(name_key(entry.tool.name) for entry in history.entries)}
        return (
            (self.tool in names or name_key(self.tool) in names)
            and self.reviewer == persona
            and self.by == forecast.resolve_by
            and folded(forecast.claim).startswith(folded(self.claim))
        )


def read_forecasts(runs: Path) -> tuple[Resolution, ...]:
    """Return what `forecasts.yaml` in a runs folder says; () where there is no such file.

    Raises `InputError` naming the file, the line and the key.
    """
    path = runs / FILE
    if not path.exists():
        return ()
    text = read_text(path, limit=MAX_BYTES, error=InputError)
    entries, lines = read_yaml_lines(text, where=str(path), error=InputError)
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise InputError(f"{path} line 1: must be a list of entries that start with `- tool:`")
    return tuple(
        _resolution(entry, f"{path} line {lines[(number,)]}")
        for number, entry in enumerate(entries)
    )


def unmet(resolutions: Iterable[Resolution], histories: Iterable[History]) -> tuple[str, ...]:
    """Return a line for each entry that meets no forecast of the archive."""
    known = tuple(histories)
    return tuple(
        f"{FILE}: no forecast of {resolution.reviewer} on {resolution.tool} by {resolution.by}"
        for resolution in resolutions
        if not any(
            resolution.meets(history, opinion.persona, opinion.forecast)
            for history in known
            for entry in history.entries
            for opinion in entry.opinions
            if opinion.forecast
        )
    )


def _resolution(entry: Any, where: str) -> Resolution:
    try:
        return Resolution.model_validate(entry)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        problem = f"unknown key {key!r}" if first["type"] == "extra_forbidden" else f"{key}: {what}"
        raise InputError(f"{where}: {problem.removeprefix(': ')}") from None
