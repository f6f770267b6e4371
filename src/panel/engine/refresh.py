"""A refresh: the evidence of verdicts read anew, and which tools are to be reviewed again.

Reading and comparing asks and writes nothing. What is reviewed is an ordinary run.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final, Literal, Self

from panel.engine.caps import Caps
from panel.engine.from_manifest import refresh_options
from panel.engine.gather_evidence import fetch_each, is_fetched, look_up_pages, own_evidence
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.collect import Collected
from panel.evidence.source import Evidence, Source
from panel.evidence.tools.identity import contradict, name_key, url_key
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic
from panel.foundation.errors import RunError, RunStopped, ToolError
from panel.foundation.slug import slug
from panel.reviews.events import Decided, Event
from panel.reviews.evidence_changes import Reason, evidence_changes
from panel.reviews.review import Review
from panel.reviews.verdict.scorecard import Scorecard, Verdict
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry, History
from panel.runs.manifest import Manifest
from panel.runs.metadata import stored_personas
from panel.runs.run import Run

State = Literal["new", "changed", "elsewhere", "same", "unread"]
"""`new`: no verdict yet; `changed`: in what a finding cites or in a fact; `elsewhere`: in nothing
of that; `unread`: the evidence could not be read anew."""

_OWN: Final = {"file", "description"}
"""Roles of sources that were not fetched."""


@dataclass(frozen=True)
class Reading:
    """What reading a tool's evidence anew showed."""

    tool: Tool
    state: State
    entry: Entry | None = None
    """Its newest verdict; None of a new tool."""
    reasons: tuple[Reason, ...] = ()
    unread: str = ""
    """Why the evidence could not be read."""
    evidence: Evidence | None = None
    """The evidence to review; None where the verdict stands."""


@dataclass(frozen=True)
class Movement:
    """One tool of a refresh, before and after."""

    tool: Tool
    state: State
    before: Verdict | None
    """Its newest verdict before, and that verdict's run; None of a new tool."""
    before_run: str | None
    card: Scorecard | None
    """The new scorecard; None where the verdict stands."""
    reasons: tuple[Reason, ...]
    """What changed, with the words before and after."""
    unread: str
    """Why its evidence could not be read; else empty."""
    waits: str = ""
    """Why a tool to be reviewed was not; else empty."""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that counts now."""
        return self.card.verdict if self.card else self.before

    @classmethod
    def of(cls, reading: Reading, card: Scorecard | None, *, waits: str = "") -> Self:
        """Return what became of a reading; a card or a reason to wait counts if it had one due."""
        due, entry = reading.evidence is not None, reading.entry
        card = card if due else None
        return cls(
            tool=reading.tool,
            state=reading.state,
            before=entry.verdict if entry else None,
            before_run=entry.run if entry else None,
            card=card,
            reasons=reading.reasons,
            unread=reading.unread,
            waits=waits if due and card is None else "",
        )


@dataclass(frozen=True)
class RefreshItem:
    """A tool whose evidence is to be read."""

    tool: Tool
    entry: Entry | None = None
    fetched: bool = False
    """The evidence of its verdict came from its address."""
    unread: str = ""


@dataclass(frozen=True)
class RefreshRun:
    """The run that reviews tools anew which are asked about with the same options."""

    options: Options
    readings: tuple[Reading, ...]

    @property
    def parent(self) -> str | None:
        """The newest of the runs whose verdicts are renewed; None of new tools."""
        entries = [reading.entry for reading in self.readings if reading.entry]
        return max(entries, key=lambda entry: entry.created).run if entries else None

    @property
    def collected(self) -> tuple[Collected, ...]:
        """The tools with the evidence that they are reviewed on."""
        return tuple(Collected(r.tool, r.evidence) for r in self.readings if r.evidence)

    async def open(self) -> Session:
        """Start the run over these tools; raises what `Session.start_over` does."""
        tools = [(collected.tool, collected.evidence) for collected in self.collected]
        name = tools[0][0].slug if len(tools) == 1 else f"{len(tools)}-tools"
        reasons = {r.tool.slug: r.reasons for r in self.readings if r.reasons}
        return await Session.start_over(
            self.options, name, tools, parent=self.parent, reasons=reasons
        )


async def refresh(
    options: Options,
    archive: Archive,
    tools: Sequence[Tool] | None = None,
    *,
    watch: Callable[[Event], None],
) -> tuple[Movement, ...]:
    """Read evidence anew, review what changed, a run for each way of asking, and tell of all.

    Raises what `read_anew`, `caps_left` and a session do.
    """
    readings = await read_anew(options, archive, tools)
    cards: dict[str, Scorecard] = {}
    runs: list[Path] = []

    def see(event: Event) -> None:
        if isinstance(event, Decided):
            cards[event.card.tool.slug] = event.card
        watch(event)

    begun = monotonic()
    for group in groups(options, readings):
        caps = caps_left(options.caps, runs, monotonic() - begun) if runs else options.caps
        opening = replace(group, options=replace(group.options, caps=caps)).open()
        async with await opening as session:
            runs.append(session.run.path)
            await session.work(watch=see)
    return tuple(Movement.of(reading, cards.get(reading.tool.slug)) for reading in readings)


async def read_anew(
    options: Options, archive: Archive, tools: Sequence[Tool] | None = None
) -> tuple[Reading, ...]:
    """Read the evidence of the tools, None: of all that have a verdict, and compare it.

    Files and descriptions are read where they are; an address is fetched where the verdict rests on
    it, or as the options say. Raises `RunError` where all are asked for and none has a verdict.
    """
    if tools is None and not archive.histories():
        raise RunError(f"there are no verdicts in {archive.runs}", hint="panel batch LIST")
    items = (
        _listed(options, archive, tools) if tools is not None else stored_tools(options, archive)
    )
    readings: dict[str, Reading] = {}
    async with aclosing(collect_anew(options, items)) as collected:
        async for item, outcome in collected:
            readings[item.tool.slug] = await _reading(options, item, outcome)
    return tuple(readings[item.tool.slug] for item in items)


async def collect_anew(
    options: Options, items: Iterable[RefreshItem]
) -> AsyncGenerator[tuple[RefreshItem, Collected | ToolError], None]:
    """Yield each tool with its evidence read anew, or why nothing could be read.

    Files and descriptions are read first, and addresses as they answer.
    """
    remote: dict[str, RefreshItem] = {}
    for item in items:
        reads = replace(options, fetch=options.fetch or item.fetched)
        if item.unread:
            outcome: Collected | ToolError = ToolError(item.unread)
        elif is_fetched(item.tool, reads):
            remote[item.tool.slug] = item
            continue
        elif item.fetched and options.offline:
            outcome = ToolError("--offline fetches no address")
        else:
            outcome = await asyncio.to_thread(_own_evidence, item.tool)
        yield item, outcome
    async with aclosing(fetch_each(options, (i.tool for i in remote.values()))) as fetched:
        async for tool, outcome in fetched:
            yield remote[tool.slug], outcome


def groups(
    options: Options, readings: Iterable[Reading], *, samples: int | None = None
) -> list[RefreshRun]:
    """Return the runs that review what is new or has changed, each by its verdict's own choices."""
    manifests: dict[str, Manifest] = {}
    found: list[tuple[Options, list[Reading]]] = []
    for reading in readings:
        if reading.evidence is None:
            continue
        asked = options
        if entry := reading.entry:
            if entry.run not in manifests:
                with Run.open(options.settings.runs / entry.run) as run:
                    manifests[entry.run] = run.manifest
            asked = refresh_options(options, manifests[entry.run], samples=samples)
        same = (members for other, members in found if other == asked)
        kind = bool(reading.entry)
        if (members := next((m for m in same if bool(m[0].entry) == kind), None)) is None:
            found.append((asked, members := []))
        members.append(reading)
    return [RefreshRun(asked, tuple(members)) for asked, members in found]


def caps_left(caps: Caps, done: Iterable[Path], seconds: float) -> Caps:
    """Return what the runs of a refresh that are done leave of its caps.

    Args:
        caps: Those of the whole refresh.
        done: Folders of these runs.
        seconds: What they took together.

    Raises:
        RunStopped: one of the caps is reached.
    """
    calls, cost = 0, 0.0
    for path in done:
        with Run.open(path) as run:
            more = run.stored.spent()
        calls, cost = calls + more[0], cost + more[1]
    left = replace(
        caps,
        max_cost=None if caps.max_cost is None else caps.max_cost - cost,
        max_calls=None if caps.max_calls is None else caps.max_calls - calls,
        deadline=None if caps.deadline is None else caps.deadline - seconds,
    )
    if any(n is not None and n <= 0 for n in (left.max_cost, left.max_calls, left.deadline)):
        raise RunStopped(
            "a cap is reached; some tools whose evidence changed were not asked about",
            hint="the same panel refresh again",
        )
    return left


def _own_evidence(tool: Tool) -> Collected | ToolError:
    try:
        return own_evidence(tool, datetime.now(UTC))
    except ToolError as error:
        return error


