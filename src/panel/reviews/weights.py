"""Fitted weights: what a backtest's outcomes say of criteria, reviewers and facts.

The file that `[rule] weights` names, schema `panel.weights/1`: `panel fit` writes it, the rule
holds it whole, so that a run records what it was scored by. Knows no review and no rule.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.foundation.errors import SettingsError
from panel.foundation.proportion import Share
from panel.foundation.text import printable
from panel.llm.config import Ask

MAX_BYTES: Final = 4_000_000

Weight = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
"""As in a persona file."""
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FigureDifference(_Part):
    """One figure of a rule less that of another, over the same tools.

    With its 95 % interval; None where too few tools could be drawn.
    """

    value: Number
    low: Number | None
    high: Number | None

    @property
    def is_above_zero(self) -> bool:
        """Whether all of the interval is."""
        return self.low is not None and self.low > 0


class FittedOn(_Part):
    """The reviews that weights were fitted on."""

    folder: str
    """The name of the list's folder."""
    outcomes: str
    """Fingerprint of the list's tools, pairs and fates."""
    tools: int
    lived: int
    pairs: int
    day: date
    """When it was fitted."""
    run: str
    provider: str
    model: str
    asked: Ask
    shown: str
    """`as listed`, or what was masked and left out."""


class OutOfSample(_Part):
    """How tools are ranked by weights that were fitted without them."""

    plain: Share
    """Pairs that the plain weights rank right, with the same curves."""
    fitted: Share
    plain_area: float | None
    """The same as AUC, 0–1, over all tools."""
    fitted_area: float | None
    difference: FigureDifference | None
    """Of the shares of pairs ranked right, of a list without pairs of the AUC; None of neither."""
    beaten: bool
    """The plain weights were clearly beaten."""


class PersonaWeights(_Part):
    """The weight of one reviewer, and of its criteria by id."""

    weight: Weight
    criteria: dict[str, Weight]


class FittedThreshold(_Part):
    """The score from which a reviewer ships, and what ships by it out of sample."""

    ship_at: float = Field(ge=0, le=100, allow_inf_nan=False)
    plain: float = Field(ge=0, le=100, allow_inf_nan=False)
    """The threshold that it replaces."""
    lived: Share
    """Tools that lived whose verdict is ship; `died` likewise."""
    died: Share
    plain_lived: Share
    """The same at the threshold that it replaces."""
    plain_died: Share

    def line(self) -> str:
        """Return what every scorecard says of it."""
        return (
            f"a reviewer ships from {self.ship_at:g}, fitted as well: out of sample it ships"
            f" {self.lived} that lived and {self.died} that died, at {self.plain:g}"
            f" {self.plain_lived.count:g} and {self.plain_died.count:g}"
        )


class FittedCurve(_Part):
    """The probability that a tool lives, by one number known of it: p = σ(a + b ln(1 + x))."""

    intercept: Number
    """a, log-odds."""
    slope: Number
    """b, log-odds for each unit of ln(1 + x); its sign is that of the fact."""
    low: int = Field(ge=0)
    """The least x that it was fitted on; `high` the greatest."""
    high: int = Field(ge=0)
    tools: int
    brier: float
    """Cross-validated mean squared error of p; `base` is that of saying the share that lived."""
    base: float

    def probability(self, x: int) -> float:
        """Return p, also beyond the numbers that it was fitted on."""
        logit = self.intercept + self.slope * math.log1p(x)
        return round(1 / (1 + math.exp(-max(-700.0, min(700.0, logit)))), 6)

    def is_beyond(self, x: int) -> bool:
        """Tell a number outside of those that it was fitted on."""
        return not self.low <= x <= self.high


