"""Collects all evidence about a tool: its own files, and what its address leads to.

Starts at the tool's address and takes a few rounds: an adapter returns the requests for an address,
and each document that was read names the next addresses. A source that fails becomes a note. Hosts
are known to adapters only.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Final
from urllib.parse import urljoin, urlsplit

from panel.evidence.adapters.adapter import (
    Adapter,
    Address,
    FetchSpec,
    HostRecord,
    Link,
    adapter_of,
    adapters,
)
from panel.evidence.adapters.client import EvidenceClient, FetchFailed
from panel.evidence.adapters.records import words
from panel.evidence.fetch.page import FetchedPage
from panel.evidence.gather import evidence_of, gather, read_files
from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.document import is_known
from panel.evidence.readers.format_detection import PLAIN, by_look, by_name, decoded
from panel.evidence.readers.passages import ReadDocument, cut
from panel.evidence.readers.sandbox import parse
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic, link_topic
from panel.foundation.errors import ToolError, Unparseable

TOOL_SECONDS: Final = 60.0
"""For everything about one tool."""
ROUNDS: Final = 3
"""The tool's address, what it leads to, and what that leads to."""

ADDRESSES: Final = 2
"""Addresses that are kept for a topic, to look a fact up."""


@dataclass(frozen=True)
class Collected:
    """A tool, named by its page if only its address was known, and its evidence."""

    tool: Tool
    evidence: Evidence


def tool_name(url: str) -> str:
    """Return a name for a tool of which only the address is known.

    Raises:
        ToolError: the address is not http(s).
    """
    at = Address.of(url)
    if (adapter := adapter_of(at)) is None:
        raise ToolError(f"not a web address: {words(url)}", hint="https://example.org")
    return words(adapter.name(at))


async def collect(
    tool: Tool, internet: EvidenceClient, *, now: datetime, seconds: float = TOOL_SECONDS
) -> Collected:
    """Return a tool's files and what was fetched from its address, in this order.

    Args:
        tool: The tool; with an address.
        internet: The client that fetches.
        now: The time to note as that of reading files.
        seconds: For all that is fetched.

    Raises:
        ToolError: a file cannot be used, or nothing could be read and there is no description.
    """
    files = await asyncio.to_thread(read_files, tool, now=now)
    collector = _Collector(internet, monotonic() + seconds)
    await collector.run(tool.url or "")
    if collector.title and tool.name == tool_name(tool.url or ""):
        tool = tool.model_copy(update={"name": collector.title})
    if readings := [*files, *collector.readings]:
        evidence = evidence_of(tool, readings, collector.notes)
        return Collected(tool, evidence.model_copy(update={"links": collector.unread()}))
    if tool.description:
        evidence = gather(tool, now=now)
        return Collected(tool, evidence.model_copy(update={"notes": tuple(collector.notes)}))
    raise ToolError(
        f"nothing could be read about {tool.name}: {'; '.join(collector.notes)}",
        hint="give what is known about it with --evidence FILE",
    )


