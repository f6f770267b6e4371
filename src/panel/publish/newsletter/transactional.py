"""The mails that a page sends: confirm a subscription, sign in. One link each.

Knows nothing of tokens: the link is given, whole. The link's page asks for one more click there,
because mail scanners open links.
"""

from urllib.parse import urlsplit

from panel.publish.newsletter import templates
from panel.publish.newsletter.mime import MailMessage


def confirmation(link: str, *, hours: int = 24) -> MailMessage:
    """Return the mail that asks its reader to confirm a subscription."""
    return _mail(
        subject="Confirm the weekly panel mail",
        opening="Someone, we hope you, asked for the weekly panel mail at this address: "
        "new verdicts, changed verdicts, one mail a week.",
        action="Confirm the subscription",
        link=link,
        until=f"The link works for {_span(hours)}.",
        otherwise="If this was not you, do nothing: without your confirmation no weekly mail "
        "comes to this address.",
    )


def sign_in(link: str, *, hours: int = 1) -> MailMessage:
    """Return the mail with which its reader signs in."""
    return _mail(
        subject="Your link to sign in to panel",
        opening="With this link you sign in, so that your votes count as verified.",
        action="Sign in",
        link=link,
        until=f"The link works once, within {_span(hours)}.",
        otherwise="If this was not you, do nothing: nobody is signed in without this link. "
        "Do not pass it on.",
    )


def _mail(
    *, subject: str, opening: str, action: str, link: str, until: str, otherwise: str
) -> MailMessage:
    values = {
        "title": subject,
        "preview": opening,
        "opening": opening,
        "action": action,
        "link": link,
        "until": until,
        "otherwise": otherwise,
        "reason": f"This mail was sent because of a form on {urlsplit(link).hostname or ''}.",
    }
    return MailMessage(
        subject=subject,
        text=templates.render("transactional.txt", **values),
        html=templates.render("transactional.html", **values),
    )


def _span(hours: int) -> str:
    return "an hour" if hours == 1 else f"{hours} hours"
