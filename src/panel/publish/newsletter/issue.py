"""An issue: one week's edition as it is mailed, kept from the first mail on.

Everybody gets the same, also when sending goes on days later, with another version of panel, or
after runs were added. Only the link to unsubscribe is each reader's own.
"""

import secrets
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.foundation.errors import DatabaseError
from panel.publish.newsletter import render
from panel.publish.newsletter.edition import Edition
from panel.publish.newsletter.mime import MailMessage
from panel.publish.page_urls import PageURLs


class Issue(BaseModel):
    """A mail as stored; `mark` is the placeholder of each reader's unsubscribe token."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.issue/1"] = Field(default="panel.issue/1", alias="schema")
    week: str
    base_url: str
    mark: str
    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, edition: Edition, places: PageURLs) -> "Issue":
        """Write an edition for mailing."""
        # Random, so that text of a reviewed page cannot contain the placeholder.
        mark = f"token-{secrets.token_hex(16)}"
        mail = render.mail(edition, places=places, unsubscribe=places.unsubscribe(mark))
        return cls(
            week=str(edition.week),
            base_url=places.base,
            mark=mark,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
        )

    @classmethod
    def read(cls, body: str, week: str) -> "Issue":
        """Read what `write` wrote. Raises `DatabaseError` where it is something else."""
        try:
            return cls.model_validate_json(body)
        except ValidationError:
            raise DatabaseError(
                f"the kept mail of {week} cannot be read: another version of panel wrote it",
                hint="send the rest with that version",
            ) from None

    def write(self) -> str:
        """Return the issue as text to keep."""
        return self.model_dump_json(by_alias=True)

    def mail(self, link: str) -> MailMessage:
        """Return the mail to one reader, who unsubscribes at `link`."""
        place = PageURLs(self.base_url).unsubscribe(self.mark)
        return MailMessage(
            subject=self.subject,
            text=self.text.replace(place, link),
            html=self.html.replace(place, link),
        )
