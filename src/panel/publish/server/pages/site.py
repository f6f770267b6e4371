"""The site's own pages, live: from the cache for everybody, and for a voter with their own vote."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from panel.foundation.errors import RunError
from panel.publish import page_urls
from panel.publish.community.tally import Choice
from panel.publish.community.votes import VoteStore
from panel.publish.server.cookies import CookieJar, Cookies
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import DatabaseAccess, Unavailable
from panel.publish.server.flash import NO_COUNTS, notice
from panel.publish.server.page_cache import Look, PageCache
from panel.publish.server.responses import Responses, page_response
from panel.publish.server.tally_cache import TallyCache

_FIXED: Final = (".css", ".js", ".svg", ".png", ".xml", ".json", ".txt")
"""Files that look the same to everybody."""


@dataclass(frozen=True)
class _Own:
    """What a page shows of its visitor."""

    choices: Mapping[str, Choice] = field(default_factory=dict)
    signed_in: bool = False
    reachable: bool = True


@dataclass(frozen=True, kw_only=True)
class SitePages:
    """Answers every GET that no other handler took.

    A plain Starlette route, whose stores are given here and not through `Depends`: FastAPI would
    resolve each of them anew for every page, which costs more than sending a page from the cache.
    """

    database: DatabaseAccess
    jar: CookieJar
    on_trouble: Callable[[str], None]
    pages: PageCache
    responses: Responses
    tallies: TallyCache
    visitors: Visitors
    votes: VoteStore

    async def page(self, request: Request) -> Response:
        """Return the page at the request's path."""
        path = request.path_params["path"] or page_urls.FRONT
        fixed = path.endswith(_FIXED)
        cookies = Cookies() if fixed else self.jar.read(request)
        own = await self._own(path, cookies) if cookies.any else _Own()
        known = self.tallies.known and own.reachable
        look = Look(
            tallies=self.tallies.now if known else {},
            choices=own.choices,
            signed_in=own.signed_in,
            notice=notice(cookies.notice) or (None if known or fixed else NO_COUNTS),
        )
        try:
            page = await self.pages.page(path, look)
        except RunError as fault:
            self.on_trouble(fault.message)
            return await self.responses.words(
                request, "This page cannot be shown", "Its scorecard cannot be read.", status=500
            )
        if page is None:
            raise HTTPException(404)
        keep = "private, no-cache" if cookies.any else "no-cache"
        response = page_response(
            request, page, cache_control="no-store" if cookies.notice else keep
        )
        if cookies.notice:
            self.jar.drop(response, "notice")
        return response

    async def _own(self, path: str, cookies: Cookies) -> _Own:
        """Return what the database says about the visitor; without it, nothing."""
        if not (cookies.voter or cookies.session):
            return _Own()
        tools = self.pages.site.tools_on(path)

        def look() -> _Own:
            user = self.visitors.find(cookies)
            own = user.identity
            choices = {tool: self.votes.choice(own, tool) for tool in tools} if own else {}
            return _Own({tool: vote for tool, vote in choices.items() if vote}, user.signed_in)

        try:
            return await self.database.read(look)
        except Unavailable:
            return _Own(signed_in=cookies.session is not None, reachable=False)
