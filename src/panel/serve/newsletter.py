"""The weekly mail: subscribed to in two steps, left in one. Both by POST only.

Leaving works without cookies and from any page (RFC 8058): the link's token is the right to it.
"""

from starlette.requests import Request
from starlette.responses import Response

from panel.community.address import normal
from panel.digest.letters import confirmation
from panel.digest.message import Letter
from panel.errors import AddressError, TokenError
from panel.render.citations import line
from panel.serve import links
from panel.serve.answers import FRONT, Answers, see
from panel.serve.form import BadForm, read_form
from panel.serve.service import Service


class Newsletter:
    """Handlers of `/subscribe`, `/confirm` and `/unsubscribe`."""

    def __init__(self, service: Service, answers: Answers) -> None:
        """Remember who does the work."""
        self._service = service
        self._answers = answers

    async def subscribe(self, request: Request) -> Response:
        """Have a confirmation mailed; the answer is the same for every address."""
        if not self._service.outbox.is_open:
            raise BadForm("No mail can be sent from this site yet.", status=503)
        given = (await read_form(request)).get("address", "")
        try:
            address = normal(given)
        except AddressError as fault:
            raise BadForm(f"{line(fault.message)}.", status=422) from None
        network = self._service.network(request)
        if wait := self._service.limits.take(mail_network=network, mail_address=address.casefold()):
            return await self._answers.too_often(request, wait)
        lost = self._service.records.subscribers.not_mailed
        if not self._service.outbox.put(lambda: self._letter(address), lost=lost):
            return await self._answers.too_often(request, 60)
        return see(request, "subscribe/sent")

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
        if wait := self._service.limits.take(link_network=self._service.network(request)):
            return await self._answers.too_often(request, wait)

        def spend() -> bool | TokenError:
            found = links.spend(records.tokens, "confirm", token)
            return found if isinstance(found, TokenError) else records.subscribers.confirm(found)

        confirmed = await records.write(spend)
        if isinstance(confirmed, TokenError):
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

        def leave() -> TokenError | None:
            found = links.spend(records.tokens, "unsubscribe", token)
            if isinstance(found, TokenError):
                return found
            records.subscribers.leave(int(found))
            return None

        fault = await records.write(leave)
        if fault is not None and fault.reason != "spent":
            return await self._useless(request, fault)
        return await self._answers.words(
            request,
            "You are unsubscribed",
            "No further weekly mail is sent to you. Your address is removed.",
        )

    async def _button(
        self, request: Request, purpose: links.Purpose, *, title: str, text: str, button: str
    ) -> Response:
        token, records = request.path_params["token"], self._service.records
        found = await records.read(lambda: links.read(records.tokens, purpose, token))
        if isinstance(found, TokenError):
            return await self._useless(request, found)
        return await self._answers.page(
            request, "button.html", title=title, heading=title, text=text, button=button
        )

    async def _useless(self, request: Request, fault: TokenError) -> Response:
        used = "If you pressed its button before, what you asked for is done."
        return await self._answers.words(
            request,
            "This link is not needed any more"
            if fault.reason == "spent"
            else "This link is no use",
            links.WHY[fault.reason],
            *((used,) if fault.reason == "spent" else ()),
            status=links.STATUS[fault.reason],
            links=(FRONT,),
        )

    def _letter(self, address: str) -> tuple[str, Letter] | None:
        records = self._service.records
        if not records.subscribers.ask(address):
            return None
        path = links.issue(records.tokens, "confirm", address)
        return address, confirmation(
            f"{self._service.setup.address}/{path}", hours=links.HOURS["confirm"]
        )