@dataclass
class _Collector:
    """Reads one tool's addresses, round by round."""

    internet: EvidenceClient
    end: float
    readings: list[ReadDocument] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    title: str = ""
    """Of the page at the tool's own address."""
    used: set[Adapter] = field(default_factory=set)
    """Each adapter reads one address a tool."""
    seen: dict[Topic, dict[str, None]] = field(default_factory=dict)
    """Addresses by topic, in the order in which they were met."""

    async def run(self, url: str) -> None:
        todo = [Address.of(url)]
        for turn in range(ROUNDS):
            specs = [(at, spec) for at in todo for spec in self._requests(at)]
            results = await asyncio.gather(*(self._fetch(at, spec) for at, spec in specs))
            documents = [document for document in results if isinstance(document, Retrieved)]
            self._note_links(documents)
            self._note_pages([at for at, _ in specs])
            self.notes += [note for result in results for note in _notes(result)]
            self.readings += [document.document for document in documents]
            if turn == 0:
                self.title = next((document.title for document in documents if document.title), "")
            addresses = [
                address
                for document in documents
                for address in self._next_addresses(document.at, document.links)
            ]
            todo = list(dict.fromkeys(addresses))

    def unread(self) -> dict[Topic, tuple[str, ...]]:
        """Return the first addresses met and not read, by topic."""
        read = {reading.name for reading in self.readings}
        seen = {t: tuple(url for url in urls if url not in read) for t, urls in self.seen.items()}
        return {topic: urls[:ADDRESSES] for topic, urls in seen.items() if urls}

    def _note_links(self, documents: Sequence["Retrieved"]) -> None:
        for document in documents:
            for link in document.links:
                topic = link_topic(link.url, link.text)
                whole = words(link.url) == link.url  # one line, and not endless
                if topic and whole and Address.of(link.url).same_site(document.at):
                    self.seen.setdefault(topic, {})[link.url] = None

    def _note_pages(self, addresses: Sequence[Address]) -> None:
        for at in dict.fromkeys(addresses):
            pages = adapter.pages(at) if (adapter := adapter_of(at)) else {}
            for topic, urls in pages.items():
                self.seen.setdefault(topic, {}).update(dict.fromkeys(urls))

    def _requests(self, at: Address) -> Sequence[FetchSpec]:
        adapter = adapter_of(at)
        if adapter is None or adapter in self.used:
            return ()
        self.used.add(adapter)
        return adapter.requests(at)

    def _next_addresses(self, at: Address, links: Sequence[Link]) -> list[Address]:
        """Return what each adapter that has read nothing yet would read next."""
        urls = [adapter.follow(links, at) for adapter in adapters() if adapter not in self.used]
        return [Address.of(url) for url in urls if url]

    async def _fetch(self, at: Address, spec: FetchSpec) -> "Retrieved | str":
        """Return the document of a request, or why it was not read."""
        remaining = self.end - monotonic()
        try:
            async with asyncio.timeout(remaining):
                page = await self.internet.get(spec, seconds=remaining)
                document = await read_page(page, spec, at)
        except TimeoutError:
            why = "the time for one tool is up"
        except FetchFailed as error:
            if error.absent and spec.otherwise is not None:
                return await self._fetch(at, spec.otherwise)
            why = error.reason
        except Unparseable as error:
            why = f"{error.message} ({error.code})"
        else:
            return await self._completed(at, document)
        return f"{spec.what} not read: {why}"

    async def _completed(self, at: Address, document: "Retrieved") -> "Retrieved":
        """Return the fuller record that the document names, where it can be read."""
        if document.then is None:
            return document
        record = await self._fetch(at, document.then)
        return replace(document, note=record) if isinstance(record, str) else record


@dataclass(frozen=True)
class Retrieved:
    """A document that was fetched and read."""

    document: ReadDocument
    at: Address
    """Its address after redirects."""
    links: tuple[Link, ...]
    title: str = ""
    note: str = ""
    """Where the address led to another site, or what was not read of it."""
    then: FetchSpec | None = None
    """The request for a fuller record of the same."""


def _notes(result: Retrieved | str) -> list[str]:
    note = result if isinstance(result, str) else result.note
    return [note] if note else []


async def read_page(page: FetchedPage, spec: FetchSpec, address: Address) -> Retrieved:
    """Return what a page says; raises `Unparseable`."""
    final, digest = Address.of(page.url), hashlib.sha256(page.body).hexdigest()
    extract, links, then = await _extracted(page, spec)
    if not cut(extract.blocks, "E"):
        raise Unparseable(f"{final.host}: no readable text in it")
    other_site = spec.role in {"page", "pricing"} and not final.same_site(address)
    return Retrieved(
        document=ReadDocument(words(page.url), page.retrieved, digest, extract, spec.role),
        at=final,
        links=links,
        title=words(extract.title) if spec.role == "page" else "",
        note=f"{spec.what}: {words(address.url)} leads to {words(page.url)}" if other_site else "",
        then=then,
    )


async def _extracted(
    page: FetchedPage, spec: FetchSpec
) -> tuple[Extract, tuple[Link, ...], FetchSpec | None]:
    if spec.read is not None:
        record = spec.read(page)
        return _recorded(record), record.links, record.then
    extract = await _document(page, spec)
    return extract, tuple(Link(_joined(page.url, url), text) for url, text in extract.links), None


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url).partition("#")[0]
    except ValueError:
        return ""


def _recorded(record: HostRecord) -> Extract:
    if not record.sentences:
        raise Unparseable("answered with nothing that is known here")
    return Extract(tuple(Block("list", line, record.heading) for line in record.sentences))


async def _document(page: FetchedPage, spec: FetchSpec) -> Extract:
    media_type = page.media_type
    if spec.media_type and media_type not in {"text/html", "application/xhtml+xml"}:
        look = partial(by_look, decoded(page.body, page.charset), otherwise=spec.media_type)
        media_type = by_name(urlsplit(page.url).path) or look()
    elif media_type == PLAIN:
        media_type = by_name(urlsplit(page.url).path) or PLAIN
    host = Address.of(page.url).host
    if not is_known(media_type):
        raise Unparseable(f"{host} sent {words(media_type)[:60] or 'nothing known'}, no text")
    return await asyncio.to_thread(
        parse, page.body, media_type, name=host, charset=page.charset, whole=spec.role == "pricing"
    )
