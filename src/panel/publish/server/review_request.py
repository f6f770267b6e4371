"""A visitor's request for a review: checked, then queued.

A visitor may request a new review of a known tool, but not choose its evidence: that stays the
address it was reviewed from before.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, get_args
from urllib.parse import urlsplit

from panel.evidence.fetch.checked_url import check_url
from panel.evidence.tools.identity import contradict, name_key
from panel.foundation.errors import Blocked, ToolError
from panel.foundation.text import clean, one_line
from panel.publish.community.requests import DESCRIPTION, NAME, URL, Budget, Request, Requests
from panel.publish.server import deps
from panel.publish.server.database import DatabaseAccess
from panel.runs.history.archive import Archive
from panel.runs.history.entry import History

ENOUGH: Final = 40
"""Characters of a description that a review without an address needs."""

_HINT: Final = "for instance https://example.org"


Field = Literal["name", "url", "description"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)


class FieldError(ToolError):
    """A field of a review request cannot be used."""

    def __init__(self, field: Field, message: str) -> None:
        super().__init__(message)
        self.field: Field = field


@dataclass(frozen=True)
class ReviewRequest:
    """A tool to review: a name, and an address or a description or both."""

    name: str
    url: str | None
    description: str | None


def read_review_request(
    name: str, url: str, description: str, *, allow: frozenset[str] = frozenset()
) -> ReviewRequest:
    """Return the request that the form's fields describe.

    Args:
        name: The tool's name.
        url: Its address; may be empty.
        description: What it is; may be empty.
        allow: Hosts that may be named although they are none of the web, for tests.

    Raises:
        FieldError: the first field that cannot be used.
    """
    request = ReviewRequest(_one_line(name), _one_line(url) or None, _text(description) or None)
    if not request.name:
        raise FieldError("name", "The tool needs a name.")
    _check_length("name", "name", request.name, NAME)
    _check_length("url", "address", request.url, URL)
    _check_length("description", "description", request.description, DESCRIPTION)
    if request.url is not None:
        _check_address(request.url, allow)
    elif len(request.description or "") < ENOUGH:
        raise FieldError(
            "url",
            f"Give the tool's https address, or a description of at least {ENOUGH} characters.",
        )
    return request


def settled(request: ReviewRequest, known: History | None) -> ReviewRequest:
    """Return the request as it may be worked: a known tool keeps its address.

    Raises:
        FieldError: the tool is known from another address, or from files.
    """
    if known is None:
        # With an address the reviewers read that, not what a stranger says about it.
        return replace(request, description=None) if request.url else request
    url = known.latest.tool.url
    if url is None or not url.startswith("https://"):
        raise FieldError(
            "name",
            f"{request.name} is known here from material that cannot be read again from a page;"
            " only whoever runs this site can have it reviewed anew.",
        )
    if contradict(request.url, url):
        raise FieldError("url", f"{request.name} is known here under another address, {url}.")
    return ReviewRequest(known.latest.tool.name, url, None)


def same_name(first: str, second: str) -> bool:
    """Tell whether two names are one tool's."""
    return name_key(first) == name_key(second)


def known_in(archive: Archive, name: str) -> History | None:
    """Return the history of the tool of that name, None where there is none."""
    for history in archive.histories():
        if same_name(history.latest.tool.name, name):
            return history
    return None


@dataclass(frozen=True, kw_only=True)
class ReviewQueue:
    """The review requests of visitors and programs on their way to the worker."""

    archive: Archive
    budget: Budget
    database: DatabaseAccess
    hosts: frozenset[str]
    """Hosts that may be named although they are none of the web, for tests."""
    is_open: bool
    """Whether requests are taken at all."""
    on_new: Callable[[], None]
    """Called after a request was queued."""
    requests: Requests

    def check(self, name: str, url: str, description: str) -> ReviewRequest:
        """Return what may be queued. Raises `FieldError`."""
        request = read_review_request(name, url, description, allow=self.hosts)
        return settled(request, known_in(self.archive, request.name))

    async def add(self, request: ReviewRequest, requester: str | None = None) -> Request:
        """Queue a request; `requester` is None for a program.

        Raises `CommunityError`, `Unavailable`.
        """
        queued = await self.database.write(
            lambda: self.requests.add(
                request.name,
                request.url,
                request.description,
                requester=requester,
                budget=self.budget,
            )
        )
        self.on_new()
        return queued


QueueStore = Annotated[ReviewQueue, deps.store("review_queue")]


def _check_length(field: Field, label: str, text: str | None, most: int) -> None:
    if len(text or "") > most:
        raise FieldError(field, f"The {label} is longer than {most} characters.")


def _check_address(url: str, allow: frozenset[str]) -> None:
    if not url.startswith("https://"):
        raise FieldError("url", f"The address must begin with https://, {_HINT}.")
    if urlsplit(url).hostname in allow:
        return
    try:
        check_url(url, frozenset())
    except Blocked as fault:
        raise FieldError("url", f"This address cannot be read: {fault.message}.") from None


def _one_line(text: str) -> str:
    return one_line(clean(text)[0])


def _text(text: str) -> str:
    # A browser counts a line's end as one character, and sends two.
    return clean(text.replace("\r\n", "\n"))[0].strip()
