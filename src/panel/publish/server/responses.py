"""Responses: pages of the site and pages in words, with the right headers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from panel.foundation.errors import Unkeepable
from panel.publish import page_urls
from panel.publish.community.rate_limits import Names, RateLimits
from panel.publish.server.cookies import CookieJar
from panel.publish.server.database import Unavailable
from panel.publish.server.forms import BadForm
from panel.publish.server.http_page import HTTPPage
from panel.publish.server.page_cache import PageCache
from panel.publish.server.thread_pool import PoolBusy
from panel.report.citations import line

Link = tuple[str, str]
"""What a link says, and the path that it leads to."""

FRONT: Final[Link] = ("To the newest verdicts", page_urls.FRONT)
_DEPTH: Final = 4
"""Folders an address may have; no page of ours is deeper."""


DOWN: Final = "The database does not answer, so nothing was counted or stored."


class TooOften(Exception):
    """More than is allowed; `wait` is in seconds.

    `why` says that the day's budget is spent; without it, it was too many at once.
    """

    def __init__(self, wait: float, *, why: str | None = None) -> None:
        super().__init__(wait)
        self.wait = wait
        self.why = why

    @property
    def text(self) -> str:
        """Why nothing was done, and when it can be done again."""
        many = "That was more than this site takes from one person or one network at a time."
        seconds = max(1, round(self.wait + 0.5))
        return f"{self.why or many} It can be done again in {_span(seconds)}. Nothing was changed."


def check_rate(limits: RateLimits, **names: Names) -> None:
    """Take one from the limit of each name. Raises `TooOften`, and then takes none."""
    if wait := limits.take(**names):
        raise TooOften(wait)


def page_response(request: Request, page: HTTPPage, *, cache_control: str) -> Response:
    """Return a ready page: packed where the browser takes it, 304 where it has it already."""
    packed = page.packed is not None and "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{page.tag}-gz"' if packed else f'"{page.tag}"'
    headers = {
        "etag": tag,
        "cache-control": cache_control,
        "vary": "accept-encoding, cookie",
    }
    if _is_cached(request, tag):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["content-encoding"] = "gzip"
    body = page.packed if packed else page.body
    return Response(body, media_type=None, headers={**headers, "content-type": page.media_type})


def see_other(request: Request, path: str) -> Response:
    """Send the browser on to a path of this site, by GET; `path` is checked to be one of it."""
    # Relative, so that it stays on this site, below whatever path a proxy has put it.
    url = page_urls.root(request.url.path.lstrip("/")) + path
    return RedirectResponse(url or ".", status_code=303, headers={"cache-control": "no-store"})


def sentence(message: str) -> str:
    """Return the message of an error as a page says it."""
    text = line(message)
    return f"{text[:1].upper()}{text[1:]}."


def retry_after(wait: float) -> Mapping[str, str]:
    """Return the header that names the seconds to wait."""
    return {"retry-after": str(max(1, round(wait + 0.5)))}


class Responses:
    """Draws pages that are not the archive's: they are made for one visitor and never kept."""

    def __init__(self, pages: PageCache, jar: CookieJar) -> None:
        """Take what draws pages, and what reads cookies."""
        self._pages = pages
        self._jar = jar

    async def page(
        self,
        request: Request,
        template: str,
        *,
        title: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        notice: str | None = None,
        **fields: Any,
    ) -> Response:
        """Return a page of one of the server's templates, in the site's frame."""
        body = await self._pages.draw(
            template,
            path=request.url.path.lstrip("/"),
            title=title,
            signed_in=self._jar.read(request).session is not None,
            notice=notice,
            fields=fields,
        )
        all_headers = {"cache-control": "no-store", **(headers or {})}
        return Response(body, status, all_headers, media_type="text/html; charset=utf-8")

    async def words(
        self,
        request: Request,
        heading: str,
        *paragraphs: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        links: Sequence[Link] = (FRONT,),
    ) -> Response:
        """Return a page that only says something."""
        return await self.page(
            request,
            "words.html",
            title=heading,
            status=status,
            headers=headers,
            heading=heading,
            paragraphs=paragraphs,
            links=links,
        )

    async def missing(self, request: Request) -> Response:
        """Return the page for an address that leads nowhere."""
        path = request.url.path.lstrip("/")
        if path.count("/") > _DEPTH:
            return Response("There is no such page.\n", 404, media_type="text/plain")
        body = await self._pages.not_found(path)
        headers = {"cache-control": "no-store"}
        return Response(body, 404, headers, media_type="text/html; charset=utf-8")

    async def failed(self, request: Request, fault: Exception) -> Response:
        """Return the page for a fault that a handler let through."""
        if isinstance(fault, TooOften):
            return await self._too_often(request, fault)
        if isinstance(fault, BadForm):
            return await self.words(
                request, "That did not work", fault.message, status=fault.status
            )
        if isinstance(fault, Unkeepable):
            return await self.words(
                request, "That did not work", sentence(fault.message), status=400
            )
        if isinstance(fault, Unavailable):
            return await self.words(
                request,
                "Not possible right now",
                DOWN,
                "The verdicts can be read all the same. Try again in a few seconds.",
                status=503,
                headers={"retry-after": "5"},
            )
        if isinstance(fault, PoolBusy):
            words = "The server has too much to do. Try again in a few seconds.\n"
            return Response(words, 503, {"retry-after": "2"}, media_type="text/plain")
        raise fault

    async def _too_often(self, request: Request, fault: TooOften) -> Response:
        return await self.words(
            request,
            "Enough for today" if fault.why else "Too many at once",
            fault.text,
            status=429,
            headers=retry_after(fault.wait),
        )


def _is_cached(request: Request, tag: str) -> bool:
    tags = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in tags.split(","))


def _span(seconds: int) -> str:
    if seconds < 90:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{math.ceil(seconds / 3600)} hours"
