"""The API that needs no key: verdicts, scorecards, histories, comparisons, votes."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from panel.evidence.tools.identity import folded
from panel.foundation.errors import RunError
from panel.publish.community.tally import Tally
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
from panel.publish.server.state import ServerState
from panel.publish.server.thread_pool import ThreadPool
from panel.report.comparison.advice import with_advice
from panel.report.comparison.comparison import Comparison, compare
from panel.report.scorecard import json
from panel.review.verdict.scorecard import Outcome, Scorecard
from panel.runs.history.entry import Entry, History, newest

T = TypeVar("T")

Key = Annotated[str, Path(description="The tool's name in addresses.", max_length=200)]
Answers = dict[int | str, dict[str, Any]]

MISSING: Final[Answers] = {404: {"model": Problem, "description": "There is no such thing."}}
DOWN: Final[Answers] = {503: {"model": Problem, "description": "The database does not answer now."}}
CARD_SECONDS: Final = 20.0


class PublicAPI:
    """Handlers of the API's GETs."""

    def __init__(self, service: ServerState) -> None:
        """Remember the service."""
        self._service = service
        self._hands = ThreadPool("card", threads=2, waiting=64)

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api")
        rows: tuple[tuple[str, Callable[..., Any], str, Answers], ...] = (
            ("/verdicts", self.verdicts, "Verdicts", {}),
            ("/tools/{key}", self.scorecard, "Verdicts", MISSING),
            ("/tools/{key}/history", self.history, "Verdicts", MISSING),
            ("/compare/{one}/{two}", self.compare, "Verdicts", MISSING),
            ("/categories", self.categories, "Verdicts", {}),
            ("/tools/{key}/tally", self.tally, "Votes", MISSING | DOWN),
            ("/tallies", self.tallies, "Votes", DOWN),
            ("/requests/{number}", self.request, "Requests", MISSING | DOWN),
        )
        for path, call, tag, answers in rows:
            router.add_api_route(path, call, responses=answers, tags=[tag], summary=summary(call))
        return router

    async def verdicts(
        self,
        outcome: Annotated[Outcome | None, Query(description="Only with this outcome.")] = None,
        category: Annotated[
            str | None, Query(description="Only of this category.", max_length=200)
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to skip.")] = 0,
    ) -> VerdictList:
        """List the newest verdict on each tool, newest first."""
        found = [each.latest for each in newest(self._service.shelf.archive.histories())]
        kept = [each for each in found if _fits(each, outcome, category)]
        part = kept[offset : offset + limit]
        return VerdictList(total=len(kept), verdicts=tuple(map(VerdictReply.of, part)))

    async def scorecard(self, key: Key) -> Scorecard:
        """Get the newest scorecard of one tool, with every finding and passage."""
        card = await self._card(self._history(key))
        return _ready(Scorecard, json.render([card]))

    async def history(self, key: Key) -> HistoryReply:
        """List every verdict on one tool, oldest first."""
        return HistoryReply.of(self._history(key))

    async def compare(self, one: Key, two: Key) -> Comparison:
        """Compare the newest scorecards of two tools."""
        if one == two:
            raise RequestRefused(422, "invalid", "These are not two tools.")
        first, second = (self._history(key) for key in (one, two))
        a, b = await self._card(first), await self._card(second)
        found = await self._hands.do(lambda: with_advice(compare(a, b)), seconds=CARD_SECONDS)
        return _ready(Comparison, found.model_dump_json(by_alias=True))

    async def categories(self) -> list[CategoryReply]:
        """List the categories with how many tools each has."""
        counts: dict[str, tuple[str | None, int]] = {}
        for history in self._service.shelf.archive.histories():
            name = history.latest.tool.category
            known, tools = counts.get(folded(name or ""), (name, 0))
            counts[folded(name or "")] = (known, tools + 1)
        rows = sorted(counts.values(), key=lambda row: (row[0] is None, (row[0] or "").casefold()))
        return [CategoryReply(name=name, tools=tools) for name, tools in rows]

    async def tally(self, key: Key) -> TallyReply:
        """Get the community's votes on one tool."""
        self._history(key)
        return TallyReply.of(self._tallies().get(key, Tally()))

    async def tallies(self) -> TalliesReply:
        """Get the community's votes on every tool that has any."""
        found = self._tallies()
        return TalliesReply(tallies={key: TallyReply.of(tally) for key, tally in found.items()})

    async def request(
        self, number: Annotated[int, Path(ge=1, le=2**53, description="The request's number.")]
    ) -> RequestReply:
        """Get how far a request for a review is."""
        requests = self._service.records.requests
        found = await self._service.records.read(lambda: requests.get(number))
        if found is None:
            raise RequestRefused(404, "not_found", "There is no request of this number.")
        return RequestReply.of(found)

    def _tallies(self) -> dict[str, Tally]:
        if not self._service.counts.known:
            raise Unavailable
        return dict(self._service.counts.now)

    def _history(self, key: str) -> History:
        history = self._service.shelf.archive.history(key)
        if history is None:
            raise RequestRefused(404, "not_found", "There is no tool of this key.")
        return history

    async def _card(self, history: History) -> Scorecard:
        archive = self._service.shelf.archive
        try:
            return await self._hands.do(lambda: archive.card(history.latest), seconds=CARD_SECONDS)
        except RunError as fault:
            self._service.on_trouble(fault.message)
            raise RequestRefused(500, "damaged", "This scorecard cannot be read.") from None


def _ready(kind: type[T], text: str) -> T:
    """Return the JSON of a `kind` as it is: it was checked before, so it is not checked again."""
    return cast(T, Response(text, media_type="application/json"))


def _fits(entry: Entry, outcome: str | None, category: str | None) -> bool:
    if outcome is not None and entry.verdict.outcome != outcome:
        return False
    return category is None or folded(entry.tool.category or "") == folded(category)


def summary(call: Callable[..., Any]) -> str:
    """Return the first line of a handler's docstring, which is what its page says of it."""
    return (call.__doc__ or "").partition("\n")[0]
