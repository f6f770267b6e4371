"""The site's own pages, live: kept ones for everybody, and for a voter with their own vote."""

from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from panel.foundation.errors import RunError
from panel.publish import page_urls
from panel.publish.community.tally import Choice
from panel.publish.server.api.errors import is_api
from panel.publish.server.cookies import Cookies
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import Unavailable
from panel.publish.server.flash import NO_COUNTS, notice
from panel.publish.server.page_cache import Look
from panel.publish.server.responses import Responses, page_response
from panel.publish.server.state import ServerState

_FIXED: Final = (".css", ".js", ".svg", ".png", ".xml", ".json", ".txt")
"""Files that look the same to everybody."""


@dataclass(frozen=True)
class _Own:
    """What a page shows of its visitor."""

    choice: Choice | None = None
    signed_in: bool = False
    reachable: bool = True


class SitePages:
    """Answers every GET that no other handler took."""

    def __init__(self, service: ServerState, answers: Responses, visitors: Visitors) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers
        self._visitors = visitors

    async def page(self, request: Request) -> Response:
        """Return the page at the request's path."""
        path = request.path_params["path"] or page_urls.FRONT
        service = self._service
        fixed = path.endswith(_FIXED)
        cookies = Cookies() if fixed else service.jar.read(request)
        own = await self._own(path, cookies) if cookies.any else _Own()
        known = service.counts.known and own.reachable
        look = Look(
            tallies=service.counts.now if known else {},
            choice=own.choice,
            signed_in=own.signed_in,
            notice=notice(cookies.said) or (None if known or fixed else NO_COUNTS),
        )
        try:
            page = await service.shelf.page(path, look)
        except RunError as fault:
            service.on_trouble(fault.message)
            return await self._answers.words(
                request, "This page cannot be shown", "Its scorecard cannot be read.", status=500
            )
        if page is None and is_api(request):
            raise HTTPException(404)
        if page is None:
            return await self._answers.missing(request)
        keep = "private, no-cache" if cookies.any else "no-cache"
        response = page_response(request, page, keep="no-store" if cookies.said else keep)
        if cookies.said:
            service.jar.drop(response, "said")
        return response

    async def _own(self, path: str, cookies: Cookies) -> _Own:
        """Return what the database says about the visitor; without it, nothing."""
        folder, _, name = path.partition("/")
        tool = name.removesuffix(".html") if folder == "tools" else None
        if not (cookies.voter or cookies.session):
            return _Own()

        def look() -> _Own:
            who = self._visitors.find(cookies)
            votes = self._service.records.votes
            choice = votes.choice(who.identity, tool) if tool and who.identity else None
            return _Own(choice, who.signed_in)

        try:
            return await self._service.records.read(look)
        except Unavailable:
            return _Own(signed_in=cookies.session is not None, reachable=False)
