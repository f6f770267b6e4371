"""The API that needs no key: verdicts, scorecards, histories, comparisons, votes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from fastapi.routing import APIRoute

from panel.evidence.tools.identity import folded
from panel.foundation.errors import RunError
from panel.publish.community.requests import Requests
from panel.publish.community.tally import Tally
from panel.publish.server import deps
from panel.publish.server.api.errors import RequestRefused
from panel.publish.server.api.schemas import (
    CategoryReply,
    HistoryReply,
    Problem,
    RequestReply,
    TalliesReply,
    TallyReply,
    VerdictList,
    VerdictReply,
)
from panel.publish.server.database import Unavailable
from panel.publish.server.tally_cache import TallyCache
from panel.publish.server.thread_pool import ThreadPool
from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import Comparison
from panel.report.comparison.comparison import compare as compare_cards
from panel.report.comparison.lookup import nearest
from panel.report.scorecard import json
from panel.reviews.verdict.scorecard import Outcome, Scorecard
from panel.runs.history.archive import Archive
from panel.runs.history.entry import Entry, History, newest

T = TypeVar("T")

Key = Annotated[str, Path(description="The tool's name in addresses.", max_length=200)]
Answers = dict[int | str, dict[str, Any]]

MISSING: Final[Answers] = {404: {"model": Problem, "description": "There is no such thing."}}
DOWN: Final[Answers] = {503: {"model": Problem, "description": "The database does not answer now."}}
CARD_SECONDS: Final = 20.0


class DocumentedRoute(APIRoute):
    """A route whose summary is the first line of its handler's docstring."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        settings["summary"] = (endpoint.__doc__ or "").partition("\n")[0]
        super().__init__(path, endpoint, **settings)


router = APIRouter(prefix="/api", route_class=DocumentedRoute)


@dataclass(frozen=True)
class Cards:
    """The scorecards of the archive, read in threads."""

    archive: Annotated[Archive, deps.store("archive")]
    on_trouble: Annotated[Callable[[str], None], deps.store("on_trouble")]
    threads: Annotated[ThreadPool, deps.store("card_threads")]

    def history(self, key: str) -> History:
        """Return the verdicts on a tool; raises `RequestRefused` where there is none."""
        history = self.archive.history(key)
        if history is None:
            raise RequestRefused(404, "not_found", "There is no tool of this key.")
        return history

    async def newest(self, history: History) -> Scorecard:
        """Return a tool's newest card; raises `RequestRefused` where it cannot be read."""
        try:
            return await self.threads.do(
                lambda: self.archive.card(history.latest), seconds=CARD_SECONDS
            )
        except RunError as fault:
            self.on_trouble(fault.message)
            raise RequestRefused(500, "damaged", "This scorecard cannot be read.") from None


CardsStore = Annotated[Cards, deps.build(Cards)]


@router.get("/verdicts", tags=["Verdicts"])
async def verdicts(
    cards: CardsStore,
    outcome: Annotated[Outcome | None, Query(description="Only with this outcome.")] = None,
    category: Annotated[
        str | None, Query(description="Only of this category.", max_length=200)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to skip.")] = 0,
) -> VerdictList:
    """List the newest verdict on each tool, newest first."""
    entries = [history.latest for history in newest(cards.archive.histories())]
    fitting = [entry for entry in entries if _fits(entry, outcome, category)]
    part = fitting[offset : offset + limit]
    return VerdictList(total=len(fitting), verdicts=tuple(map(VerdictReply.model_validate, part)))


@router.get("/tools/{key}", tags=["Verdicts"], responses=MISSING)
async def scorecard(key: Key, cards: CardsStore) -> Scorecard:
    """Get the newest scorecard of one tool, with every finding and passage."""
    card = await cards.newest(cards.history(key))
    return _ready(Scorecard, json.render([card]))


@router.get("/tools/{key}/history", tags=["Verdicts"], responses=MISSING)
async def history(key: Key, cards: CardsStore) -> HistoryReply:
    """List every verdict on one tool, oldest first."""
    return HistoryReply.model_validate(cards.history(key))


@router.get("/compare/{one}/{two}", tags=["Verdicts"], responses=MISSING)
async def compare(one: Key, two: Key, cards: CardsStore) -> Comparison:
    """Compare the newest scorecards of two tools."""
    if one == two:
        raise RequestRefused(422, "invalid", "These are not two tools.")
    first, second = (cards.history(key) for key in (one, two))
    a, b = await cards.newest(first), await cards.newest(second)
    comparison = await cards.threads.do(
        lambda: with_advice(compare_cards(a, b, nearest=nearest(cards.archive.histories(), a, b))),
        seconds=CARD_SECONDS,
    )
    return _ready(Comparison, comparison.model_dump_json(by_alias=True))


@router.get("/categories", tags=["Verdicts"])
async def categories(cards: CardsStore) -> list[CategoryReply]:
    """List the categories with how many tools each has."""
    counts: dict[str, tuple[str | None, int]] = {}
    for history in cards.archive.histories():
        name = history.latest.tool.category
        first_name, tools = counts.get(folded(name or ""), (name, 0))
        counts[folded(name or "")] = (first_name, tools + 1)
    rows = sorted(counts.values(), key=lambda row: (row[0] is None, (row[0] or "").casefold()))
    return [CategoryReply(name=name, tools=tools) for name, tools in rows]


@router.get("/tools/{key}/tally", tags=["Votes"], responses=MISSING | DOWN)
async def tally(key: Key, cards: CardsStore, tallies: deps.TalliesStore) -> TallyReply:
    """Get the community's votes on one tool."""
    cards.history(key)
    return TallyReply.model_validate(_known(tallies).get(key, Tally()))


@router.get("/tallies", tags=["Votes"], responses=DOWN)
async def tallies(tallies: deps.TalliesStore) -> TalliesReply:
    """Get the community's votes on every tool that has any."""
    counts = _known(tallies)
    return TalliesReply(
        tallies={key: TallyReply.model_validate(tally) for key, tally in counts.items()}
    )


@router.get("/requests/{number}", tags=["Requests"], responses=MISSING | DOWN)
async def request(
    number: Annotated[int, Path(ge=1, le=2**53, description="The request's number.")],
    database: deps.DatabaseStore,
    requests: Annotated[Requests, deps.store("requests")],
) -> RequestReply:
    """Get how far a request for a review is."""
    queued = await database.read(lambda: requests.get(number))
    if queued is None:
        raise RequestRefused(404, "not_found", "There is no request of this number.")
    return RequestReply.model_validate(queued)


def _known(tallies: TallyCache) -> Mapping[str, Tally]:
    if not tallies.known:
        raise Unavailable
    return tallies.now


def _ready(kind: type[T], text: str) -> T:
    """Return the JSON of a `kind` as it is: it was checked before, so it is not checked again."""
    return cast(T, Response(text, media_type="application/json"))


def _fits(entry: Entry, outcome: str | None, category: str | None) -> bool:
    if outcome is not None and entry.verdict.outcome != outcome:
        return False
    return category is None or folded(entry.tool.category or "") == folded(category)
