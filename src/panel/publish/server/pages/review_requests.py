"""Review requests from the page: taken, shown, and followed as they are worked."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from panel.foundation.errors import BudgetSpent, CommunityError, QueueFull
from panel.foundation.text import clean
from panel.publish import page_urls
from panel.publish.community.rate_limits import Names
from panel.publish.community.requests import Request as QueuedRequest
from panel.publish.community.requests import Requests
from panel.publish.server import deps
from panel.publish.server.database import Unavailable
from panel.publish.server.responses import (
    DOWN,
    TooOften,
    check_rate,
    retry_after,
    see_other,
    sentence,
)
from panel.publish.server.review_progress import ProgressTracker, Step
from panel.publish.server.review_request import FIELDS, Field, FieldError, QueueStore

STREAMS: Final = 200
"""Streams open at a time; further clients get 503, and reload by hand."""
STREAM_SECONDS: Final = 600.0
BEAT_SECONDS: Final = 2.0
"""Between two looks at what the database says, where nothing happens."""
PAUSE_SECONDS: Final = 0.25
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}

RequestsStore = Annotated[Requests, deps.store("requests")]

router = APIRouter(include_in_schema=False)


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


@dataclass(frozen=True)
class RefusedForm:
    """The form as it was sent, and why it was refused."""

    typed: Mapping[Field, str]
    fault: str
    field: Field | None = None
    """The field that cannot be used, None where no other text would be taken either."""


@dataclass(frozen=True)
class RequestList:
    """Draws the form and the newest requests, for one visitor."""

    request: Request
    database: deps.DatabaseStore
    queue: QueueStore
    requests: RequestsStore
    responses: deps.ResponsesStore

    async def draw(
        self, refused: RefusedForm | None = None, *, status: int = 200, wait: float = 0
    ) -> Response:
        """Return the page; `wait` is in seconds, after which a refused form may be taken."""
        try:
            recent = await self.database.read(self.requests.recent)
        except Unavailable:
            if refused is None:
                raise
            recent = ()
        return await self.responses.page(
            self.request,
            "requests.html",
            title="Error: requested reviews" if refused else "Requested reviews",
            status=status,
            headers=retry_after(wait) if wait else None,
            refused=refused,
            takes=self.queue.is_open,
            recent=recent,
        )

    async def refuse(
        self,
        typed: Mapping[Field, str],
        fault: FieldError | CommunityError | TooOften | Unavailable,
    ) -> Response:
        """Return the page with the form as it was sent, and what is wrong with it."""
        match fault:
            case FieldError():
                return await self.draw(RefusedForm(typed, fault.message, fault.field), status=422)
            case TooOften():
                return await self.draw(RefusedForm(typed, fault.text), status=429, wait=fault.wait)
            case BudgetSpent():
                spent = TooOften(fault.wait, why=sentence(fault.message))
                return await self.refuse(typed, spent)
            case Unavailable():
                return await self.draw(RefusedForm(typed, DOWN), status=503, wait=4)
        status = 503 if isinstance(fault, QueueFull) else 422
        return await self.draw(RefusedForm(typed, sentence(fault.message)), status=status)


@dataclass(frozen=True)
class RequestState:
    """Looks up how far a request is: the database knows its state, the tracker each reviewer's."""

    tracker: Annotated[ProgressTracker, deps.store("progress")]
    database: deps.DatabaseStore
    requests: RequestsStore

    async def get(self, number: int) -> ShownRequest:
        """Return how far a request is; raises `HTTPException` where there is none."""
        if (shown := await self.find(number)) is None:
            raise HTTPException(404)
        return shown

    async def find(self, number: int) -> ShownRequest | None:
        """Return how far a request is, None where there is none."""

        def look() -> tuple[QueuedRequest, int] | None:
            queued = self.requests.get(number)
            ahead = self.requests.ahead(number) if queued and queued.state == "queued" else 0
            return (queued, ahead) if queued else None

        row = await self.database.read(look)
        return self._shown(*row) if row else None

    def _shown(self, queued: QueuedRequest, ahead: int) -> ShownRequest:
        progress = self.tracker.get(queued.id)
        if queued.state == "running":
            doing = f"Under review: {progress.doing}" if progress else "Under review"
        else:
            doing = _words(queued, ahead)
        return ShownRequest(
            id=queued.id,
            name=queued.name,
            url=queued.url,
            doing=f"{doing}." if not doing.endswith(".") else doing,
            ended=queued.state in ("done", "failed"),
            link=page_urls.tool(queued.key) if queued.key else None,
            steps=progress.steps if progress else (),
        )


