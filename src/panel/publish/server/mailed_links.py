"""Mailed links: what they are good for, for how long, and the addresses they lead to."""

from typing import Final, Literal
from urllib.parse import quote

from panel.publish.community.tokens import Tokens

Purpose = Literal["sign-in", "confirm", "unsubscribe"]
Reason = Literal["forged", "expired", "spent"]

HOURS: Final = {"sign-in": 1, "confirm": 24}

WHY: Final[dict[Reason, str]] = {
    "forged": "This link is not one that was mailed, or not all of it was copied.",
    "expired": "This link has expired.",
    "spent": "This link was used already.",
}
STATUS: Final[dict[Reason, int]] = {"forged": 404, "expired": 410, "spent": 410}


def issue(tokens: Tokens, purpose: Literal["sign-in", "confirm"], subject: str) -> str:
    """Return the path of a new link."""
    return f"{purpose}/{quote(tokens.issue(purpose, subject, hours=HOURS[purpose]), safe='')}"


def masked(address: str) -> str:
    """Return an address so that its owner knows it and nobody else learns it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
