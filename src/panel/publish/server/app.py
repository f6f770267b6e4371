"""The application: every address and its handler, behind the middleware. Opens nothing itself."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from panel.foundation.errors import Unkeepable
from panel.publish.server.api import admin, public
from panel.publish.server.api.docs import manual
from panel.publish.server.api.errors import RequestRefused, is_api, problem
from panel.publish.server.database import Unavailable
from panel.publish.server.forms import BadForm
from panel.publish.server.http_page import make_page
from panel.publish.server.middleware import RequestMiddleware, security_headers
from panel.publish.server.pages import review_requests, sign_in, subscriptions, votes
from panel.publish.server.pages.site import SitePages
from panel.publish.server.responses import Responses, TooOften, page_response
from panel.publish.server.state import ServerState
from panel.publish.server.thread_pool import PoolBusy

TEMPLATES: Final = Path(__file__).with_name("templates")
FILES: Final = ("live.css", "progress.js")
EXEMPT: Final = ("/unsubscribe/",)
"""Addresses whose POST needs no page of ours: the token in them is the right to it."""

Handler = Callable[[Request], Awaitable[Response]]

_ABOUT: Final = (
    "Verdicts of a review panel on tools, with every finding and the passage behind it, "
    "and the community's votes beside them."
)


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Runs around the serving: starts what serves beside the pages, and ends it."""


def create_app(state: ServerState, lifespan: Lifespan) -> FastAPI:
    """Return the application of a server's state, which `lifespan` starts and ends."""
    app = FastAPI(
        title="Panel",
        description=_ABOUT,
        version=version("panel-verdict"),
        openapi_url="/api/openapi.json",
        # `api.docs` instead: FastAPI's own pages need scripts, and inline ones at that.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # Nothing about requests is recorded or sent anywhere, whatever the environment says.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.server = state
    # Routes one by one and not by `include_router`, which tries a whole router for every address:
    # the pages of the site, which come last, would take a quarter more time each.
    for part in (public, admin, votes, sign_in, subscriptions, review_requests):
        app.router.routes.extend(part.router.routes)
    app.router.routes.extend(_plain_routes(app, state))
    for kind in _KNOWN:
        app.add_exception_handler(kind, _show_fault)
    app.add_middleware(
        RequestMiddleware,
        same_origin=state.config.same_origin,
        headers=security_headers(secure=state.config.is_secure),
        proxies=state.proxies,
        exempt=EXEMPT,
        on_fault=lambda fault: state.on_trouble(_place(fault)),
    )
    return app


def _plain_routes(app: FastAPI, state: ServerState) -> Iterator[Route]:
    for name in FILES:
        yield Route(f"/{name}", _file(name), methods=["GET"])
    yield Route("/api", _api_page(app, state), methods=["GET"])
    pages = SitePages(
        database=state.database,
        jar=state.cookie_jar,
        on_trouble=state.on_trouble,
        pages=state.page_cache,
        responses=state.responses,
        tallies=state.tallies,
        visitors=state.visitors,
        votes=state.votes,
    )
    yield Route("/{path:path}", pages.page, methods=["GET"])


_KNOWN: Final = (
    HTTPException,
    RequestValidationError,
    RequestRefused,
    BadForm,
    TooOften,
    PoolBusy,
    Unavailable,
    Unkeepable,
)


async def _show_fault(request: Request, fault: Exception) -> Response:
    responses: Responses = request.app.state.server.responses
    if is_api(request):
        return problem(fault)
    if isinstance(fault, HTTPException):
        if fault.status_code == 404:
            return await responses.missing(request)
        words = "This address does not take that.\n"
        return Response(words, fault.status_code, fault.headers, media_type="text/plain")
    return await responses.failed(request, fault)


def _api_page(app: FastAPI, state: ServerState) -> Handler:
    async def page(request: Request) -> Response:
        documented = manual(app.openapi(), address=state.address)
        return await state.responses.page(request, "api.html", title="API", manual=documented)

    return page


def _file(name: str) -> Handler:
    body = make_page(name, (TEMPLATES / name).read_bytes())

    async def file(request: Request) -> Response:
        return page_response(request, body, cache_control="no-cache")

    return file


def _place(fault: Exception) -> str:
    """Say where in panel an uncaught fault arose; its own words may hold what a visitor sent."""
    frame = fault.__traceback__
    place = ""
    while frame is not None:
        file = Path(frame.tb_frame.f_code.co_filename)
        if "panel" in file.parts:
            place = f"{file.stem} line {frame.tb_lineno}"
        frame = frame.tb_next
    return f"a fault in panel itself: {type(fault).__name__}" + (f" in {place}" if place else "")
