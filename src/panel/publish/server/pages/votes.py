"""The community vote: one POST, one row, and back to the page where it was cast."""

import re
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from panel.foundation.errors import Banned
from panel.publish import page_urls
from panel.publish.community.rate_limits import RateLimits
from panel.publish.community.tally import Choice, Tally
from panel.publish.community.votes import VoteStore
from panel.publish.server import deps
from panel.publish.server.cookies import YEAR, Cookies, new_voter
from panel.publish.server.current_user import CurrentUser, Visitors
from panel.publish.server.forms import BadForm
from panel.publish.server.responses import check_rate, see_other, sentence

_PAGE: Final = re.compile(r"(?:[a-z]+/)?[a-z0-9-]{1,200}\.html(?:#[a-z-]{1,40})?", re.ASCII)
"""Paths of the site's own pages, each below the root: no scheme, host, `..`, query or escape."""

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Ballot:
    """One vote as it was sent."""

    tool: str
    choice: str
    cookies: Cookies
    new_voter: str
    """The cookie of an anonymous voter who has none yet."""
    networks: tuple[str, ...]
    """Where it came from: see `panel.publish.community.rate_limits`."""


@dataclass(frozen=True)
class VoteResult:
    """What a vote has led to."""

    notice: str
    """The code of the sentence that its page shows."""
    tally: Tally
    is_new: bool = False
    """The voter is anonymous and had no cookie."""


@router.post("/vote")
async def vote(
    request: Request,
    fields: deps.Fields,
    cookies: deps.RequestCookies,
    networks: deps.RequestNetworks,
    *,
    database: deps.DatabaseStore,
    jar: deps.JarStore,
    limits: deps.LimitsStore,
    pages: deps.PagesStore,
    responses: deps.ResponsesStore,
    tallies: deps.TalliesStore,
    visitors: deps.VisitorsStore,
    votes: deps.VotesStore,
) -> Response:
    """Cast, change or withdraw a vote; answers only after the commit."""
    tool, choice = fields.get("tool", ""), fields.get("choice", "")
    if choice not in ("ship", "skip", "withdraw"):
        raise BadForm("A vote is ship, skip or withdraw.")
    if not pages.knows(tool):
        raise HTTPException(404)
    check_rate(limits, vote_network=networks)
    ballot = Ballot(tool, choice, cookies, new_voter(), networks)
    try:
        result = await database.write(lambda: _count(ballot, votes, visitors, limits))
    except Banned as fault:
        return await responses.words(
            request, "This vote was not taken", sentence(fault.message), status=403
        )
    tallies.note(tool, result.tally)
    response = see_other(request, _page_of(fields.get("back", ""), tool))
    jar.write(response, "notice", result.notice, seconds=60)
    if result.is_new:
        jar.write(response, "voter", ballot.new_voter, seconds=YEAR)
    return response


def _page_of(back: str, tool: str) -> str:
    """Return the page where the vote was cast; the tool's where `back` is none of this site."""
    return back if _PAGE.fullmatch(back) else page_urls.tool(tool)


def _count(ballot: Ballot, votes: VoteStore, visitors: Visitors, limits: RateLimits) -> VoteResult:
    user = visitors.find(ballot.cookies)
    _check_voter(user, ballot, limits)
    if ballot.choice == "withdraw":
        gone = user.identity is not None and votes.withdraw(user.identity, ballot.tool)
        return VoteResult("withdrawn" if gone else "no-vote", votes.tally(ballot.tool))
    is_new = user.identity is None and ballot.cookies.voter is None
    identity = user.identity or visitors.anonymous(ballot.cookies.voter or ballot.new_voter)
    choice: Choice = "ship" if ballot.choice == "ship" else "skip"
    votes.cast(identity, ballot.tool, choice, network=ballot.networks[0])
    return VoteResult(f"voted-{choice}", votes.tally(ballot.tool), is_new)


def _check_voter(user: CurrentUser, ballot: Ballot, limits: RateLimits) -> None:
    """Count a vote against its voter, a first one against its network: cookies are cheap."""
    if user.identity is not None:
        check_rate(limits, vote_identity=str(user.identity))
    elif ballot.choice != "withdraw":
        check_rate(limits, new_voter_network=ballot.networks)
