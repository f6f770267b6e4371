"""The two settings that sending mail needs, read once at the edge, and the mails sent with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from panel.foundation.errors import SettingsError
from panel.publish.newsletter import mime, smtp
from panel.publish.newsletter.mime import MailMessage, Sender
from panel.publish.newsletter.smtp import SMTPServer


@dataclass(frozen=True)
class MailSettings:
    """Where mail goes out, and who it is from."""

    server: SMTPServer
    sender: Sender

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "MailSettings":
        """Read PANEL_SMTP_URL and PANEL_MAIL_FROM.

        Raises:
            SettingsError: one is not set, or is none; the message repeats neither.
        """
        url, sender = (environ.get(name, "").strip() for name in (smtp.SETTING, mime.SETTING))
        if not url:
            raise SettingsError(f"{smtp.SETTING} is not set", hint=f"export {smtp.EXAMPLE}")
        if not sender:
            raise SettingsError(f"{mime.SETTING} is not set", hint=f"export {mime.EXAMPLE}")
        return cls(SMTPServer.parse(url), Sender.parse(sender))

    def send(self, mail: MailMessage, *, to: str, now: datetime) -> None:
        """Send a mail that its reader requested, over a connection of its own.

        Raises:
            ValueError: `to` is not one mail address.
            MailError: the server did not take it, or may not have; see `SMTPConnection.send`.
        """
        self.server.send(mime.message(mail, sender=self.sender, to=to, now=now))
