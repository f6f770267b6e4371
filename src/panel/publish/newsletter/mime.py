"""A mail: who writes to whom, its headers and its two parts. Knows neither server nor database.

Everything is 7-bit with lines of at most 76 characters, so that no server on the way rewrites it
and breaks its signature. A header cannot be broken in two: what is put in is one line, or refused.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError, MessageDefect
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, getaddresses
from typing import Any, Final

from panel.foundation.errors import SettingsError
from panel.report.citations import line

SETTING: Final = "PANEL_MAIL_FROM"
EXAMPLE: Final = f"{SETTING}='Panel <weekly@example.org>'"


@dataclass(frozen=True)
class MailMessage:
    """The content of a mail for any recipient: a subject, and the same text plain and as HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Listing:
    """What makes a mail one of a list that can be left with one click (RFC 2369, 2919, 8058)."""

    name: str
    """The list's name for people."""
    unsubscribe: str
    """Where a POST without cookies ends the subscription: https, or http on loopback."""


@dataclass(frozen=True)
class Sender:
    """Who the mail is from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part behind the @."""
        return self.address.rpartition("@")[2]

    @classmethod
    def parse(cls, text: str) -> "Sender":
        """Read `Panel <weekly@example.org>` or a bare address.

        Raises:
            SettingsError: it is not one address with a domain, in ASCII.
        """
        try:
            ((name, address),) = getaddresses([text] if text.isprintable() else [])
            if not address.isascii():
                raise ValueError("Message-ID and List-Id are made of it")
            known = recipient(address)
        except ValueError:
            hint = f"for instance {EXAMPLE}"
            raise SettingsError(f"{SETTING} is not one mail address", hint=hint) from None
        return cls(name=line(name) or "Panel", address=known.addr_spec)


def recipient(address: str) -> Address:
    """Return an address as one mail address, or raise `ValueError` without repeating it."""
    if not address.isprintable() or len(address) > 320:
        raise ValueError("not one mail address")
    # Letters beyond ASCII are right in an address (RFC 6531), the parser only knows the rest.
    plain = re.sub(r"[^\x00-\x7f]", "x", address)
    try:
        parsed = Address(addr_spec=plain)
    except (ValueError, IndexError, HeaderParseError, MessageDefect):
        raise ValueError("not one mail address") from None
    if not parsed.domain or not parsed.username or parsed.addr_spec != plain or '"' in address:
        raise ValueError("not one mail address")
    user, _, domain = address.rpartition("@")
    return Address(username=user, domain=domain)


def message(
    content: MailMessage,
    *,
    sender: Sender,
    to: str,
    now: datetime,
    listing: Listing | None = None,
    ident: str | None = None,
) -> EmailMessage:
    """Return the mail with this content to one address.

    Args:
        content: its subject and text.
        sender: who it is from.
        to: one address.
        now: its date, with a time zone.
        listing: the list it belongs to; None for a mail that its reader requested.
        ident: the part of its Message-ID before the @; a new one if None. The same mail sent again
            should carry the same, so that mailboxes can drop the second.

    Raises:
        ValueError: `to` is not one address, or the unsubscribe address is not one link.
    """
    address = recipient(to)
    mail = EmailMessage(policy=_POLICY.clone(utf8=not address.addr_spec.isascii()))
    mail["From"] = Address(sender.name, addr_spec=sender.address)
    mail["To"] = address
    mail["Subject"] = line(content.subject)[:200]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{ident or secrets.token_hex(16)}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in _list_headers(listing, sender).items():
        mail[name] = value
    mail.set_content(content.text, cte="quoted-printable")
    mail.add_alternative(content.html, subtype="html", cte="quoted-printable")
    return mail


def people(mail: EmailMessage) -> tuple[str, str]:
    """Return the addresses of sender and recipient, which are one each."""
    (sender,) = mail["From"].addresses
    (to,) = mail["To"].addresses
    return sender.addr_spec, to.addr_spec


def as_bytes(mail: EmailMessage) -> bytes:
    """Return the mail as it goes over the wire: CRLF line ends, the last line ended."""
    return mail.as_bytes()


def _list_headers(listing: Listing | None, sender: Sender) -> Mapping[str, str]:
    if listing is None:
        return {}
    url = listing.unsubscribe
    if not url.isascii() or not url.isprintable() or set(" <>,") & set(url) or len(url) > 900:
        raise ValueError("the unsubscribe address is not one link")
    return {
        "List-Id": f"{_phrase(listing.name)} <weekly.{sender.domain}>",
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _phrase(name: str) -> str:
    plain = "".join(c for c in line(name) if c.isascii() and (c.isalnum() or c in " -"))
    return plain[:60].strip() or "Panel"


class _Unbroken(UnstructuredHeader):
    """A header that must stay on one line: a link folded in two is no link."""

    def fold(self, *, policy: "EmailPolicy[Any]") -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


def _policy() -> "EmailPolicy[EmailMessage]":
    registry: Any = HeaderRegistry()
    for name in ("list-unsubscribe", "message-id"):
        registry.map_to_type(name, _Unbroken)
    return EmailPolicy(linesep="\r\n", cte_type="7bit", header_factory=registry)


_POLICY: Final = _policy()
