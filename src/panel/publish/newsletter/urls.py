"""Where the pages are that an edition links to: addresses below a base URL. Pure."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from panel.foundation.errors import InputError
from panel.foundation.urls import https
from panel.publish import page_urls


@dataclass(frozen=True)
class PageURLs:
    """The public address of the pages, without a slash at its end."""

    base: str

    @classmethod
    def parse(cls, url: str) -> "PageURLs":
        """Read `--base-url`.

        Raises:
            InputError: it is neither https nor http on this machine, or more than an address.
        """
        base = url.strip().rstrip("/")
        try:
            found = urlsplit(base)
            local = found.scheme == "http" and found.hostname in ("localhost", "127.0.0.1", "::1")
        except ValueError:
            local = False
        usable = https(f"https{base[4:]}" if local else base)
        if not usable or "?" in base or "#" in base:
            raise InputError(
                "the base URL must be https (http only on this machine), without ? and #",
                hint="for instance --base-url https://panel.example.org",
            )
        return cls(base)

    @property
    def host(self) -> str:
        """The host's name, for people."""
        return urlsplit(self.base).hostname or ""

    @property
    def method(self) -> str:
        """The page that says how verdicts are made."""
        return f"{self.base}/method.html"

    def tool(self, key: str) -> str:
        """Return a tool's page."""
        return f"{self.base}/{quote(page_urls.tool(key))}"

    def pair(self, one: str, two: str) -> str:
        """Return the page that compares two tools."""
        return f"{self.base}/{quote(page_urls.pair(one, two))}"

    def unsubscribe(self, token: str) -> str:
        """Return where a click, or a POST without cookies, ends a subscription."""
        return f"{self.base}/unsubscribe/{quote(token, safe='')}"
