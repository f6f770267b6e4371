"""The settings of a server: one frozen value, read once at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from panel.engine.options import Options
from panel.foundation.errors import SettingsError
from panel.foundation.urls import web_address
from panel.publish.community.rate_limits import Rate
from panel.publish.newsletter.settings import MailSettings
from panel.publish.server.mail_queue import PAUSES
from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.same_origin import SameOrigin

RATES: Final[Mapping[str, Rate]] = {
    "vote_identity": Rate(burst=100, per_minute=30),
    "vote_network": Rate(burst=300, per_minute=120),
    "new_voter_network": Rate(burst=60, per_minute=10),
    "mail_address": Rate(burst=3, per_minute=0.2),
    "mail_network": Rate(burst=10, per_minute=2),
    "request_identity": Rate(burst=5, per_minute=0.5),
    "request_network": Rate(burst=10, per_minute=1),
    "link_network": Rate(burst=60, per_minute=30),
    "api_network": Rate(burst=120, per_minute=60),
}
"""How often what may be done; each by who does it and from which network."""

KEY_LENGTH: Final = 16


@dataclass(frozen=True)
class ServerConfig:
    """What a server is started with."""

    review: Options
    """How requests are reviewed, and where the runs are."""
    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str | None = None
    """Where visitors find the site; None: at `host` and `port`."""
    allow_hosts: tuple[str, ...] = ()
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    mailing: MailSettings | None = None
    key: SecretStr | None = None
    """Allows writing through the API; None: nobody may."""
    takes_requests: bool = True
    rates: Mapping[str, Rate] = field(default_factory=lambda: RATES)
    refresh_seconds: float = 3.0
    """Between two looks at the runs folder."""
    mail_pauses: tuple[float, ...] = PAUSES
    """Seconds before each further try to send a mail."""

    @property
    def address(self) -> str:
        """The site's address in mails, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether visitors read the site over https."""
        return self.address.startswith("https://")

    @property
    def same_origin(self) -> SameOrigin:
        """Which hosts and origins are ours."""
        return SameOrigin.of(host=self.host, base_url=self.base_url, allowed=self.allow_hosts)


def base_url(text: str | None) -> str | None:
    """Return the site's address as given, checked.

    Raises:
        SettingsError: it is no http(s) address, or holds more than scheme, host, port and path.
    """
    if not text:
        return None
    parts = web_address(text)
    if parts is None or parts.query or parts.fragment or "@" in parts.netloc or not text.isascii():
        raise SettingsError(
            "--base-url must be the address of the site",
            hint="--base-url https://panel.example.org",
        )
    return text.rstrip("/")


def api_key(text: str | None) -> SecretStr | None:
    """Return the key of the API. Raises `SettingsError` for one that could be guessed."""
    if not text:
        return None
    if len(text) < KEY_LENGTH or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(
            f"PANEL_API_KEY needs at least {KEY_LENGTH} letters and digits",
            hint="export PANEL_API_KEY=$(openssl rand -hex 24)",
        )
    return SecretStr(text)
