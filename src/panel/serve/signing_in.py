"""Signing in by a mailed link: GET shows a button, only its POST signs in.

Mail scanners open links; they press no buttons.
"""

from starlette.requests import Request
from starlette.responses import Response

from panel.community.address import mailbox, normal
from panel.digest.letters import sign_in
from panel.digest.message import Letter
from panel.errors import AddressError, TokenError
from panel.render.citations import cut, line
from panel.serve import links
from panel.serve.answers import Answers, see
from panel.serve.cookies import SESSION_DAYS
from panel.serve.form import read_form
from panel.serve.notices import notice
from panel.serve.service import Service
from panel.serve.visitor import Visitors
from panel.site import addresses

AGAIN = ("Ask for a new link", "sign-in")


class SigningIn:
    """Handlers of `/sign-in` and `/sign-out`."""

    def __init__(self, service: Service, answers: Answers, visitors: Visitors) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers
        self._visitors = visitors

    async def form(self, request: Request) -> Response:
        """Show the form, or to whom has signed in the way out."""
        return await self._form(request)

    async def ask(self, request: Request) -> Response:
        """Have a link mailed; the answer is the same for every address."""
        if not self._service.outbox.is_open:
            return await self._form(request, status=503)
        given = (await read_form(request)).get("address", "")
        try:
            address = normal(given)
        except AddressError as fault:
            shown = cut(line(given), 254)
            return await self._form(request, fault=line(fault.message), given=shown, status=422)
        networks = self._service.networks(request)
        if wait := self._service.limits.take(mail_network=networks, mail_address=mailbox(address)):
            return await self._answers.too_often(request, wait)
        if not self._service.outbox.put(lambda: self._letter(address)):
            return await self._answers.too_often(request, 60)
        return see(request, "sign-in/sent")

    async def sent(self, request: Request) -> Response:
        """Say that a mail is on its way."""
        return await self._answers.words(
            request,
            "Look into your mail",
            "A link to sign in is on its way. It works once, within an hour.",
            "Nothing there after some minutes? Look among the spam, then ask for a new one.",
            links=(AGAIN,),
        )

    async def link(self, request: Request) -> Response:
        """Show the button of a mailed link; signs nobody in."""
        token, records = request.path_params["token"], self._service.records
        found = await records.read(lambda: links.read(records.tokens, "sign-in", token))
        if isinstance(found, TokenError):
            return await self._useless(request, found)
        return await self._answers.page(
            request, "sign-in-link.html", title="Sign in", address=links.masked(found)
        )

    async def enter(self, request: Request) -> Response:
        """Spend a mailed link and sign in."""
        token, records = request.path_params["token"], self._service.records
        cookies, enter = self._service.jar.read(request), self._visitors.sign_in
        if wait := self._service.limits.take(link_network=self._service.networks(request)):
            return await self._answers.too_often(request, wait)

        def spend() -> str | TokenError:
            owner = links.spend(records.tokens, "sign-in", token)
            return owner if isinstance(owner, TokenError) else enter(owner, cookies)

        session = await records.write(spend)
        if isinstance(session, TokenError):
            return await self._useless(request, session)
        await self._service.counts.refresh()
        response = see(request, "sign-in")
        jar = self._service.jar
        jar.write(response, "session", session, seconds=SESSION_DAYS * 24 * 3600)
        jar.write(response, "said", "signed-in", seconds=60)
        jar.drop(response, "voter")
        return response

    async def leave(self, request: Request) -> Response:
        """Sign out, here and wherever a copy of the session is."""
        cookies = self._service.jar.read(request)
        await self._service.records.write(lambda: self._visitors.sign_out(cookies))
        response = see(request, addresses.FRONT)
        self._service.jar.drop(response, "session")
        self._service.jar.write(response, "said", "signed-out", seconds=60)
        return response

    async def _form(
        self, request: Request, *, fault: str = "", given: str = "", status: int = 200
    ) -> Response:
        cookies = self._service.jar.read(request)
        signed_in = False
        if cookies.session is not None:
            find = self._visitors.find
            signed_in = (await self._service.records.read(lambda: find(cookies))).signed_in
        response = await self._answers.page(
            request,
            "sign-in.html",
            title="Sign in",
            status=status,
            notice=notice(cookies.said),
            member=signed_in,
            mail=self._service.outbox.is_open,
            fault=fault,
            given=given,
        )
        if cookies.said:
            self._service.jar.drop(response, "said")
        return response

    async def _useless(self, request: Request, fault: TokenError) -> Response:
        return await self._answers.words(
            request,
            "This link does not sign in",
            links.WHY[fault.reason],
            status=links.STATUS[fault.reason],
            links=(AGAIN,),
        )

    def _letter(self, address: str) -> tuple[str, Letter]:
        path = links.issue(self._service.records.tokens, "sign-in", address)
        return address, sign_in(
            f"{self._service.setup.address}/{path}", hours=links.HOURS["sign-in"]
        )
