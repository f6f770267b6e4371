"""Notices that a page shows once after the visitor's last action, by a code in a cookie. Pure.

A code and not the text: a forged cookie cannot put words on a page.
"""

from typing import Final

NOTICES: Final = {
    "voted-ship": "Your vote to ship is counted.",
    "voted-skip": "Your vote to skip is counted.",
    "withdrawn": "Your vote is withdrawn.",
    "no-vote": "There was no vote of yours to withdraw.",
    "signed-in": "You are signed in. Your votes count as verified.",
    "signed-out": "You are signed out. New votes count as anonymous.",
}

NO_COUNTS: Final = (
    "Votes cannot be shown or counted right now: the database does not answer. "
    "Everything else on this page is complete."
)


def notice(code: str | None) -> str | None:
    """Return the sentence of a code, None without a known one."""
    return NOTICES.get(code or "")