List = Annotated[RequestList, deps.build(RequestList)]
State = Annotated[RequestState, deps.build(RequestState)]


@dataclass(frozen=True)
class Requester:
    """Who sends a request."""

    cookies: deps.RequestCookies
    networks: deps.RequestNetworks
    database: deps.DatabaseStore
    visitors: deps.VisitorsStore

    async def identify(self) -> tuple[str, dict[str, Names]]:
        """Return the member or else the network, and whom a request counts against."""
        user = await self.database.read(lambda: self.visitors.find(self.cookies))
        names: dict[str, Names] = {"request_network": self.networks}
        if user.identity is not None:
            names["request_identity"] = str(user.identity)
        # Cookies cost nothing: only a signed-in visitor counts apart from the network.
        sender = f"member {user.identity}" if user.signed_in else f"network {self.networks[0]}"
        return sender, names


@router.post("/request")
async def add(
    request: Request,
    fields: deps.Fields,
    requests: List,
    requester: Annotated[Requester, deps.build(Requester)],
    limits: deps.LimitsStore,
) -> Response:
    """Queue what the form asks for."""
    queue = requests.queue
    if not queue.is_open:
        return await requests.draw(status=403)
    # Whole but for what no page can hold: a visitor goes on from what they typed.
    typed = {name: clean(fields.get(name, ""))[0] for name in FIELDS}
    try:
        review_request = queue.check(*(fields.get(name, "") for name in FIELDS))
        member, names = await requester.identify()
        check_rate(limits, **names)
        queued = await queue.add(review_request, member)
    except (FieldError, CommunityError, TooOften, Unavailable) as fault:
        return await requests.refuse(typed, fault)
    return see_other(request, f"requests/{queued.id}")


@router.api_route("/requests", methods=[*deps.READ])
async def all_requests(requests: List) -> Response:
    """Show the form and the newest requests."""
    return await requests.draw()


@router.api_route("/requests/{number:int}", methods=[*deps.READ])
async def one_request(
    request: Request, number: int, state: State, responses: deps.ResponsesStore
) -> Response:
    """Show how far one request is."""
    shown = await state.get(number)
    return await responses.page(
        request, "request.html", title=f"{shown.name}: requested review", shown=shown
    )


@router.api_route("/requests/{number:int}/events", methods=[*deps.READ])
async def events(
    number: int, state: State, stopping: Annotated[threading.Event, deps.store("stopping")]
) -> Response:
    """Send how far one request is, as server-sent events, until it has ended."""
    await state.get(number)
    if state.tracker.streams >= STREAMS:
        return Response(status_code=503, headers={"retry-after": "10"})
    return StreamingResponse(
        _stream(number, state, stopping), media_type="text/event-stream", headers=_HEADERS
    )


async def _stream(
    number: int, state: RequestState, stopping: threading.Event
) -> AsyncIterator[str]:
    state.tracker.streams += 1
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            async for text in _events(number, state, stopping):
                yield text
    except TimeoutError:
        return  # the browser connects again by itself
    finally:
        state.tracker.streams -= 1


async def _events(
    number: int, state: RequestState, stopping: threading.Event
) -> AsyncIterator[str]:
    last = None
    while not stopping.is_set():
        change = state.tracker.next_change()
        try:
            shown = await state.find(number)
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


def _words(queued: QueuedRequest, ahead: int) -> str:
    match queued.state:
        case "queued" if ahead:
            return f"Waiting: {ahead} before it"
        case "queued":
            return "Waiting: it is the next"
        case "done":
            return "The verdict is in"
        case _:
            return queued.message or "The review failed"
