"""Looking up facts that reviewers missed: a few pages more, behind the evidence that was judged.

Only addresses that were met while gathering are read, by the same client and readers; the passages
of before keep their ids and their text.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Final

from panel.evidence.adapters.adapter import Address, FetchSpec
from panel.evidence.adapters.client import EvidenceClient, FetchFailed
from panel.evidence.collect import read_page
from panel.evidence.injection.detect import examine
from panel.evidence.readers.passages import ReadDocument
from panel.evidence.source import Evidence, LookUp, Role
from panel.evidence.tools.tool import Tool
from panel.evidence.topics import Topic
from panel.foundation.errors import Unparseable

TOPICS: Final = 3
"""Topics that are looked up for one tool."""
SECONDS: Final = 30.0
"""For all of them."""
PASSAGES: Final = 60
"""Of a page that are kept: a changelog may be long, and begins with what is new."""


async def look_up(
    tool: Tool, evidence: Evidence, topics: Sequence[Topic], internet: EvidenceClient
) -> Evidence:
    """Return the evidence with what could be read about the first topics, and what could not."""
    end = monotonic() + SECONDS
    first = topics[:TOPICS]
    results = await asyncio.gather(*(_read(evidence, topic, internet, end) for topic in first))
    sources, look_ups = [*evidence.sources], [*evidence.look_ups]
    for topic, document in zip(first, results, strict=True):
        if isinstance(document, str):
            look_ups.append(LookUp(topic=topic, problem=document))
            continue
        source = document.numbered(len(sources) + 1)
        sources.append(source.model_copy(update={"passages": source.passages[:PASSAGES]}))
        look_ups.append(LookUp(topic=topic, source=source.id))
    # A copy would keep what the evidence has computed of its passages.
    extended = Evidence(
        sources=tuple(sources),
        notes=evidence.notes,
        links=evidence.links,
        look_ups=tuple(look_ups),
    )
    return examine(extended, tool)


async def _read(
    evidence: Evidence, topic: Topic, internet: EvidenceClient, end: float
) -> ReadDocument | str:
    """Return the page about a topic, or why there is none."""
    urls = evidence.links.get(topic, ())
    if not urls:
        return "no page about it is linked"
    role: Role = "pricing" if topic == "price" else "page"
    spec = FetchSpec(f"page on {topic}", urls, role, linked=True)
    remaining = end - monotonic()
    try:
        async with asyncio.timeout(remaining):
            page = await internet.get(spec, seconds=remaining)
            at = Address.of(page.requested_url)
            if not Address.of(page.url).same_site(at):
                return "it leads to another site"
            return (await read_page(page, spec, at)).document
    except TimeoutError:
        return "the time for look-ups is up"
    except FetchFailed as error:
        return error.reason
    except Unparseable as error:
        return f"{error.message} ({error.code})"
