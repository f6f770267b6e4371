"""The weekly mail: subscribed to in two steps, left in one. Both by POST only.

Leaving works without cookies and from any page (RFC 8058): the link's token is the right to it.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from panel.foundation.errors import AddressError, TokenError
from panel.publish.community.email_address import mailbox, normalize_address
from panel.publish.community.subscribers import UNCONFIRMED, State
from panel.publish.newsletter.mime import MailMessage
from panel.publish.newsletter.transactional import confirmation
from panel.publish.server import mailed_links
from panel.publish.server.forms import BadForm, read_form
from panel.publish.server.responses import FRONT, Responses, see_other, sentence
from panel.publish.server.state import ServerState


class SubscriptionPages:
    """Handlers of `/subscribe`, `/confirm` and `/unsubscribe`."""

    def __init__(self, service: ServerState, answers: Responses) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers

    async def subscribe(self, request: Request) -> Response:
        """Have a confirmation mailed; the answer is the same for every address."""
        if not self._service.outbox.is_open:
            raise BadForm("No mail can be sent from this site yet.", status=503)
        given = (await read_form(request)).get("address", "")
        try:
            address = normalize_address(given)
        except AddressError as fault:
            raise BadForm(sentence(fault.message), status=422) from None
        networks = self._service.networks(request)
        if wait := self._service.limits.take(mail_network=networks, mail_address=mailbox(address)):
            return await self._answers.too_often(request, wait)
        lost = self._service.records.subscribers.not_mailed
        if not self._service.outbox.put(lambda: self._letter(address), lost=lost):
            return await self._answers.too_often(request, 60)
        return see_other(request, "subscribe/sent")

    async def sent(self, request: Request) -> Response:
        """Say that a mail is on its way, if one is due."""
        return await self._answers.words(
            request,
            "One more step",
            "If that address is not subscribed yet, a mail is on its way to it. "
            "Press the button behind its link within a day, and the weekly mail begins.",
            "An address that was asked for before gets no second mail within 24 hours.",
        )

    async def confirm_link(self, request: Request) -> Response:
        """Show the button of a mailed link; confirms nothing."""
        return await self._button(
            request,
            "confirm",
            title="Confirm the weekly mail",
            text="New verdicts, changed verdicts, the closest comparison: one mail a week.",
            button="Yes, send me the weekly mail",
        )

    async def confirm(self, request: Request) -> Response:
        """Spend a mailed link and confirm its address."""
        token, records = request.path_params["token"], self._service.records
        if wait := self._service.limits.take(link_network=self._service.networks(request)):
            return await self._answers.too_often(request, wait)

        def spend() -> "bool | _Useless":
            found = mailed_links.spend(records.tokens, "confirm", token)
            if isinstance(found, TokenError):
                return self._judged("confirm", found)
            return records.subscribers.confirm(found)

        confirmed = await records.write(spend)
        if isinstance(confirmed, _Useless):
            return await self._useless(request, confirmed)
        if not confirmed:
            return await self._answers.words(
                request,
                "Not subscribed",
                "This address has left the weekly mail since the link was sent.",
                "Subscribe again at the foot of any page.",
                status=410,
            )
        return await self._answers.words(
            request,
            "You are subscribed",
            "The next weekly mail comes to you. Every one of them has a link that ends it.",
        )

    async def unsubscribe_link(self, request: Request) -> Response:
        """Show the button of a mailed link; ends nothing."""
        return await self._button(
            request,
            "unsubscribe",
            title="End the weekly mail",
            text="Your address is then removed, at once.",
            button="Unsubscribe",
        )

    async def unsubscribe(self, request: Request) -> Response:
        """End a subscription: the page's button, and mail programs by themselves."""
        token, records = request.path_params["token"], self._service.records

        def leave() -> "_Useless | None":
            found = mailed_links.spend(records.tokens, "unsubscribe", token)
            if isinstance(found, TokenError):
                return self._judged("unsubscribe", found)
            records.subscribers.leave(int(found))
            return None

        useless = await records.write(leave)
        if useless is not None and (useless.reason != "spent" or useless.state in _KEPT):
            return await self._useless(request, useless)
        return await self._answers.words(
            request,
            "You are unsubscribed",
            "No further weekly mail is sent to you. Your address is removed.",
        )

    async def _button(
        self, request: Request, purpose: mailed_links.Purpose, *, title: str, text: str, button: str
    ) -> Response:
        token, records = request.path_params["token"], self._service.records

        def read() -> "_Useless | None":
            found = mailed_links.read(records.tokens, purpose, token)
            return self._judged(purpose, found) if isinstance(found, TokenError) else None

        if useless := await records.read(read):
            return await self._useless(request, useless)
        return await self._answers.page(
            request, "button.html", title=title, heading=title, text=text, button=button
        )

    def _judged(self, purpose: mailed_links.Purpose, fault: TokenError) -> "_Useless":
        """Look up how the address of a used link stands now; from a thread."""
        state = None
        if fault.subject is not None:
            number = purpose == "unsubscribe"
            state = self._service.records.subscribers.state(
                int(fault.subject) if number else fault.subject
            )
        return _Useless(purpose, fault.reason, state)

    async def _useless(self, request: Request, useless: "_Useless") -> Response:
        heading, more = useless.told
        return await self._answers.words(
            request,
            heading,
            mailed_links.WHY[useless.reason],
            *more,
            status=mailed_links.STATUS[useless.reason],
            links=(FRONT,),
        )

    def _letter(self, address: str) -> tuple[str, MailMessage] | None:
        records = self._service.records
        if not records.subscribers.ask(address):
            return None
        path = mailed_links.issue(records.tokens, "confirm", address)
        return address, confirmation(
            f"{self._service.setup.address}/{path}", hours=mailed_links.HOURS["confirm"]
        )


_KEPT: Final = ("asked", "confirmed")
"""States in which an address is kept."""


@dataclass(frozen=True)
class _Useless:
    """A link that cannot be used, and what is true of its address now."""

    purpose: mailed_links.Purpose
    reason: mailed_links.Reason
    state: State | None
    """Known of a used link only."""

    @property
    def told(self) -> tuple[str, tuple[str, ...]]:
        """The heading of its page, and what follows."""
        if self.reason != "spent":
            return "This link is no use", ()
        if self.state == "asked":
            days = UNCONFIRMED.days
            waits = "Its address was asked for anew and waits to be confirmed by a newer link."
            return "You are not subscribed", (
                waits, f"Without that nothing is sent, and it is forgotten within {days} days."
            )  # fmt: skip
        if self.state != "confirmed":
            return "You are not subscribed", ("No weekly mail is sent to its address.",)
        if self.purpose == "confirm":
            done = "If you pressed its button before, what you asked for is done:"
            return "You are subscribed", (f"{done} the weekly mail comes to its address.",)
        return "You are subscribed again", (
            "Its address was subscribed anew after the link was used, so nothing was ended.",
            "Every weekly mail since then has a link of its own that ends it.",
        )
