"""Forms as our pages send them: a few short fields, read strictly.

Not FastAPI's `Form`: it also takes multipart bodies with files, reads bytes that are no UTF-8 as
other letters, keeps the last of two fields of one name, and allows a thousand of them.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

FIELDS = 10


class BadForm(Exception):
    """The body is no form of this site; `status` is that of the response."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


async def read_form(request: Request) -> Mapping[str, str]:
    """Return a form's fields. Raises `BadForm`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise BadForm("A form of this site sends its fields in another way.", status=415)
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except (ValueError, ClientDisconnect):
        raise BadForm("The form's fields cannot be read.") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadForm("A field was sent twice.")
    return dict(pairs)
