"""Errors as servers write them: where one stands in a body, and its words, codes and names.

Reads objects, lists, JSON inside of strings and pages. Only fields that are known to hold words of
the server's own are read: what it repeats of the request must not decide what its error means.
"""

import ast
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

_MESSAGES: Final = (
    "message", "msg", "status_msg", "detail", "error_msg", "errorMessage", "error_message",
    "description", "reason", "errors",
)  # fmt: skip
_ASIDE: Final = frozenset(("choices", "error", "id", "model", "created", "usage", "timings"))
"""What stands beside an error and says nothing of it."""

_BROKEN_OFF: Final = frozenset(
    ("error", "network_error", "upstream_error", "insufficient_system_resource", "abort", "aborted",
     "engine_error", "timeout")
)  # fmt: skip
"""Why a model stopped, where it was not the model that stopped."""


_PASSING: Final = re.compile(
    r"restart|time[d -]?\s?out|try(?:ing)? (?:again|later)|retry|temporar|busy|overload|network"
    r"|upstream|unavailable|at capacity|connection|loading|warming up|maintenance|engine (?:is|was)"
    r"|internal (?:server )?error",
    re.IGNORECASE,
)


def error_in(body: dict[str, Any], *, partial: bool = False) -> Any:
    """Return the error that a body holds, the server's words under `message`; None without one.

    Known shapes: `error`; `choices[0].error`; `{object: error}`; `base_resp` with a code that is
    not 0; `success: false`; and words without choices, in one event of a stream (`partial`) only
    with a code.
    """
    choices = body.get("choices")
    error = body.get("error")
    if isinstance(error, dict) and choices and not any(error.values()):
        error = None  # a form that was not filled in
    if error:
        return _named(body, error) if isinstance(error, str | bool | int) else error
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict) and choice.get("error"):
        return choice["error"]
    status = body.get("base_resp")
    if isinstance(status, dict) and status.get("status_code") not in (None, 0, "0", ""):
        return _named(status)
    labelled = body.get("object") == "error" or body.get("type") == "error"
    worded = not choices and words_of(body) and (not partial or _code(body) is not None)
    if labelled or body.get("success") is False or worded:
        return _named(body)
    return None


def is_passing(error: Any) -> bool:
    """Tell whether an error's own words say that trying again may help."""
    return _PASSING.search(words_of(error)) is not None


def broke_off(choice: dict[str, Any]) -> str:
    """Return the reason by which a server says that it, not the model, ended the answer; or ""."""
    for key in ("finish_reason", "native_finish_reason"):
        reason = choice.get(key)
        if isinstance(reason, str) and reason.lower() in _BROKEN_OFF:
            return reason
    return ""


def words_of(error: Any, *, depth: int = 4) -> str:
    """Return what an error says in words; "" where there are none."""
    if isinstance(error, str):
        return error.strip()
    if depth and isinstance(error, list):
        return next((words for item in error if (words := words_of(item, depth=depth - 1))), "")
    if depth and isinstance(error, dict):
        candidates = (words_of(error.get(key), depth=depth - 1) for key in _MESSAGES)
        return next((words for words in candidates if words), "")
    return ""


def _named(body: dict[str, Any], error: object = "") -> dict[str, Any]:
    """Return the error with its words and its code under the names that are read."""
    fields = {key: value for key, value in body.items() if key not in _ASIDE}
    if (code := _code(fields)) is not None:
        fields["code"] = code
    words = [str(error) if isinstance(error, str) else "", words_of(body)]
    return {**fields, "message": ": ".join(filter(None, words)) or str(error)}


def _code(body: dict[str, Any]) -> Any:
    names = ("code", "status_code", "error_code", "errorCode", "status")
    return next((body[name] for name in names if body.get(name) is not None), None)


_MOST: Final = 65_536
_DEPTH: Final = 8
_LONG: Final = 200

_WORDS: Final = (
    "message", "msg", "detail", "error", "errormessage", "errormsg", "errordescription",
    "statusmsg", "description", "title", "info",
)  # fmt: skip
_INSIDE: Final = (
    "errors", "details", "metadata", "raw", "cause", "causes", "innererror", "upstream",
    "upstreamerror", "body", "response", "baseresp", "violations", "fieldviolations",
    "providerspecificfields", "headers", "localizedmessage",
)  # fmt: skip
_CODES: Final = frozenset(
    ("code", "type", "@type", "status", "statuscode", "errorcode", "errortype", "subcode",
     "reason", "reasons", "quotaid", "quotametric", "finishreason", "contentfilter")
)  # fmt: skip
_NAMES: Final = frozenset(("param", "parameter", "loc", "field"))
_WAITS: Final = frozenset(
    ("retrydelay", "retryafter", "retryafterseconds", "retryafterms", "retryin", "estimatedtime",
     "waitseconds", "xratelimitreset")
)  # fmt: skip

