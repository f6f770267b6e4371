"""The application: every address and its handler, behind the gate. Opens nothing by itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from panel.foundation.errors import Unkeepable
from panel.publish.server import headers
from panel.publish.server.api.admin import AdminAPI
from panel.publish.server.api.docs import manual
from panel.publish.server.api.errors import RequestRefused, is_api, problem
from panel.publish.server.api.public import PublicAPI
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import Unavailable
from panel.publish.server.forms import BadForm
from panel.publish.server.http_page import make_page
from panel.publish.server.middleware import RequestMiddleware
from panel.publish.server.pages.review_requests import ReviewRequestPages
from panel.publish.server.pages.sign_in import SignInPages
from panel.publish.server.pages.site import SitePages
from panel.publish.server.pages.subscriptions import SubscriptionPages
from panel.publish.server.pages.votes import VotePages
from panel.publish.server.responses import Responses, page_response
from panel.publish.server.state import ServerState
from panel.publish.server.thread_pool import PoolBusy

TEMPLATES: Final = Path(__file__).with_name("templates")
FILES: Final = ("live.css", "progress.js")
FREE: Final = ("/unsubscribe/",)
"""Addresses whose POST needs no page of ours: the token in them is the right to it."""

Handler = Callable[[Request], Awaitable[Response]]

_ABOUT: Final = (
    "Verdicts of a review panel on tools, with every finding and the passage behind it, "
    "and the community's votes beside them."
)


def create_app(service: ServerState) -> ASGIApp:
    """Return the application of a service, which it starts and ends."""
    app = FastAPI(
        title="Panel",
        description=_ABOUT,
        version=version("panel-verdict"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service),
        # Nothing about requests is recorded or sent anywhere, whatever the environment says.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    answers, visitors = Responses(service), Visitors(service.records)
    asking = ReviewRequestPages(service, answers, visitors)
    app.include_router(PublicAPI(service).router())
    app.include_router(AdminAPI(service, asking).router())
    app.router.routes.extend(_routes(service, answers, visitors, asking))
    app.router.routes.append(Route("/api", _api_page(app, service, answers), methods=["GET"]))
    site = SitePages(service, answers, visitors).page
    app.router.routes.append(Route("/{path:path}", site, methods=["GET"]))
    _tell_faults(app, answers)
    return RequestMiddleware(
        app,
        door=service.setup.door,
        headers=headers.security(secure=service.setup.is_secure),
        proxies=service.setup.proxies,
        free=FREE,
        on_fault=lambda fault: service.on_trouble(_place(fault)),
    )


def _routes(
    service: ServerState, answers: Responses, visitors: Visitors, asking: ReviewRequestPages
) -> list[Route]:
    voting = VotePages(service, answers, visitors)
    signing, mail = SignInPages(service, answers, visitors), SubscriptionPages(service, answers)
    rows: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/vote", voting.vote),
        ("GET", "/sign-in", signing.form),
        ("POST", "/sign-in", signing.ask),
        ("GET", "/sign-in/sent", signing.sent),
        ("GET", "/sign-in/{token}", signing.link),
        ("POST", "/sign-in/{token}", signing.enter),
        ("POST", "/sign-out", signing.leave),
        ("POST", "/subscribe", mail.subscribe),
        ("GET", "/subscribe/sent", mail.sent),
        ("GET", "/confirm/{token}", mail.confirm_link),
        ("POST", "/confirm/{token}", mail.confirm),
        ("GET", "/unsubscribe/{token}", mail.unsubscribe_link),
        ("POST", "/unsubscribe/{token}", mail.unsubscribe),
        ("POST", "/request", asking.ask),
        ("GET", "/requests", asking.all),
        ("GET", "/requests/{number:int}", asking.one),
        ("GET", "/requests/{number:int}/events", asking.events),
        *(("GET", f"/{name}", _file(name)) for name in FILES),
    )
    return [Route(path, call, methods=[method]) for method, path, call in rows]


def _lifespan(service: ServerState) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    return lifespan


def _tell_faults(app: FastAPI, answers: Responses) -> None:
    async def tell(request: Request, fault: Exception) -> Response:
        if is_api(request):
            return problem(fault)
        if isinstance(fault, HTTPException):
            if fault.status_code == 404:
                return await answers.missing(request)
            words = "This address does not take that.\n"
            return Response(words, fault.status_code, fault.headers, media_type="text/plain")
        return await answers.failed(request, fault)

    known = (
        HTTPException,
        RequestValidationError,
        RequestRefused,
        BadForm,
        PoolBusy,
        Unavailable,
        Unkeepable,
    )
    for kind in known:
        app.add_exception_handler(kind, tell)


def _api_page(app: FastAPI, service: ServerState, answers: Responses) -> Handler:
    async def page(request: Request) -> Response:
        told = manual(app.openapi(), address=service.setup.address)
        return await answers.page(request, "api.html", title="API", manual=told)

    return page


def _file(name: str) -> Handler:
    body = make_page(name, (TEMPLATES / name).read_bytes())

    async def file(request: Request) -> Response:
        return page_response(request, body, keep="no-cache")

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
