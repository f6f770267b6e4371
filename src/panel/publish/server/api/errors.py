"""Errors of the API: one shape, a code and a sentence."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from panel.foundation.errors import Unkeepable
from panel.foundation.text import printable
from panel.publish.community.errors import keepable
from panel.publish.server.api.schemas import Problem
from panel.publish.server.database import Unavailable
from panel.publish.server.responses import TooOften, retry_after, sentence
from panel.publish.server.thread_pool import PoolBusy

PREFIX: Final = "/api"

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,4000}")
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
_SENTENCES: Final = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


class RequestRefused(Exception):
    """The API refuses a request."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(error=error, message=message)
        self.headers = dict(headers or {})


def problem(fault: Exception) -> Response:
    """Return the answer to a fault of the API; raises what is none of the known ones."""
    refused = _refused(fault)
    if refused is None:
        raise fault
    headers = {"cache-control": "no-store", **refused.headers}
    return JSONResponse(refused.problem.model_dump(), refused.status, headers)


def _refused(fault: Exception) -> RequestRefused | None:
    match fault:
        case RequestRefused():
            return fault
        case TooOften():
            headers = retry_after(fault.wait)
            return RequestRefused(429, "too_often", "Too often.", headers=headers)
        case RequestValidationError():
            return RequestRefused(_status(fault), "invalid", _first(fault))
        case Unkeepable():
            return RequestRefused(400, "invalid", sentence(fault.message))
        case Unavailable():
            message = "The database does not answer right now."
            return RequestRefused(503, "unavailable", message, headers={"retry-after": "5"})
        case PoolBusy():
            message = "The server has too much to do."
            return RequestRefused(503, "busy", message, headers={"retry-after": "2"})
        case HTTPException():
            status = fault.status_code
            words = _SENTENCES.get(status, "That cannot be done.")
            return RequestRefused(
                status, _CODES.get(status, "refused"), words, headers=fault.headers
            )
    return None


def _status(fault: RequestValidationError) -> int:
    """Return 400 for what could be no value of anything, 422 for what does not fit here."""
    return 400 if any(_is_unkeepable(error.get("input")) for error in fault.errors()) else 422


def _is_unkeepable(value: object) -> bool:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    return isinstance(value, str | int) and not keepable(value)


def _first(fault: RequestValidationError) -> str:
    """Name the first field that is wrong and how; never what was sent in it."""
    first: Any = fault.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return f"{printable(place)[:80]}: {first['msg']}"


def is_api(request: Request) -> bool:
    """Tell whether a request is one of a program."""
    path = request.url.path
    return path.startswith(f"{PREFIX}/")
