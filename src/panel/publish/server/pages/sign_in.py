"""Signing in by a mailed link: GET shows a button, only its POST signs in.

Mail scanners open links; they press no buttons.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response

from panel.foundation.errors import AddressError, TokenError
from panel.publish import page_urls
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.community.tokens import Tokens
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.transactional import sign_in
from panel.publish.server import deps, mailed_links
from panel.publish.server.cookies import SESSION_DAYS
from panel.publish.server.flash import notice
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.responses import Responses, TooOften, check_rate, see_other
from panel.report.citations import cut, line

AGAIN = ("Ask for a new link", "sign-in")

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class SignInForm:
    """Draws the form of one request; to whom has signed in it shows the way out."""

    request: Request
    cookies: deps.RequestCookies
    database: deps.DatabaseStore
    jar: deps.JarStore
    mail_queue: Annotated[MailQueue, deps.store("mail_queue")]
    responses: deps.ResponsesStore
    visitors: deps.VisitorsStore

    async def draw(self, *, fault: str = "", address: str = "", status: int = 200) -> Response:
        """Return the page, with what is wrong with an address that was sent."""
        signed_in = False
        if self.cookies.session is not None:
            user = await self.database.read(lambda: self.visitors.find(self.cookies))
            signed_in = user.signed_in
        response = await self.responses.page(
            self.request,
            "sign-in.html",
            title="Sign in",
            status=status,
            notice=notice(self.cookies.notice),
            member=signed_in,
            mail=self.mail_queue.is_open,
            fault=fault,
            address=address,
        )
        if self.cookies.notice:
            self.jar.drop(response, "notice")
        return response


Form = Annotated[SignInForm, deps.build(SignInForm)]


@router.api_route("/sign-in", methods=[*deps.READ])
async def form(form: Form) -> Response:
    """Show the form, or to whom has signed in the way out."""
    return await form.draw()


@router.post("/sign-in")
async def send_link(
    form: Form,
    fields: deps.Fields,
    networks: deps.RequestNetworks,
    *,
    address: Annotated[str, deps.store("address")],
    limits: deps.LimitsStore,
    tokens: deps.TokensStore,
) -> Response:
    """Have a link mailed; the answer is the same for every address."""
    if not form.mail_queue.is_open:
        return await form.draw(status=503)
    text = fields.get("address", "")
    try:
        mail_address = normalize_address(text)
    except AddressError as fault:
        return await form.draw(fault=line(fault.message), address=cut(line(text), 254), status=422)
    check_rate(limits, mail_network=networks, mail_address=mailbox(mail_address))
    if not form.mail_queue.put(lambda: _draft(mail_address, tokens, site=address)):
        raise TooOften(60)
    return see_other(form.request, "sign-in/sent")


@router.api_route("/sign-in/sent", methods=[*deps.READ])
async def sent(request: Request, responses: deps.ResponsesStore) -> Response:
    """Say that a mail is on its way."""
    return await responses.words(
        request,
        "Look into your mail",
        "A link to sign in is on its way. It works once, within an hour.",
        "Nothing there after some minutes? Look among the spam, then ask for a new one.",
        links=(AGAIN,),
    )


@router.api_route("/sign-in/{token}", methods=[*deps.READ])
async def link(
    request: Request,
    token: str,
    database: deps.DatabaseStore,
    responses: deps.ResponsesStore,
    tokens: deps.TokensStore,
) -> Response:
    """Show the button of a mailed link; signs nobody in."""
    try:
        owner = await database.read(lambda: tokens.read("sign-in", token))
    except TokenError as fault:
        return await _useless(request, responses, fault)
    return await responses.page(
        request, "sign-in-link.html", title="Sign in", address=mailed_links.masked(owner)
    )


@router.post("/sign-in/{token}")
async def enter(
    request: Request,
    token: str,
    cookies: deps.RequestCookies,
    networks: deps.RequestNetworks,
    *,
    database: deps.DatabaseStore,
    jar: deps.JarStore,
    limits: deps.LimitsStore,
    responses: deps.ResponsesStore,
    tallies: deps.TalliesStore,
    tokens: deps.TokensStore,
    visitors: deps.VisitorsStore,
) -> Response:
    """Spend a mailed link and sign in."""
    check_rate(limits, link_network=networks)

    def spend() -> str:
        return visitors.sign_in(tokens.spend("sign-in", token), cookies)

    try:
        session = await database.write(spend)
    except TokenError as fault:
        return await _useless(request, responses, fault)
    await tallies.refresh()
    response = see_other(request, "sign-in")
    jar.write(response, "session", session, seconds=SESSION_DAYS * 24 * 3600)
    jar.write(response, "notice", "signed-in", seconds=60)
    jar.drop(response, "voter")
    return response


@router.post("/sign-out")
async def leave(
    request: Request,
    cookies: deps.RequestCookies,
    database: deps.DatabaseStore,
    jar: deps.JarStore,
    visitors: deps.VisitorsStore,
) -> Response:
    """Sign out, here and wherever a copy of the session is."""
    await database.write(lambda: visitors.sign_out(cookies))
    response = see_other(request, page_urls.FRONT)
    jar.drop(response, "session")
    jar.write(response, "notice", "signed-out", seconds=60)
    return response


async def _useless(request: Request, responses: Responses, fault: TokenError) -> Response:
    return await responses.words(
        request,
        "This link does not sign in",
        mailed_links.WHY[fault.reason],
        status=mailed_links.STATUS[fault.reason],
        links=(AGAIN,),
    )


def _draft(address: str, tokens: Tokens, *, site: str) -> tuple[str, MailMessage]:
    path = mailed_links.issue(tokens, "sign-in", address)
    return address, sign_in(f"{site}/{path}", hours=mailed_links.HOURS["sign-in"])
