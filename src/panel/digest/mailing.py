"""The two settings that sending mail needs, read once at the edge, and the mails sent with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from panel.digest import message, server
from panel.digest.message import Letter, Sender
from panel.digest.post import Post
from panel.errors import SettingsError


@dataclass(frozen=True)
class Mailing:
    """Where mail goes out, and who it is from."""

    post: Post
    sender: Sender

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Mailing":
        """Read PANEL_SMTP_URL and PANEL_MAIL_FROM.

        Raises:
            SettingsError: one is not set, or is none; the message repeats neither.
        """
        url, sender = (environ.get(name, "").strip() for name in (server.SETTING, message.SETTING))
        if not url:
            raise SettingsError(f"{server.SETTING} is not set", hint=f"export {server.EXAMPLE}")
        if not sender:
            raise SettingsError(f"{message.SETTING} is not set", hint=f"export {message.EXAMPLE}")
        return cls(Post.parse(url), Sender.parse(sender))

    def send(self, letter: Letter, *, to: str, now: datetime) -> None:
        """Send a letter that its reader asked for, over a connection of its own.

        Raises:
            ValueError: `to` is not one mail address.
            MailError: the server did not take it, or may not have; see `Line.send`.
        """
        self.post.send(message.message(letter, sender=self.sender, to=to, now=now))