class FittedWeights(_Part):
    """Weights and curves, what they were fitted on, and what they are worth out of sample."""

    schema_: Literal["panel.weights/1"] = Field(default="panel.weights/1", alias="schema")
    fitted_on: FittedOn
    out_of_sample: OutOfSample
    personas: dict[str, PersonaWeights] = {}
    """Empty where the plain weights were kept: curves alone are fitted then."""
    curves: dict[str, FittedCurve] = {}
    """By the name that a condition of `decided_by` gives the fact."""
    threshold: FittedThreshold | None = Field(default=None, exclude_if=lambda value: value is None)
    """None where the rule's own was kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def text(self) -> str:
        """Return the text of the file."""
        data = self.model_dump(mode="json", by_alias=True)
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    def of_criterion(self, persona: str, criterion: str) -> float | None:
        """Return the fitted weight of a criterion; None where it keeps its plain one."""
        known = self.personas.get(persona)
        return known.criteria.get(criterion) if known else None

    def of_persona(self, persona: str) -> float | None:
        """Return the fitted weight of a reviewer; None where it keeps its plain one."""
        known = self.personas.get(persona)
        return known.weight if known else None

    @property
    def source(self) -> str:
        """What the fit rests on, in a few words."""
        on = self.fitted_on
        return f"{on.tools} tools of {printable(on.folder)} ({on.day})"

    def line(
        self,
        personas: Sequence[str],
        models: Iterable[str],
        asked: Iterable[Ask],
        ship_at: float | None = None,
    ) -> str:
        """Return what every scorecard says of the weights, in one sentence.

        Args:
            personas: Names of the reviewers of the run.
            models: Of those that answer; `asked` are the ways in which they are asked.
            asked: See above.
            ship_at: The run's threshold; None is the fitted one.
        """
        on = self.fitted_on
        parts = [gain] if (gain := self._gain()) else []
        if self.threshold:
            parts.append(self._threshold(self.threshold, ship_at))
        if {*models} - {*on.model.split(", ")} or {*asked} - {on.asked}:
            parts.append(f"fitted on answers of {printable(on.model)}, asked {on.asked}")
        if self.personas and (unknown := [n for n in personas if n not in self.personas]):
            parts.append(f"the plain weights of {', '.join(unknown)} are kept")
        return "; ".join(parts)

    def _threshold(self, threshold: FittedThreshold, ship_at: float | None) -> str:
        source = "" if self.personas or self.curves else f"threshold fitted on {self.source}: "
        if ship_at is not None and ship_at != threshold.ship_at:
            return f"{source}the fitted threshold of {threshold.ship_at:g} is not used"
        return source + threshold.line()

    def _gain(self) -> str:
        if not self.personas and not self.curves:
            return ""
        if not self.personas:
            facts = ", ".join(self.curves)
            return f"probabilities of {facts} by curves fitted on {self.source}, weights plain"
        result = self.out_of_sample
        unclear = "" if result.beaten else ", which does not clearly beat them"
        words = f"weights fitted on {self.source}: out of sample they"
        if result.fitted.total:
            plain = f"the plain weights {result.plain.count:g}"
            return f"{words} rank {result.fitted} pairs right, {plain}{unclear}"
        areas = (result.fitted_area, result.plain_area)
        fitted, plain = ("–" if area is None else f"{area:.2f}" for area in areas)
        return f"{words} have an AUC of {fitted}, the plain weights {plain}{unclear}"


Curves = Mapping[str, FittedCurve]
NO_CURVES: Final[Curves] = {}


def read_weights(path: Path) -> FittedWeights:
    """Return the weights in a file.

    Raises:
        SettingsError: the file cannot be read, or is not such a file; names the key.
    """
    hint = "panel fit FOLDER --weights FILE writes one"
    where = printable(str(path))
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{where}: larger than 4 MB", hint=hint)
        return FittedWeights.model_validate(json.loads(raw))
    except OSError as error:
        what = (error.strerror or "cannot be read").lower()
        raise SettingsError(f"[rule] weights: {where}: {what}", hint=hint) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = printable(".".join(str(part) for part in first["loc"]))[:120]
        raise SettingsError(
            f"{where}: not a file of fitted weights: {key}: {first['msg'].lower()}", hint=hint
        ) from None
    except (ValueError, RecursionError):
        raise SettingsError(f"{where}: not a file of fitted weights: no JSON", hint=hint) from None


def check_known(weights: FittedWeights, personas: Sequence[str], where: Path) -> None:
    """Raise `SettingsError` where weights are of other reviewers altogether."""
    if weights.personas and not any(name in weights.personas for name in personas):
        raise SettingsError(
            f"{printable(str(where))}: its weights are of {', '.join(weights.personas)}, and none"
            f" of them reviews here ({', '.join(personas)})",
            hint="leave [rule] weights out, or panel fit FOLDER with these reviewers",
        )
