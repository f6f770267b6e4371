"""The weekly mail: subscribed to in two steps, left in one. Both by POST only.

Leaving works without cookies and from any page (RFC 8058): the link's token is the right to it.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from panel.foundation.errors import AddressError, TokenError
from panel.publish import page_urls
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.community.subscribers import UNCONFIRMED, State, Subscribers
from panel.publish.community.tokens import Tokens
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.transactional import confirmation
from panel.publish.server import deps, mailed_links
from panel.publish.server.forms import BadForm
from panel.publish.server.mail_queue import MailQueue
from panel.publish.server.responses import FRONT, TooOften, check_rate, see_other, sentence

SubscribersStore = Annotated[Subscribers, deps.store("subscribers")]

router = APIRouter(include_in_schema=False)

_ADDRESS_KEPT: Final = ("asked", "confirmed")
"""States in which an address is kept."""


@dataclass(frozen=True)
class MailedLink:
    """The mailed link of one request: its button, and why it cannot be used."""

    request: Request
    token: str
    database: deps.DatabaseStore
    responses: deps.ResponsesStore
    subscribers: SubscribersStore
    tokens: deps.TokensStore

    async def button(
        self, purpose: mailed_links.Purpose, *, title: str, text: str, button: str
    ) -> Response:
        """Show the button that spends the link."""
        try:
            await self.database.read(lambda: self.tokens.read(purpose, self.token))
        except TokenError as fault:
            return await self.refuse(purpose, fault, await self.state(purpose, fault))
        return await self.responses.page(
            self.request, "button.html", title=title, heading=title, text=text, button=button
        )

    async def state(self, purpose: mailed_links.Purpose, fault: TokenError) -> State | None:
        """Return how the address of a used link is subscribed now; None for any other link."""
        if fault.subject is None:
            return None
        subscriber = int(fault.subject) if purpose == "unsubscribe" else fault.subject
        return await self.database.read(lambda: self.subscribers.state(subscriber))

    async def refuse(
        self, purpose: mailed_links.Purpose, fault: TokenError, state: State | None
    ) -> Response:
        """Return the page that says why the link cannot be used, and how things stand."""
        heading, more = _standing(purpose, fault, state)
        reason = mailed_links.WHY[fault.reason]
        return await self.words(heading, reason, *more, status=mailed_links.STATUS[fault.reason])

    async def words(self, heading: str, *paragraphs: str, status: int = 200) -> Response:
        """Say something, and lead to the front page."""
        return await self.responses.words(self.request, heading, *paragraphs, status=status)


Link = Annotated[MailedLink, deps.build(MailedLink)]


@router.post("/subscribe")
async def subscribe(
    request: Request,
    fields: deps.Fields,
    networks: deps.RequestNetworks,
    *,
    address: Annotated[str, deps.store("address")],
    limits: deps.LimitsStore,
    mail_queue: Annotated[MailQueue, deps.store("mail_queue")],
    subscribers: SubscribersStore,
    tokens: deps.TokensStore,
) -> Response:
    """Have a confirmation mailed; the answer is the same for every address."""
    if not mail_queue.is_open:
        raise BadForm("No mail can be sent from this site yet.", status=503)
    try:
        mail_address = normalize_address(fields.get("address", ""))
    except AddressError as fault:
        raise BadForm(sentence(fault.message), status=422) from None
    check_rate(limits, mail_network=networks, mail_address=mailbox(mail_address))

    def draft() -> tuple[str, MailMessage] | None:
        return _draft(mail_address, subscribers, tokens, site=address)

    if not mail_queue.put(draft, lost=subscribers.not_mailed):
        raise TooOften(60)
    return see_other(request, "subscribe/sent")


@router.api_route("/subscribe/sent", methods=[*deps.READ])
async def sent(request: Request, responses: deps.ResponsesStore) -> Response:
    """Say that a mail is on its way, if one is due."""
    return await responses.words(
        request,
        "One more step",
        "If that address is not subscribed yet, a mail is on its way to it. "
        "Press the button behind its link within a day, and the weekly mail begins.",
        "An address that was asked for before gets no second mail within 24 hours.",
        links=(("Past editions", page_urls.EDITIONS), FRONT),
    )


@router.api_route("/confirm/{token}", methods=[*deps.READ])
async def confirm_link(link: Link) -> Response:
    """Show the button of a mailed link; confirms nothing."""
    return await link.button(
        "confirm",
        title="Confirm the weekly mail",
        text="New verdicts, changed verdicts, the closest comparison: one mail a week.",
        button="Yes, send me the weekly mail",
    )


@router.post("/confirm/{token}")
async def confirm(link: Link, networks: deps.RequestNetworks, limits: deps.LimitsStore) -> Response:
    """Spend a mailed link and confirm its address."""
    check_rate(limits, link_network=networks)

    def spend() -> bool:
        return link.subscribers.confirm(link.tokens.spend("confirm", link.token))

    try:
        confirmed = await link.database.write(spend)
    except TokenError as fault:
        return await link.refuse("confirm", fault, await link.state("confirm", fault))
    if not confirmed:
        return await link.words(
            "Not subscribed",
            "This address has left the weekly mail since the link was sent.",
            "Subscribe again at the foot of any page.",
            status=410,
        )
    return await link.words(
        "You are subscribed",
        "The next weekly mail comes to you. Every one of them has a link that ends it.",
    )


@router.api_route("/unsubscribe/{token}", methods=[*deps.READ])
async def unsubscribe_link(link: Link) -> Response:
    """Show the button of a mailed link; ends nothing."""
    return await link.button(
        "unsubscribe",
        title="End the weekly mail",
        text="Your address is then removed, at once.",
        button="Unsubscribe",
    )


@router.post("/unsubscribe/{token}")
async def unsubscribe(link: Link) -> Response:
    """End a subscription: the page's button, and mail programs by themselves."""

    def leave() -> None:
        link.subscribers.leave(int(link.tokens.spend("unsubscribe", link.token)))

    try:
        await link.database.write(leave)
    except TokenError as fault:
        state = await link.state("unsubscribe", fault)
        if fault.reason != "spent" or state in _ADDRESS_KEPT:
            return await link.refuse("unsubscribe", fault, state)
    return await link.words(
        "You are unsubscribed",
        "No further weekly mail is sent to you. Your address is removed.",
    )


def _draft(
    address: str, subscribers: Subscribers, tokens: Tokens, *, site: str
) -> tuple[str, MailMessage] | None:
    if not subscribers.ask(address):
        return None
    path = mailed_links.issue(tokens, "confirm", address)
    return address, confirmation(f"{site}/{path}", hours=mailed_links.HOURS["confirm"])


def _standing(
    purpose: mailed_links.Purpose, fault: TokenError, state: State | None
) -> tuple[str, tuple[str, ...]]:
    """Return the heading of a useless link's page, and what is true of its address now."""
    if fault.reason != "spent":
        return "This link is no use", ()
    if state == "asked":
        return "You are not subscribed", (
            "Its address was asked for anew and waits to be confirmed by a newer link.",
            f"Without that nothing is sent, and it is forgotten within {UNCONFIRMED.days} days.",
        )
    if state != "confirmed":
        return "You are not subscribed", ("No weekly mail is sent to its address.",)
    if purpose == "confirm":
        done = "If you pressed its button before, what you asked for is done:"
        return "You are subscribed", (f"{done} the weekly mail comes to its address.",)
    return "You are subscribed again", (
        "Its address was subscribed anew after the link was used, so nothing was ended.",
        "Every weekly mail since then has a link of its own that ends it.",
    )
