"""Mail addresses: checked and brought to one form, without asking the network."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

from panel.foundation.errors import AddressError
from panel.foundation.text import printable

LONGEST: Final = 254
"""Characters an address may have in mail."""

_DOTS_MEAN_NOTHING: Final = frozenset({"gmail.com", "googlemail.com"})


def normalize_address(address: str) -> str:
    """Return the address as mail is sent to it: domain in small ASCII letters, no name.

    Raises `AddressError` for what is no address, holds a line end, or has letters outside ASCII
    before the @, which most mail servers do not take.
    """
    stripped = address.strip(" ")
    if len(stripped) > LONGEST:
        raise AddressError(f"a mail address has at most {LONGEST} characters")
    try:
        parsed = validate_email(
            stripped, check_deliverability=False, strict=True, allow_smtputf8=False,
            allow_quoted_local=False, allow_domain_literal=False,
        )  # fmt: skip
    except (EmailNotValidError, UnicodeError):
        shown = printable(stripped)[:80]
        raise AddressError(
            f"{shown!r} is no mail address" if shown else "no mail address was given",
            hint="name@example.org",
        ) from None
    return parsed.ascii_email or parsed.normalized


def mailbox(address: str) -> str:
    """Return what all spellings of one mailbox share, for telling people apart, not for mail.

    Case, and what follows a + before the @, choose no other mailbox; nor do dots at Gmail.
    """
    local, _, domain = normalize_address(address).casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTS_MEAN_NOTHING:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
