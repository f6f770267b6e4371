"""The evidence about one tool: numbered sources made of numbered passages."""

from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from panel.evidence.readers.block import Kind
from panel.evidence.topics import Topic

Role = Literal["file", "description", "page", "readme", "card", "record", "pricing"]
"""What a source is to its tool; a `record` is an API's reply, in sentences of an adapter."""


class Passage(BaseModel):
    """A numbered piece of a source, at most about 400 characters: the unit of citation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """`E1.4`: the fourth passage of the first source."""
    text: str
    heading: str = ""
    """The headings above it, outermost first, joined by ` › `; context, never quoted."""
    kind: Kind = "prose"

    def __hash__(self) -> int:
        """Hash what tells passages apart: much is remembered by the passages it was made of.

        The tools of one maker share texts under headings of their own.
        """
        return hash((self.id, self.heading, self.text))


class Source(BaseModel):
    """One document about the tool, cleaned and cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """`E1`, `E2`, … in the order they were given."""
    source: str
    """A file name or an address, for people; never an absolute path of this machine."""
    retrieved: datetime
    sha256: str
    """Of the document's bytes as they were read."""
    passages: tuple[Passage, ...]
    removed_hidden: int = 0
    """Hidden pieces (comments, invisible characters, invisible elements) taken out at ingest."""
    flags: tuple[str, ...] = ()
    """What a person should know about this source, for instance that it addresses the reviewer."""
    role: Role = "file"
    hidden: tuple[str, ...] = ()
    """The first of those hidden pieces that were text, each cut: for people, never in a prompt."""
    hidden_why: tuple[str, ...] = ()
    """How each of these was hidden: `display:none`, `comment`, …"""
    hidden_characters: dict[str, int] = {}
    """How many invisible characters of each kind were among the hidden pieces."""
    left_aside: int = 0
    """Blocks of a web page that were left out because they frame its main text."""

    @model_serializer(mode="wrap")
    def _without_empty_reasons(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out empty reasons, so that older evidence serialises to the same JSON."""
        data: dict[str, Any] = handler(self)
        return {k: v for k, v in data.items() if v or k not in ("hidden_why", "hidden_characters")}


class LookUp(BaseModel):
    """One page that was read after the judging, because a reviewer missed a fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: Topic
    source: str = ""
    """Id of the source that it became; "" where nothing could be read."""
    problem: str = ""
    """Why nothing could be read."""


class Evidence(BaseModel):
    """All sources about one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()
    """What was looked for and could not be read, and where an address led elsewhere."""
    links: dict[Topic, tuple[str, ...]] = {}
    """Addresses by topic that were seen while gathering and not read: a page may yet be looked up
    at one of them. Empty where nothing was fetched."""
    look_ups: tuple[LookUp, ...] = ()
    """What was read after the judging; its sources stand behind all others."""

    @model_serializer(mode="wrap")
    def _without_empty_look_ups(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty, so that older evidence serialises to the same JSON."""
        data: dict[str, Any] = handler(self)
        return {k: v for k, v in data.items() if v or k not in ("links", "look_ups")}

    @cached_property
    def passages(self) -> dict[str, Passage]:
        """Every passage by its id, in reading order."""
        return {p.id: p for s in self.sources for p in s.passages}

    @property
    def gathered(self) -> "Evidence":
        """What was read before the judging."""
        # Not kept by itself: a cycle lives, with all passages, until garbage is searched for.
        return self._before_look_ups if self.look_ups else self

    @cached_property
    def _before_look_ups(self) -> "Evidence":
        later = {look_up.source for look_up in self.look_ups}
        sources = tuple(source for source in self.sources if source.id not in later)
        return Evidence(sources=sources, notes=self.notes, links=self.links)

    @property
    def offline(self) -> "Evidence":
        """The same for a run that fetches nothing: without addresses to look up."""
        return self.model_copy(update={"links": {}})

    @property
    def day(self) -> date | None:
        """The day on which the last source was read; None without sources."""
        return max((source.retrieved.date() for source in self.sources), default=None)
