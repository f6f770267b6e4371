"""Personas: the reviewers, one Markdown file each."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Ident = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class Criterion(BaseModel):
    """A yes/no question where yes speaks for the tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ident
    question: str = Field(min_length=8, max_length=200)
    kind: Literal["fact", "judgement"]
    weight: float = Field(default=1.0, gt=0, le=10)
    dealbreaker: bool = False
    """A supported `no` here forces the persona's skip."""


class WrittenField(BaseModel):
    """One written part of a review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ident
    ask: str = Field(min_length=8, max_length=240)


class ForecastAsk(BaseModel):
    """What the persona must predict, and when it is to be resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: str = Field(min_length=8, max_length=240)
    horizon_months: int = Field(ge=1, le=60)


class Persona(BaseModel):
    """A reviewer: front matter of the file, and its body as `voice`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Ident
    title: str
    weight: float = Field(default=1.0, gt=0, le=10)
    lens: str = Field(max_length=160)
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=20)
    fields: tuple[WrittenField, ...] = Field(max_length=6)
    forecast: ForecastAsk
    voice: str = Field(min_length=1)
    """The body: voice and method, in the second person."""
    origin: str = ""
    """The file it was read from, for messages."""