async def _reading(options: Options, item: RefreshItem, outcome: Collected | ToolError) -> Reading:
    if isinstance(outcome, ToolError):
        return Reading(item.tool, "unread", item.entry, unread=outcome.message)
    if item.entry is None:
        return Reading(outcome.tool, "new", evidence=outcome.evidence)
    try:
        with Run.open(options.settings.runs / item.entry.run) as run:
            before, card = _stored(run, item.entry)
            personas = stored_personas(run) or ()
    except RunError as error:
        return Reading(item.tool, "unread", item.entry, unread=error.message)
    after = await _looked_up(options, outcome, before, card.reviews)
    changes = evidence_changes(before, after, card.reviews, personas)
    if changes.unread:
        return Reading(item.tool, "unread", item.entry, unread=changes.unread)
    if changes.reasons:
        return Reading(outcome.tool, "changed", item.entry, changes.reasons, "", outcome.evidence)
    return Reading(item.tool, "elsewhere" if changes.elsewhere else "same", item.entry)


def _stored(run: Run, entry: Entry) -> tuple[Evidence, Scorecard]:
    evidence, card = run.evidence(entry.tool.slug), run.card(entry.tool.slug)
    if evidence is None or card is None:
        raise RunError(f"what run {run.name} holds of {entry.tool.name} cannot be read")
    return evidence, card


async def _looked_up(
    options: Options, collected: Collected, before: Evidence, reviews: Sequence[Review]
) -> Evidence:
    """Return the new evidence with those pages that were looked up and cited."""
    cited = {c.partition(".")[0] for r in reviews for f in r.findings for c in f.cites}
    topics = [look_up.topic for look_up in before.look_ups if look_up.source in cited]
    return await with_look_ups(options, collected, topics)


async def with_look_ups(
    options: Options, collected: Collected, topics: Sequence[Topic]
) -> Evidence:
    """Return evidence that was read anew with the pages on topics that were looked up before."""
    if not topics or options.offline:
        return collected.evidence
    return await look_up_pages(options, collected.tool, collected.evidence, topics)


def stored_tools(
    options: Options, archive: Archive, keys: Collection[str] | None = None
) -> list[RefreshItem]:
    """Return the tools of these keys, None: all that have a verdict, as their newest runs do."""
    by_run: dict[str, list[History]] = {}
    for history in archive.histories():
        if keys is not None and history.key not in keys:
            continue
        by_run.setdefault(history.latest.run, []).append(history)
    items = {}
    for name, histories in by_run.items():
        with Run.open(options.settings.runs / name) as run:
            for history in histories:
                entry = history.latest
                tool = run.tool(entry.tool.slug) or Tool(name=entry.tool.name)
                tool = tool.model_copy(update={"slug": history.key})
                items[history.key] = _item(run, tool, entry, stored=True)
    return [items[key] for key in sorted(items)]


def _listed(options: Options, archive: Archive, tools: Sequence[Tool]) -> list[RefreshItem]:
    """Return the tools of a list, each with the newest verdict on it."""
    verdicts = _Verdicts(archive.histories())
    taken = {history.key for history in archive.histories()}
    items = []
    for tool in tools:
        if (history := verdicts.take(tool)) is None:
            name = slug(tool.name, taken=taken)
            taken.add(name)
            items.append(RefreshItem(tool.model_copy(update={"slug": name})))
            continue
        listed = tool.model_copy(update={"slug": history.key})
        with Run.open(options.settings.runs / history.latest.run) as run:
            items.append(_item(run, listed, history.latest, stored=False))
    return items


def _item(run: Run, tool: Tool, entry: Entry, *, stored: bool) -> RefreshItem:
    """Return a tool with how its verdict's evidence was read."""
    evidence = run.evidence(entry.tool.slug)
    sources: Sequence[Source] = evidence.gathered.sources if evidence else ()
    files = sum(source.role == "file" for source in sources)
    unread = ""
    if stored and (evidence is None or files > len(tool.evidence)):
        unread = f"run {entry.run} does not hold the files that its evidence came from"
    return RefreshItem(tool, entry, any(source.role not in _OWN for source in sources), unread)


class _Verdicts:
    """The histories of tools, each found by name and address, and taken once."""

    def __init__(self, histories: Iterable[History]) -> None:
        self._by_name: dict[str, list[History]] = {}
        self._by_address: dict[tuple[str, str, str], History] = {}
        self._taken: set[str] = set()
        for history in histories:
            tool = history.latest.tool
            self._by_name.setdefault(name_key(tool.name), []).append(history)
            if tool.url:
                self._by_address[url_key(tool.url)] = history

    def take(self, tool: Tool) -> History | None:
        """Return the history of a tool: of its name, else of its address; None without one."""
        named = self._by_name.get(name_key(tool.name), [])
        fitting = [h for h in named if not contradict(tool.url, h.latest.tool.url)]
        fitting.sort(key=lambda history: history.latest.tool.url is None)
        at = self._by_address.get(url_key(tool.url)) if tool.url else None
        # A tool that has moved keeps its history, as in the archive.
        for history in (*fitting, at, *(named if len(named) == 1 else [])):
            if history is not None and history.key not in self._taken:
                self._taken.add(history.key)
                return history
        return None
