"""The community vote: one POST, one row, and back to the tool's page."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from panel.foundation.errors import Banned
from panel.publish import page_urls
from panel.publish.community.tally import Choice, Tally
from panel.publish.server.cookies import YEAR, Cookies, new_voter
from panel.publish.server.current_user import Visitors, Who
from panel.publish.server.forms import BadForm, read_form
from panel.publish.server.responses import Responses, see_other, sentence
from panel.publish.server.state import ServerState


class VotePages:
    """Takes votes from forms."""

    def __init__(self, service: ServerState, answers: Responses, visitors: Visitors) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers
        self._visitors = visitors

    async def vote(self, request: Request) -> Response:
        """Cast, change or withdraw a vote; answers only after the commit."""
        form = await read_form(request)
        tool, choice = form.get("tool", ""), form.get("choice", "")
        if choice not in ("ship", "skip", "withdraw"):
            raise BadForm("A vote is ship, skip or withdraw.")
        if not self._service.shelf.knows(tool):
            return await self._answers.missing(request)
        cookies, new = self._service.jar.read(request), new_voter()
        networks = self._service.networks(request)
        if wait := self._service.limits.take(vote_network=networks):
            return await self._answers.too_often(request, wait)
        ballot = VoteForm(tool, choice, cookies, new, networks)
        try:
            counted = await self._service.records.write(lambda: self._count(ballot))
        except TooOften as fault:
            return await self._answers.too_often(request, fault.wait)
        except Banned as fault:
            return await self._answers.words(
                request, "This vote was not taken", sentence(fault.message), status=403
            )
        self._service.counts.note(tool, counted.tally)
        # To the top of the page: there it says what was done.
        response = see_other(request, page_urls.tool(tool))
        self._service.jar.write(response, "said", counted.said, seconds=60)
        if counted.is_new:
            self._service.jar.write(response, "voter", new, seconds=YEAR)
        return response

    def _count(self, ballot: "VoteForm") -> "Counted":
        votes = self._service.records.votes
        who = self._visitors.find(ballot.cookies)
        self._check_rate(who, ballot)
        if ballot.choice == "withdraw":
            gone = who.identity is not None and votes.withdraw(who.identity, ballot.tool)
            return Counted("withdrawn" if gone else "no-vote", votes.tally(ballot.tool))
        is_new = who.identity is None and ballot.cookies.voter is None
        identity = who.identity or self._visitors.anonymous(ballot.cookies.voter or ballot.new)
        choice: Choice = "ship" if ballot.choice == "ship" else "skip"
        votes.cast(identity, ballot.tool, choice, network=ballot.networks[0])
        return Counted(f"voted-{choice}", votes.tally(ballot.tool), is_new)

    def _check_rate(self, who: Who, ballot: "VoteForm") -> None:
        """Count a vote against its voter, a first one against its network: cookies are cheap."""
        if who.identity is not None:
            wait = self._service.limits.take(vote_identity=str(who.identity))
        elif ballot.choice != "withdraw":
            wait = self._service.limits.take(new_voter_network=ballot.networks)
        else:
            wait = 0.0
        if wait:
            raise TooOften(wait)


@dataclass(frozen=True)
class VoteForm:
    """One vote as it was sent."""

    tool: str
    choice: str
    cookies: Cookies
    new: str
    """The cookie of an anonymous voter who has none yet."""
    networks: tuple[str, ...]
    """Where it came from: see `panel.publish.community.rate_limits`."""


@dataclass(frozen=True)
class Counted:
    """What a vote has led to."""

    said: str
    tally: Tally
    is_new: bool = False
    """The voter is anonymous and had no cookie."""


class TooOften(Exception):
    """More than is allowed; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait
