"""The API that needs the key: asking for reviews, votes of another site's voters, moderation."""

import hmac
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from panel.foundation.errors import Banned, BudgetSpent, CommunityError, QueueFull, ToolError
from panel.publish.community.errors import keepable
from panel.publish.community.requests import DESCRIPTION, NAME, URL
from panel.publish.server.api.errors import RequestRefused
from panel.publish.server.api.public import DOWN, MISSING, summary
from panel.publish.server.api.schemas import (
    BatchReply,
    Problem,
    RemovedReply,
    RequestReply,
    TallyReply,
    VoteReply,
)
from panel.publish.server.pages.review_requests import ReviewRequestPages
from panel.publish.server.responses import sentence, turned_away
from panel.publish.server.state import ServerState

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


class AdminAPI:
    """Handlers of the API's POSTs, and of what only a moderator may read."""

    def __init__(self, service: ServerState, asking: ReviewRequestPages) -> None:
        """Remember who does the work."""
        self._service = service
        self._asking = asking

    def router(self) -> APIRouter:
        """Return the routes; each asks for the key first."""
        router = APIRouter(
            prefix="/api", dependencies=[Depends(self._key)], responses=REFUSED | DOWN
        )
        for method, path, call, tag in (
            ("POST", "/requests", self.ask, "Requests"),
            ("POST", "/votes", self.vote, "Votes"),
            ("GET", "/moderation/batches", self.batches, "Moderation"),
            ("POST", "/moderation/remove", self.remove, "Moderation"),
            ("POST", "/moderation/ban", self.ban, "Moderation"),
        ):
            missing = MISSING if path == "/votes" else {}
            router.add_api_route(
                path,
                call,
                methods=[method],
                status_code=202 if path == "/requests" else 200,
                responses=missing,
                tags=[tag],
                summary=summary(call),
            )
        return router

    async def ask(self, body: AskBody) -> RequestReply:
        """Queue a review; the same one asked for twice is queued once."""
        if not self._service.setup.takes_requests:
            raise RequestRefused(409, "not_taken", "No requests are taken here at the moment.")
        try:
            told = self._asking.checked(body.name, body.url, body.description)
            return RequestReply.of(await self._asking.queue(told))
        except BudgetSpent as fault:
            told_wait = turned_away(fault.wait)
            raise RequestRefused(
                429, "budget_spent", sentence(fault.message), headers=told_wait
            ) from None
        except QueueFull as fault:
            raise RequestRefused(
                503, "queue_full", fault.message, headers=turned_away(60)
            ) from None
        except (ToolError, CommunityError) as fault:
            raise RequestRefused(422, "invalid", fault.message) from None

    async def vote(self, body: VoteBody, request: Request) -> VoteReply:
        """Cast, change or withdraw a vote; it counts as anonymous."""
        if not self._service.shelf.knows(body.tool):
            raise RequestRefused(404, "not_found", "There is no tool of this key.")
        network, records = self._service.networks(request)[0], self._service.records

        def count() -> VoteReply:
            identity = records.identities.anonymous(f"api:{body.voter}")
            if body.choice == "withdraw":
                records.votes.withdraw(identity, body.tool)
            else:
                records.votes.cast(identity, body.tool, body.choice, network=f"api:{network}")
            tally = records.votes.tally(body.tool)
            self._service.counts.note(body.tool, tally)
            choice = None if body.choice == "withdraw" else body.choice
            return VoteReply(choice=choice, tally=TallyReply.of(tally))

        try:
            return await records.write(count)
        except Banned as fault:
            raise RequestRefused(403, "banned", fault.message) from None

    async def batches(
        self, since: AwareDatetime | None = None, until: AwareDatetime | None = None
    ) -> list[BatchReply]:
        """List the networks that most votes came from, most first."""
        votes = self._service.records.votes
        found = await self._service.records.read(lambda: votes.batches(since=since, until=until))
        return [BatchReply.of(batch) for batch in found]

    async def remove(self, body: RemoveBody) -> RemovedReply:
        """Remove the votes of one network."""
        votes = self._service.records.votes
        since: datetime | None = body.since
        removed = await self._service.records.write(
            lambda: votes.remove_batch(mark=body.mark, since=since, until=body.until)
        )
        await self._service.counts.refresh()
        return RemovedReply(removed=removed)

    async def ban(self, body: BanBody) -> BanBody:
        """Take no more votes from a signed-in voter and count none of theirs, or again."""
        identities = self._service.records.identities

        def change() -> None:
            identity = identities.verified(body.address)
            (identities.ban if body.banned else identities.unban)(identity)

        try:
            await self._service.records.write(change)
        except CommunityError as fault:
            raise RequestRefused(422, "invalid", fault.message) from None
        await self._service.counts.refresh()
        return body

    async def _key(
        self,
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> None:
        if wait := self._service.limits.take(api_network=self._service.networks(request)):
            raise RequestRefused(429, "too_often", "Too often.", headers=turned_away(wait))
        key = self._service.setup.key
        if key is None:
            raise RequestRefused(
                403, "read_only", "PANEL_API_KEY is not set here: nobody may write."
            )
        told = (given.credentials if given else "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(told, key.get_secret_value().encode()):
            challenge = {"www-authenticate": "Bearer"}
            raise RequestRefused(401, "key", "The key is missing or wrong.", headers=challenge)
