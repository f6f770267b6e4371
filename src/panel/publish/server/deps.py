"""Dependencies of handlers: one store each by FastAPI's `Depends`, never the whole server.

`create_app` puts the `ServerState` at `app.state.server`; a handler names the parts of it that it
needs, so that its signature says what it touches.
"""

from collections.abc import Mapping
from inspect import signature
from typing import Annotated, Any

from fastapi import Depends, Request

from panel.publish.community.identities import Identities
from panel.publish.community.rate_limits import RateLimits, networks
from panel.publish.community.tokens import Tokens
from panel.publish.community.votes import VoteStore
from panel.publish.server.cookies import CookieJar, Cookies
from panel.publish.server.current_user import Visitors
from panel.publish.server.database import DatabaseAccess
from panel.publish.server.forms import read_form
from panel.publish.server.page_cache import PageCache
from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.responses import Responses
from panel.publish.server.tally_cache import TallyCache


def store(name: str) -> Any:
    """Return the dependency on one field of the `ServerState`."""

    # Asynchronous although it waits for nothing: FastAPI runs other functions in threads.
    async def read(request: Request) -> Any:
        return getattr(request.app.state.server, name)

    return Depends(read)


def build(kind: type[object]) -> Any:
    """Return the dependency on a new object of a class whose fields are dependencies themselves."""

    async def make(**fields: Any) -> object:
        return kind(**fields)

    make.__signature__ = signature(kind)  # type: ignore[attr-defined]
    return Depends(make)


DatabaseStore = Annotated[DatabaseAccess, store("database")]
IdentitiesStore = Annotated[Identities, store("identities")]
JarStore = Annotated[CookieJar, store("cookie_jar")]
LimitsStore = Annotated[RateLimits, store("limits")]
PagesStore = Annotated[PageCache, store("page_cache")]
ResponsesStore = Annotated[Responses, store("responses")]
TalliesStore = Annotated[TallyCache, store("tallies")]
TokensStore = Annotated[Tokens, store("tokens")]
VisitorsStore = Annotated[Visitors, store("visitors")]
VotesStore = Annotated[VoteStore, store("votes")]


async def read_cookies(request: Request, jar: JarStore) -> Cookies:
    """Return the cookies of the request that this site can have written."""
    return jar.read(request)


async def client_networks(
    request: Request, proxies: Annotated[TrustedProxies, store("proxies")]
) -> tuple[str, ...]:
    """Return the networks a request comes from, seen through our proxies, nearest first."""
    peer = request.client.host if request.client else ""
    return networks(proxies.client(peer, request.headers.getlist("x-forwarded-for")))


RequestCookies = Annotated[Cookies, Depends(read_cookies)]
RequestNetworks = Annotated[tuple[str, ...], Depends(client_networks)]
Fields = Annotated[Mapping[str, str], Depends(read_form)]
"""The fields of the form that was sent."""

READ = ("GET", "HEAD")
"""Methods of an address that is only read; FastAPI's own `get` leaves HEAD unanswered."""
