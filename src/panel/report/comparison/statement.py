"""What is said about two tools: statements that point at passages, and the advice they make up.

Passages of both tools start at E1.1, so a pointer names its side. Pure data.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from panel.report.comparison.preference import Preference, Side


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Pointer(_Frozen):
    """A stored passage of one of the two tools."""

    side: Side
    passage: str


Piece = str | Pointer
"""A piece of a statement: words, or a pointer behind the words that it backs."""


class Statement(_Frozen):
    """A sentence."""

    about: Literal["verdict", "a", "b", "price", "written"]
    """What it is: the verdicts, what speaks for one tool, the prices, or a model's own words."""
    pieces: tuple[Piece, ...]

    @property
    def cites(self) -> tuple[Pointer, ...]:
        """The passages it points at."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Pointer))


class ModelReply(_Frozen):
    """A model's reply, kept as it came: what is published can be checked against it."""

    provider: str
    model: str
    asked: datetime
    key: str
    """Digest of what was asked."""
    text: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    used: bool
    """False where it broke a rule and the rule's own paragraph stands in its place."""


class Advice(_Frozen):
    """Which one to ship with, and when the other."""

    preference: Preference
    """The rule's; whoever wrote the words."""
    by: Literal["rule", "model"]
    statements: tuple[Statement, ...]
    own_claims: tuple[str, ...] = ()
    """Figures and names in a model's words that stand in no passage it was shown."""
    unknown_cites: int = 0
    """Citations of passages that do not exist: dropped."""
    written: ModelReply | None = None
    note: str = ""
    """Why a model's paragraph was not used."""
