"""Review requests from the page: taken, shown, and followed as they are worked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from panel.foundation.errors import BudgetSpent, CommunityError, QueueFull, ToolError
from panel.publish import page_urls
from panel.publish.community.rate_limits import Names
from panel.publish.community.requests import Budget
from panel.publish.community.requests import Request as Asked
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import Unavailable
from panel.publish.server.forms import read_form
from panel.publish.server.responses import Responses, see_other, sentence
from panel.publish.server.review_progress import Step
from panel.publish.server.review_request import ReviewRequest, read_review_request, settled
from panel.publish.server.review_worker import known_in
from panel.publish.server.state import ServerState
from panel.report import figures

STREAMS: Final = 200
"""Streams open at a time; whoever comes later looks by hand."""
STREAM_SECONDS: Final = 600.0
BEAT_SECONDS: Final = 2.0
"""Between two looks at what the database says, where nothing happens."""
PAUSE_SECONDS: Final = 0.25
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True)
class ShownRequest:
    """A request as its page shows it."""

    id: int
    name: str
    url: str | None
    doing: str
    ended: bool
    link: str | None = None
    """The tool's page, once there is a verdict."""
    steps: tuple[Step, ...] = ()


class ReviewRequestPages:
    """Handlers of `/request` and `/requests`."""

    def __init__(self, service: ServerState, answers: Responses, visitors: Visitors) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers
        self._visitors = visitors
        self._streams = 0

    async def ask(self, request: Request) -> Response:
        """Queue what the form asks for."""
        if not self._service.setup.takes_requests:
            return await self._list(request, status=403)
        form = await read_form(request)
        fields = [form.get(name, "") for name in ("name", "url", "description")]
        try:
            told = self.checked(*fields)
            asker, names = await self._asker(request)
            if (wait := self._service.limits.take(**names)) > 0:
                return await self._answers.too_often(request, wait)
            asked = await self.queue(told, asker=asker)
        except BudgetSpent as fault:
            return await self._answers.too_often(request, fault.wait, why=sentence(fault.message))
        except QueueFull as fault:
            return await self._list(request, fault=fault.message, status=503)
        except (ToolError, CommunityError) as fault:
            return await self._list(request, fault=fault.message, status=422)
        return see_other(request, f"requests/{asked.id}")

    def checked(self, name: str, url: str, description: str) -> ReviewRequest:
        """Return what may be queued. Raises `ToolError` with what is wrong."""
        hosts = frozenset(self._service.setup.review.hosts)
        told = read_review_request(name, url, description, allow=hosts)
        return settled(told, known_in(self._service.shelf.archive, told.name))

    async def queue(self, told: ReviewRequest, *, asker: str | None = None) -> Asked:
        """Queue a wish of somebody; None: of a program. Raises `CommunityError`, `Unavailable`."""
        add, most = self._service.records.requests.add, self._service.setup.review.settings.serve
        budget = Budget(all=most.requests_per_day, person=most.requests_per_person)
        asked = await self._service.records.write(
            lambda: add(told.name, told.url, told.description, asker=asker, budget=budget)
        )
        self._service.worker.ring()
        return asked

    async def all(self, request: Request) -> Response:
        """Show the form and the newest requests."""
        return await self._list(request)

    async def one(self, request: Request) -> Response:
        """Show how far one request is."""
        shown = await self._shown(request.path_params["number"])
        if shown is None:
            return await self._answers.missing(request)
        return await self._answers.page(
            request, "request.html", title=f"{shown.name}: review asked for", shown=shown
        )

    async def events(self, request: Request) -> Response:
        """Send how far one request is, as server-sent events, until it has ended."""
        number = request.path_params["number"]
        if await self._shown(number) is None:
            return await self._answers.missing(request)
        if self._streams >= STREAMS:
            return Response(status_code=503, headers={"retry-after": "10"})
        return StreamingResponse(
            self._stream(number), media_type="text/event-stream", headers=_HEADERS
        )

    async def _stream(self, number: int) -> AsyncIterator[str]:
        self._streams += 1
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                async for text in self._told(number):
                    yield text
        except TimeoutError:
            return  # the browser asks again by itself
        finally:
            self._streams -= 1

    async def _told(self, number: int) -> AsyncIterator[str]:
        last = None
        while not self._service.stopping.is_set():
            change = self._service.board.next_change()
            try:
                shown = await self._shown(number)
            except Unavailable:
                shown = last
            if shown is not None and shown != last:
                last = shown
                yield f"event: progress\ndata: {json.dumps(asdict(shown))}\n\n"
            else:
                yield ": \n\n"
            if shown is not None and shown.ended:
                return
            # A reviewer may answer many times a second; nobody reads that fast.
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await change.wait()

    async def _shown(self, number: int) -> ShownRequest | None:
        requests = self._service.records.requests

        def look() -> tuple[Asked, int] | None:
            found = requests.get(number)
            ahead = requests.ahead(number) if found and found.state == "queued" else 0
            return (found, ahead) if found else None

        found = await self._service.records.read(look)
        return self._drawn(*found) if found else None

    def _drawn(self, asked: Asked, ahead: int) -> ShownRequest:
        progress = self._service.board.get(asked.id)
        if asked.state == "running":
            doing = f"Under review: {progress.doing}" if progress else "Under review"
        else:
            doing = _words(asked, ahead)
        return ShownRequest(
            id=asked.id,
            name=asked.name,
            url=asked.url,
            doing=f"{doing}." if not doing.endswith(".") else doing,
            ended=asked.state in ("done", "failed"),
            link=page_urls.tool(asked.key) if asked.key else None,
            steps=progress.steps if progress else (),
        )

    async def _list(self, request: Request, *, fault: str = "", status: int = 200) -> Response:
        recent = await self._service.records.read(self._service.records.requests.recent)
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "state": one.state,
                "iso": one.created.date().isoformat(),
                "day": figures.day(one.created),
            }
            for one in recent
        ]
        return await self._answers.page(
            request,
            "requests.html",
            title="Requested reviews",
            status=status,
            fault=fault,
            takes=self._service.setup.takes_requests,
            recent=rows,
        )

    async def _asker(self, request: Request) -> tuple[str, dict[str, Names]]:
        """Return who asks, a member or else a network, and whom it counts against."""
        cookies, networks = self._service.jar.read(request), self._service.networks(request)
        who = await self._service.records.read(lambda: self._visitors.find(cookies))
        names: dict[str, Names] = {"request_network": networks}
        if who.identity is not None:
            names["request_identity"] = str(who.identity)
        # Cookies are cheap: only who has signed in is somebody apart from the network.
        return f"member {who.identity}" if who.signed_in else f"network {networks[0]}", names


def _words(asked: Asked, ahead: int) -> str:
    match asked.state:
        case "queued" if ahead:
            return f"Waiting: {ahead} before it"
        case "queued":
            return "Waiting: it is the next"
        case "done":
            return "The verdict is in"
        case _:
            return asked.message or "The review failed"
