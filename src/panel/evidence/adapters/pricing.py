"""Pricing pages: an address, or the link of a page to its own site, that says pricing or plans."""

import re
from collections.abc import Sequence

from panel.evidence.adapters.adapter import Adapter, Address, FetchSpec, Link

_PART = re.compile(r"pricing|prices|plans|plans-(?:and|&)-pricing|pricing-plans", re.IGNORECASE)
_TEXT = re.compile(
    r"(?:(?:see|view|our|compare) )*(?:pricing|prices|plans)"
    r"(?: ?(?:and|&|,|/) ?(?:pricing|plans))?",
    re.IGNORECASE,
)


class Pricing(Adapter):
    """…/pricing, …/plans."""

    rank = 40

    def matches(self, at: Address) -> bool:
        """Tell by the path's last segment."""
        last = at.parts[-1].partition(".")[0] if at.parts else ""
        return bool(_PART.fullmatch(last))

    def requests(self, at: Address) -> tuple[FetchSpec, ...]:
        """Return the page itself."""
        return (FetchSpec("pricing page", (at.url,), "pricing", linked=True),)

    def follow(self, links: Sequence[Link], page: Address) -> str | None:
        """Return the first link to the same site whose path or text says pricing."""
        for link in links:
            at = Address.of(link.url)
            is_pricing = self.matches(at) or _TEXT.fullmatch(link.text.strip())
            if is_pricing and at.host and at.same_site(page):
                return link.url
        return None


ADAPTER = Pricing()
