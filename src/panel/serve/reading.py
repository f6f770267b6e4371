"""The API that needs no key: verdicts, scorecards, histories, comparisons, votes."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from panel.archive.archive import identity
from panel.archive.entry import Entry, History, newest
from panel.community.tally import Tally
from panel.errors import RunError
from panel.serve.problems import Refused
from panel.serve.records import Unavailable
from panel.serve.replies import (
    CategoryReply,
    HistoryReply,
    Problem,
    RequestReply,
    TalliesReply,
    TallyReply,
    VerdictList,
    VerdictReply,
)
from panel.serve.service import Service
from panel.verdict.scorecard import Outcome, Scorecard

Key = Annotated[str, Path(description="The tool's name in addresses.", max_length=200)]

MISSING: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Problem, "description": "There is no such thing."}
}
DOWN: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": Problem, "description": "The database does not answer now."}
}
CARD_SECONDS: Final = 20.0


class Reading:
    """Handlers of the API's GETs."""

    def __init__(self, service: Service) -> None:
        """Remember the service."""
        self._service = service

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/api")
        verdicts, votes, requests = {"tags": ["Verdicts"]}, ["Votes"], ["Requests"]
        add = router.add_api_route
        add("/verdicts", self.verdicts, response_model=VerdictList, **verdicts)  # type: ignore[arg-type]
        return router
