"""The API that needs the key: asking for reviews, votes of another site's voters, moderation."""

import hmac
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from panel.foundation.errors import Banned, BudgetSpent, CommunityError, QueueFull, ToolError
from panel.publish.community.errors import keepable
from panel.publish.community.requests import DESCRIPTION, NAME, URL
from panel.publish.server import deps
from panel.publish.server.api.errors import RequestRefused
from panel.publish.server.api.public import DOWN, MISSING, DocumentedRoute
from panel.publish.server.api.schemas import (
    BatchReply,
    Problem,
    RemovedReply,
    RequestReply,
    TallyReply,
    VoteReply,
)
from panel.publish.server.config import ServerConfig
from panel.publish.server.responses import check_rate, retry_after, sentence
from panel.publish.server.review_request import QueueStore

REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "The key is missing or wrong."},
    403: {"model": Problem, "description": "No key is set here, so nobody may write."},
    429: {"model": Problem, "description": "Too often; Retry-After says for how long."},
}
_BEARER: Final = HTTPBearer(auto_error=False, description="The value of PANEL_API_KEY.")


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _check_text(cls, value: object) -> object:
        if isinstance(value, str) and not keepable(value):
            raise ValueError("holds a NUL or half a letter")
        return value


class AskBody(_Body):
    """A tool to review: a name, with an address or a description."""

    name: str = Field(max_length=NAME)
    url: str = Field(default="", max_length=URL)
    """An https address; the reviewers read it and what it leads to."""
    description: str = Field(default="", max_length=DESCRIPTION)
    """What the tool is; used where there is no address."""


class VoteBody(_Body):
    """One vote."""

    tool: str = Field(max_length=200)
    choice: Literal["ship", "skip", "withdraw"]
    voter: str = Field(min_length=1, max_length=200)
    """Who votes, in words of your own: the same voter has one vote. Kept as a keyed hash."""


class RemoveBody(_Body):
    """Votes to remove: those of one network, within a time where one is given."""

    mark: str = Field(min_length=1, max_length=200)
    """As the list of batches names the network."""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class BanBody(_Body):
    """Whose votes count no more, or again."""

    address: str = Field(max_length=254)
    """The mail address that was signed in with."""
    banned: bool = True


async def check_key(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    networks: deps.RequestNetworks,
    limits: deps.LimitsStore,
    config: Annotated[ServerConfig, deps.store("config")],
) -> None:
    """Let through whoever sends the API's key. Raises `RequestRefused`, `TooOften`."""
    check_rate(limits, api_network=networks)
    if config.key is None:
        raise RequestRefused(403, "read_only", "PANEL_API_KEY is not set here: nobody may write.")
    sent = (credentials.credentials if credentials else "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(sent, config.key.get_secret_value().encode()):
        challenge = {"www-authenticate": "Bearer"}
        raise RequestRefused(401, "key", "The key is missing or wrong.", headers=challenge)


router = APIRouter(
    prefix="/api",
    dependencies=[Depends(check_key)],
    responses=REFUSED | DOWN,
    route_class=DocumentedRoute,
)
"""The routes that need the key; each checks it first."""


@router.post("/requests", status_code=202, tags=["Requests"])
async def ask(body: AskBody, queue: QueueStore) -> RequestReply:
    """Queue a review; the same one asked for twice is queued once."""
    if not queue.is_open:
        raise RequestRefused(409, "not_taken", "No requests are taken here at the moment.")
    try:
        review_request = queue.check(body.name, body.url, body.description)
        return RequestReply.model_validate(await queue.add(review_request))
    except BudgetSpent as fault:
        headers = retry_after(fault.wait)
        raise RequestRefused(
            429, "budget_spent", sentence(fault.message), headers=headers
        ) from None
    except QueueFull as fault:
        raise RequestRefused(503, "queue_full", fault.message, headers=retry_after(60)) from None
    except (ToolError, CommunityError) as fault:
        raise RequestRefused(422, "invalid", fault.message) from None


@router.post("/votes", responses=MISSING, tags=["Votes"])
async def vote(
    body: VoteBody,
    networks: deps.RequestNetworks,
    *,
    database: deps.DatabaseStore,
    identities: deps.IdentitiesStore,
    pages: deps.PagesStore,
    tallies: deps.TalliesStore,
    votes: deps.VotesStore,
) -> VoteReply:
    """Cast, change or withdraw a vote; it counts as anonymous."""
    if not pages.knows(body.tool):
        raise RequestRefused(404, "not_found", "There is no tool of this key.")

    def count() -> VoteReply:
        identity = identities.anonymous(f"api:{body.voter}")
        if body.choice == "withdraw":
            votes.withdraw(identity, body.tool)
        else:
            votes.cast(identity, body.tool, body.choice, network=f"api:{networks[0]}")
        tally = votes.tally(body.tool)
        tallies.note(body.tool, tally)
        choice = None if body.choice == "withdraw" else body.choice
        return VoteReply(choice=choice, tally=TallyReply.model_validate(tally))

    try:
        return await database.write(count)
    except Banned as fault:
        raise RequestRefused(403, "banned", fault.message) from None


@router.get("/moderation/batches", tags=["Moderation"])
async def batches(
    database: deps.DatabaseStore,
    votes: deps.VotesStore,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> list[BatchReply]:
    """List the networks that most votes came from, most first."""
    rows = await database.read(lambda: votes.batches(since=since, until=until))
    return [BatchReply.model_validate(batch) for batch in rows]


@router.post("/moderation/remove", tags=["Moderation"])
async def remove(
    body: RemoveBody,
    database: deps.DatabaseStore,
    tallies: deps.TalliesStore,
    votes: deps.VotesStore,
) -> RemovedReply:
    """Remove the votes of one network."""
    removed = await database.write(
        lambda: votes.remove_batch(mark=body.mark, since=body.since, until=body.until)
    )
    await tallies.refresh()
    return RemovedReply(removed=removed)


@router.post("/moderation/ban", tags=["Moderation"])
async def ban(
    body: BanBody,
    database: deps.DatabaseStore,
    identities: deps.IdentitiesStore,
    tallies: deps.TalliesStore,
) -> BanBody:
    """Take no more votes from a signed-in voter and count none of theirs, or again."""

    def change() -> None:
        identity = identities.verified(body.address)
        (identities.ban if body.banned else identities.unban)(identity)

    try:
        await database.write(change)
    except CommunityError as fault:
        raise RequestRefused(422, "invalid", fault.message) from None
    await tallies.refresh()
    return body
