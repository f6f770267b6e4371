"""The mail server that PANEL_SMTP_URL names. Read once at the edge; nothing is connected here."""

import ipaddress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from panel.foundation.errors import SettingsError

SETTING: Final = "PANEL_SMTP_URL"
EXAMPLE: Final = f"{SETTING}=smtp://USER:PASSWORD@mail.example.org:587"

_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class SMTPSettings:
    """A mail server; `str()` of it and every error name host and port, never user or password."""

    host: str
    port: int
    tls: bool = False
    """TLS from the first byte (smtps); else STARTTLS where it is needed or offered."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    timeout: float = 20.0
    """Seconds for one answer of the server."""
    deadline: float = 60.0
    """Seconds for one mail in all, connecting included."""

    @classmethod
    def parse(cls, url: str) -> "SMTPSettings":
        """Read `smtp://user:password@host:587` or `smtps://…`.

        Raises:
            SettingsError: it is no such address; the message never repeats it.
        """
        try:
            found = urlsplit(url.strip())
            port = found.port
        except ValueError:
            raise _unusable("has no usable host or port") from None
        if found.scheme not in _PORTS or not found.hostname or port == 0:
            raise _unusable("must start with smtp:// or smtps:// and name a host")
        if found.path not in ("", "/") or found.query or found.fragment:
            raise _unusable("has more behind the port; write / ? # in a password as %2F %3F %23")
        user, password = _credentials(found)
        port = port or _PORTS[found.scheme]
        return cls(found.hostname, port, tls=found.scheme == "smtps", user=user, password=password)

    @property
    def loopback(self) -> bool:
        """Whether the server is this machine, so that nothing crosses a network."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _credentials(found: SplitResult) -> tuple[str | None, str | None]:
    if found.username is None and found.password is None:
        return None, None
    if not found.username or not found.password:
        raise _unusable("needs both a user name and a password, or neither")
    user, password = unquote(found.username), unquote(found.password)
    if not (user + password).isascii() or not (user + password).isprintable():
        raise _unusable("has a user name or password beyond ASCII, which SMTP cannot carry")
    return user, password


def _unusable(what: str) -> SettingsError:
    return SettingsError(f"{SETTING} {what}", hint=f"for instance {EXAMPLE}")
