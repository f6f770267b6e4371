"""Any other page of the web: the tool's own page, or the home page its record names."""

from collections.abc import Sequence

from panel.evidence.adapters.adapter import Adapter, Address, FetchSpec, Link


class WebPage(Adapter):
    """Every http(s) address that no other adapter matches."""

    rank = 100

    def matches(self, at: Address) -> bool:
        """Tell that it has a host."""
        return bool(at.host)

    def requests(self, at: Address) -> tuple[FetchSpec, ...]:
        """Return the page itself."""
        return (FetchSpec("page", (at.url,), "page", linked=True),)

    def follow(self, links: Sequence[Link], page: Address) -> str | None:
        """Return the home page that a record names."""
        return next((link.url for link in links if link.rel == "homepage"), None)


ADAPTER = WebPage()
