"""Signing in by a mailed link: GET shows a button, only its POST signs in.

Mail scanners open links; they press no buttons.
"""

from starlette.requests import Request
from starlette.responses import Response

from panel.foundation.errors import AddressError, TokenError
from panel.publish import page_urls
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.transactional import sign_in
from panel.publish.server import mailed_links
from panel.publish.server.cookies import SESSION_DAYS
from panel.publish.server.current_user import Visitors
from panel.publish.server.flash import notice
from panel.publish.server.forms import read_form
from panel.publish.server.responses import Responses, see_other
from panel.publish.server.state import ServerState
from panel.report.citations import cut, line

AGAIN = ("Ask for a new link", "sign-in")


class SignInPages:
    """Handlers of `/sign-in` and `/sign-out`."""

    def __init__(self, service: ServerState, answers: Responses, visitors: Visitors) -> None:
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
            address = normalize_address(given)
        except AddressError as fault:
            shown = cut(line(given), 254)
            return await self._form(request, fault=line(fault.message), given=shown, status=422)
        networks = self._service.networks(request)
        if wait := self._service.limits.take(mail_network=networks, mail_address=mailbox(address)):
            return await self._answers.too_often(request, wait)
        if not self._service.outbox.put(lambda: self._letter(address)):
            return await self._answers.too_often(request, 60)
        return see_other(request, "sign-in/sent")

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
        found = await records.read(lambda: mailed_links.read(records.tokens, "sign-in", token))
        if isinstance(found, TokenError):
            return await self._useless(request, found)
        return await self._answers.page(
            request, "sign-in-link.html", title="Sign in", address=mailed_links.masked(found)
        )

    async def enter(self, request: Request) -> Response:
        """Spend a mailed link and sign in."""
        token, records = request.path_params["token"], self._service.records
        cookies, enter = self._service.jar.read(request), self._visitors.sign_in
        if wait := self._service.limits.take(link_network=self._service.networks(request)):
            return await self._answers.too_often(request, wait)

        def spend() -> str | TokenError:
            owner = mailed_links.spend(records.tokens, "sign-in", token)
            return owner if isinstance(owner, TokenError) else enter(owner, cookies)

        session = await records.write(spend)
        if isinstance(session, TokenError):
            return await self._useless(request, session)
        await self._service.counts.refresh()
        response = see_other(request, "sign-in")
        jar = self._service.jar
        jar.write(response, "session", session, seconds=SESSION_DAYS * 24 * 3600)
        jar.write(response, "said", "signed-in", seconds=60)
        jar.drop(response, "voter")
        return response

    async def leave(self, request: Request) -> Response:
        """Sign out, here and wherever a copy of the session is."""
        cookies = self._service.jar.read(request)
        await self._service.records.write(lambda: self._visitors.sign_out(cookies))
        response = see_other(request, page_urls.FRONT)
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
            mailed_links.WHY[fault.reason],
            status=mailed_links.STATUS[fault.reason],
            links=(AGAIN,),
        )

    def _letter(self, address: str) -> tuple[str, MailMessage]:
        path = mailed_links.issue(self._service.records.tokens, "sign-in", address)
        return address, sign_in(
            f"{self._service.setup.address}/{path}", hours=mailed_links.HOURS["sign-in"]
        )
