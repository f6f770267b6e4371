"""Personas: the reviewers, one Markdown file each, and the reader of those files.

Knows what a persona file may say; nothing of prompts, models or scores.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from panel.evidence.tools.tool import TOOL_KINDS, ToolKind
from panel.foundation.errors import PersonaError
from panel.foundation.plugins import broken_plugin, load_plugin, plugin_names
from panel.foundation.strict_yaml import first_fault, read_front_matter
from panel.reviews.fact_rules import check_condition

Ident = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


def _is_empty(value: object) -> bool:
    """Tell what is not written: fingerprints of stored reviewers stay what they were."""
    return not value


def _listed(value: object) -> object:
    """Read one condition as a list of one."""
    return (value,) if isinstance(value, str) else value


Condition = Annotated[str, AfterValidator(check_condition)]


class Statements(BaseModel):
    """What each answer to a criterion says about the tool, as a short statement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    yes: str = Field(min_length=4, max_length=120)
    no: str = Field(min_length=4, max_length=120)
    unclear: str = Field(min_length=4, max_length=120)


class Criterion(BaseModel):
    """A yes/no question where yes speaks for the tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ident
    question: str = Field(min_length=8, max_length=200)
    kind: Literal["fact", "judgement"]
    weight: float = Field(default=1.0, gt=0, le=10)
    dealbreaker: bool = False
    """A supported `no` here forces the persona's skip."""
    cues: str = Field(default="", max_length=200)
    """Words that passages with the answer tend to hold: a small judge is pointed at those first."""
    shown_by: Literal["code", "top", "date"] | None = Field(default=None, exclude_if=_is_empty)
    """What alone shows a yes, where it is one of these: a small judge is asked of no other passage.

    Code or a command; the first passages of a page; a passage with a year or that says by whom the
    tool is maintained.
    """
    says: Statements | None = Field(default=None, exclude_if=_is_empty)
    """What cards show instead of the question; None in reviewers of stored runs before 0.2."""
    applies_to: tuple[ToolKind, ...] = Field(default=(), exclude_if=_is_empty)
    """Kinds of tools that it is asked about; empty: all."""
    notice: str = Field(default="", max_length=200, exclude_if=_is_empty)
    """A question whose yes means no here, asked about the first passages alone: a page says at
    its top that the tool is over."""
    decided_by: Annotated[tuple[Condition, ...], BeforeValidator(_listed)] = Field(
        default=(), max_length=4, exclude_if=_is_empty
    )
    """Conditions on facts (`fact_rules`): where one of these facts is known, code answers."""

    def statement(self, answer: Literal["yes", "no", "unclear"]) -> str:
        """Return the answer as a statement about the tool; "" in reviewers that have none."""
        return str(getattr(self.says, answer)) if self.says else ""


class WrittenField(BaseModel):
    """One written part of a review."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ident
    ask: str = Field(min_length=8, max_length=240)


class Beat(BaseModel):
    """One of the steps in which a review makes its argument, in the order of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ident
    ask: str = Field(min_length=8, max_length=240)
    quotes: tuple[Ident, ...] = Field(default=(), max_length=4)
    """Criteria whose passage makes the same point: it is quoted for a judge that does not write."""


class Example(BaseModel):
    """A sentence about an invented tool, and the same point made as the persona makes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    worse: str = Field(min_length=8, max_length=400)
    better: str = Field(min_length=8, max_length=400)


class Opening(BaseModel):
    """How a conclusion begins, up to its because; `{tool}` stands for the tool's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ship: str = Field(default="I would ship with {tool}", min_length=4, max_length=80)
    skip: str = Field(default="I would not ship with {tool}", min_length=4, max_length=80)


class ForecastAsk(BaseModel):
    """What the persona must predict, and when it is to be resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: str = Field(min_length=8, max_length=240)
    horizon_months: int = Field(ge=1, le=60)


class Persona(BaseModel):
    """A reviewer: front matter of the file, and its body as `voice`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Ident
    title: str = Field(min_length=1, max_length=60)
    weight: float = Field(default=1.0, gt=0, le=10)
    lens: str = Field(min_length=1, max_length=160)
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=20)
    fields: tuple[WrittenField, ...] = Field(default=(), max_length=6, exclude_if=_is_empty)
    """Written parts of reviewers of stored runs before 0.2, which had no beats."""
    biography: str = Field(default="", max_length=240, exclude_if=_is_empty)
    """Who the reviewer is, in one sentence."""
    beats: tuple[Beat, ...] = Field(default=(), max_length=6, exclude_if=_is_empty)
    examples: tuple[Example, ...] = Field(default=(), max_length=4, exclude_if=_is_empty)
    opening: Opening = Opening()
    """Small judges all begin alike unless each is given its own words."""
    forecast: ForecastAsk
    voice: str = Field(min_length=1)
    """The body: voice and method, in the second person."""
    origin: str = ""
    """The file it was read from, for messages."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Persona":
        """Two criteria, or two written parts, of one id could not be told apart in a review."""
        for what, ids in (
            ("criteria", [c.id for c in self.criteria]),
            ("fields", [f.id for f in self.fields]),
            ("beats", [b.id for b in self.beats]),
        ):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            if twice:
                raise ValueError(f"{what} has the id {twice[0]} twice")
        parts = {f.id for f in self.fields} | {b.id for b in self.beats}
        if taken := sorted(parts & RESERVED):
            raise ValueError(f"a beat cannot use the id {taken[0]}: every review has one")
        return self

    @model_validator(mode="after")
    def _every_kind_is_asked(self) -> "Persona":
        """Without a question there is no vote."""
        for kind in TOOL_KINDS:
            if all(c.applies_to and kind not in c.applies_to for c in self.criteria):
                raise ValueError(f"criteria: none applies to a {kind}: every kind needs one")
        return self


def applicable(persona: Persona, kind: ToolKind | None) -> Persona:
    """Return the persona with the criteria that a tool of this kind is asked.

    A tool of unknown kind is asked what a library is asked.
    """
    if len(criteria := _criteria(persona, kind)) == len(persona.criteria):
        return persona
    return persona.model_copy(update={"criteria": criteria})


def not_applicable(persona: Persona, kind: ToolKind | None) -> tuple[str, ...]:
    """Return the ids of the criteria that a tool of this kind is not asked."""
    asked = {criterion.id for criterion in _criteria(persona, kind)}
    return tuple(c.id for c in persona.criteria if c.id not in asked)


def _criteria(persona: Persona, kind: ToolKind | None) -> tuple[Criterion, ...]:
    kind = kind or "library"
    return tuple(c for c in persona.criteria if not c.applies_to or kind in c.applies_to)


RESERVED: Final = frozenset({"summary", "forecast", "probability", "stance", "findings", "persona"})
"""Parts of a review that are always there."""

ORDER: Final = ("builder", "skeptic", "business", "futurist")
"""The four that are shipped, in the order they speak; others follow by name."""


def load_personas(
    *, names: Sequence[str] | None = None, folders: Sequence[Path]
) -> tuple[Persona, ...]:
    """Read the reviewers of all folders; a later folder's file replaces an earlier one's.

    Args:
        names: Which ones, in this order; all of the folders when None. Those of installed
            packages (entry points of the group `panel.personas`) are only read where named.
        folders: Where to look. A file's own name must be the persona's.

    Raises:
        PersonaError: a file breaks its contract, a name is unknown, or there is none at all.
    """
    paths = {path.stem: path for folder in folders for path in _files(folder)}
    if not paths:
        raise PersonaError(f"no persona files in {', '.join(map(str, folders))}")
    if names is None:
        return tuple(read_persona(paths[name]) for name in sorted(paths, key=_place))
    plugins = plugin_names("personas")
    for name in names:
        if name not in paths and name not in plugins:
            known = sorted({*paths, *plugins}, key=_place)
            raise PersonaError(f"no persona {name!r}: there are {', '.join(known)}")
    if twice := [name for n, name in enumerate(names) if name in names[:n]]:
        raise PersonaError(f"persona {twice[0]!r} is named twice")
    return tuple(read_persona(paths[name]) if name in paths else _plugin(name) for name in names)


def _plugin(name: str) -> Persona:
    persona = load_plugin("personas", name)
    if isinstance(persona, str | Path):
        persona = read_persona(Path(persona))
    if not isinstance(persona, Persona) or persona.name != name:
        raise broken_plugin("personas", name, f"it is no Persona of the name {name!r}")
    return persona


def read_persona(path: Path) -> Persona:
    """Read one persona file; raise `PersonaError` naming the file and the key."""
    front, body = read_front_matter(path, error=PersonaError)
    if clash := {"voice", "origin"} & front.keys():
        raise PersonaError(f"{path}: unknown key {min(clash)!r}", hint="the voice is the body")
    if "fields" in front:
        raise PersonaError(
            f"{path}: unknown key 'fields'",
            hint="rename it to beats: the steps of the review, in order, each with id and ask",
        )
    try:
        persona = Persona.model_validate({**front, "voice": body, "origin": str(path)})
    except ValidationError as fault:
        raise PersonaError(f"{path}: {first_fault(fault, front)}") from None
    facts = {criterion.id for criterion in persona.criteria if criterion.kind == "fact"}
    for beat in persona.beats:
        if unknown := sorted({*beat.quotes} - facts):  # only a fact has a passage
            what = f"the beat {beat.id} quotes {unknown[0]}, which is no fact here"
            raise PersonaError(f"{path}: {what}")
    if persona.name != path.stem:
        raise PersonaError(f"{path}: name is {persona.name!r}, the file says {path.stem!r}")
    return persona


def check(folders: Sequence[Path]) -> list[str]:
    """Validate every persona file and return, line by line, what each will ask.

    Raises:
        PersonaError: one line naming every file that breaks its contract.
    """
    lines: list[str] = []
    faults: list[str] = []
    for path in (path for folder in folders for path in _files(folder)):
        try:
            lines += _told(read_persona(path))
        except PersonaError as fault:
            faults.append(fault.message)
    if faults:
        raise PersonaError("; ".join(faults))
    if not lines:
        raise PersonaError(f"no persona files in {', '.join(map(str, folders))}")
    return lines


def _told(persona: Persona) -> Iterable[str]:
    facts = sum(c.kind == "fact" for c in persona.criteria)
    judged = len(persona.criteria) - facts
    yield f"{persona.origin}: ok: {persona.title}, {facts} facts and {judged} judgements"
    for c in persona.criteria:
        breaks = ", dealbreaker" if c.dealbreaker else ""
        about = f", asked about: {', '.join(c.applies_to)}" if c.applies_to else ""
        yield f"  {c.id} ({c.kind}, weight {c.weight:g}{breaks}{about}): {c.question}"
        if c.decided_by:
            yield f"    {decided_line(c)}"
        if c.says:
            yield f"    {statements_line(c.says)}"
    parts: list[WrittenField | Beat] = [*persona.fields, *persona.beats]
    for part in parts:
        yield f"  {part.id}: {part.ask}"
    yield f"  forecast, {persona.forecast.horizon_months} months: {persona.forecast.ask}"


def decided_line(criterion: Criterion) -> str:
    """Return by which facts code answers a criterion, for people."""
    return f"decided by facts where they are known: {', '.join(criterion.decided_by)}"


def statements_line(says: Statements) -> str:
    """Return the three statements on one line, for people."""
    return f"yes: {says.yes} · no: {says.no} · unclear: {says.unclear}"


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.md") if p.stem.lower() != "readme")


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)