_PAGE: Final = re.compile(r"\s*<(?:!doctype|html|head|body|title|center|h1|\?xml)", re.IGNORECASE)
_TITLE: Final = re.compile(r"<(title|message|h1)\b[^>]*>\s*([^<]{1,120})", re.IGNORECASE)
_NOTHING: Final = re.compile(
    r"(?:\w+\.)*(?:the )?(?:provider|upstream|server|api|model)? ?(?:returned|sent|raised)?"
    r" ?(?:an? )?(?:error|bad[ _]request|(?:internal|upstream) server error|request failed"
    r"|unknown error|invalid[ _]request(?:[ _]error)?|badrequesterror|apierror|exception)"
    r"(?: (?:from|by) (?:the )?(?:provider|upstream|server))?(?: code:? \d+)?[.!: -]*",
    re.IGNORECASE,
)
"""Words that say that there is an error and nothing about it."""


@dataclass
class ErrorText:
    """What the body of an error holds: `words` for people, the rest to decide by."""

    parts: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Parameters that it names."""
    waits: list[tuple[str, Any]] = field(default_factory=list)
    """Fields that tell a wait, by name."""
    page: bool = False
    """The body is a web page: no API speaks, but something that stands before it."""

    @property
    def words(self) -> str:
        """One text for people, from the outermost words to the innermost; "" without any."""
        distinct: list[str] = []
        for part in [p for p in self.parts if not _NOTHING.fullmatch(p)] or self.parts:
            if not any(_within(part, shown) for shown in distinct):
                distinct = [*(shown for shown in distinct if not _within(shown, part)), part]
        text = ": ".join(part.rstrip(":") for part in distinct)
        if len(text) > _LONG and distinct:
            text = distinct[-1]
        if not text:
            text = " ".join(dict.fromkeys(code for code in self.codes if not code.isdigit()))
        if self.page:
            return f"a web page instead of an answer: {text}".removesuffix(": ")
        return text

    @property
    def all(self) -> str:
        """Everything that may decide what it means."""
        return " ".join([*self.parts, *self.codes, *self.names])


def read_error(body: str) -> ErrorText:
    """Read the body of an error."""
    error, text = ErrorText(), body[:_MOST].strip()
    if _PAGE.match(text):
        error.page = True
        error.parts += [title.strip() for _, title in _TITLE.findall(text)[:1] if title.strip()]
        return error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = text
    _walk(data, error, _DEPTH)
    if not error.parts and not error.codes and data and not isinstance(data, str):
        error.parts.append(json.dumps(data))
    return error


def _walk(value: Any, error: ErrorText, depth: int) -> None:
    if depth == 0:
        return
    if isinstance(value, str):
        _text(value, error, depth)
    elif isinstance(value, list):
        for item in value[:20]:
            _walk(item, error, depth - 1)
    elif isinstance(value, dict):
        _fields(value, error, depth)


def _fields(value: dict[str, Any], error: ErrorText, depth: int) -> None:
    by_name = {re.sub(r"[^a-z@]", "", str(key).lower()): item for key, item in value.items()}
    for name, item in by_name.items():
        scalars = [
            scalar for scalar in (item if isinstance(item, list) else [item]) if _scalar(scalar)
        ]
        if name in _WAITS:
            error.waits.append((name, item))
        elif name in _CODES:
            # A reason may be a code or a sentence: a sentence is for people.
            error.codes += [str(scalar) for scalar in scalars if " " not in str(scalar)]
            error.parts += [
                scalar for scalar in scalars if isinstance(scalar, str) and " " in scalar.strip()
            ]
        elif name in _NAMES:
            error.names += [".".join(str(scalar) for scalar in scalars if scalar != "body")]
    place = next((n for n in error.names[-1:] if "loc" in by_name and n), "")
    if place and isinstance(by_name.get("msg"), str):
        error.parts.append(f"{place}: {by_name['msg']}")
        return
    for name in (*_WORDS, *_INSIDE):
        if name in by_name:
            _walk(by_name[name], error, depth - 1)
    for name in _CODES:
        if isinstance(by_name.get(name), dict):
            _walk(by_name[name], error, depth - 1)


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _text(text: str, error: ErrorText, depth: int) -> None:
    """Take in words; an object written inside of them is read, too."""
    text = text.strip()
    if _PAGE.match(text):
        error.parts += [title.strip() for _, title in _TITLE.findall(text)[:1]]
        return
    start, end = text.find("{"), text.rfind("}")
    inner = _object(text[start : end + 1]) if 0 <= start < end else None
    if inner is not None:
        before = text[:start].rstrip(" \n:-[(,")
        if before:
            error.parts.append(before)
        _walk(inner, error, depth - 1)
    elif text:
        error.parts.append(text)


def _object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, as JSON or as Python prints it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        try:
            data = ast.literal_eval(text) if len(text) < 4_000 else None
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            data = None
    return data if isinstance(data, dict) else None


def _within(part: str, other: str) -> bool:
    return part.lower().rstrip(".") in other.lower()
