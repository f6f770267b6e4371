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
    base = body.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (None, 0, "0", ""):
        return _named(base)
    said = body.get("object") == "error" or body.get("type") == "error"
    speaks = not choices and words_of(body) and (not partial or _code(body) is not None)
    if said or body.get("success") is False or speaks:
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


def words_of(said: Any, *, depth: int = 4) -> str:
    """Return what an error says in words; "" where there are none."""
    if isinstance(said, str):
        return said.strip()
    if depth and isinstance(said, list):
        return next((words for each in said if (words := words_of(each, depth=depth - 1))), "")
    if depth and isinstance(said, dict):
        found = (words_of(said.get(key), depth=depth - 1) for key in _MESSAGES)
        return next((words for words in found if words), "")
    return ""


def _named(said: dict[str, Any], error: object = "") -> dict[str, Any]:
    """Return the error with its words and its code under the names that are read."""
    kept = {key: value for key, value in said.items() if key not in _ASIDE}
    if (code := _code(kept)) is not None:
        kept["code"] = code
    words = [str(error) if isinstance(error, str) else "", words_of(said)]
    return {**kept, "message": ": ".join(filter(None, words)) or str(error)}


def _code(said: dict[str, Any]) -> Any:
    names = ("code", "status_code", "error_code", "errorCode", "status")
    return next((said[name] for name in names if said.get(name) is not None), None)


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
    """What a server said: `words` for people, the rest to decide by."""

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
        told: list[str] = []
        for part in [p for p in self.parts if not _NOTHING.fullmatch(p)] or self.parts:
            if not any(_within(part, other) for other in told):
                told = [*(other for other in told if not _within(other, part)), part]
        text = ": ".join(part.rstrip(":") for part in told)
        if len(text) > _LONG and told:
            text = told[-1]
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
    said, text = ErrorText(), body[:_MOST].strip()
    if _PAGE.match(text):
        said.page = True
        said.parts += [title.strip() for _, title in _TITLE.findall(text)[:1] if title.strip()]
        return said
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    _walk(found, said, _DEPTH)
    if not said.parts and not said.codes and found and not isinstance(found, str):
        said.parts.append(json.dumps(found))
    return said


def _walk(value: Any, said: ErrorText, depth: int) -> None:
    if depth == 0:
        return
    if isinstance(value, str):
        _text(value, said, depth)
    elif isinstance(value, list):
        for each in value[:20]:
            _walk(each, said, depth - 1)
    elif isinstance(value, dict):
        _fields(value, said, depth)


def _fields(value: dict[str, Any], said: ErrorText, depth: int) -> None:
    by_name = {re.sub(r"[^a-z@]", "", str(key).lower()): each for key, each in value.items()}
    for name, each in by_name.items():
        scalars = [one for one in (each if isinstance(each, list) else [each]) if _scalar(one)]
        if name in _WAITS:
            said.waits.append((name, each))
        elif name in _CODES:
            # A reason may be a code or a sentence: a sentence is for people.
            said.codes += [str(one) for one in scalars if " " not in str(one)]
            said.parts += [one for one in scalars if isinstance(one, str) and " " in one.strip()]
        elif name in _NAMES:
            said.names += [".".join(str(one) for one in scalars if one != "body")]
    place = next((n for n in said.names[-1:] if "loc" in by_name and n), "")
    if place and isinstance(by_name.get("msg"), str):
        said.parts.append(f"{place}: {by_name['msg']}")
        return
    for name in (*_WORDS, *_INSIDE):
        if name in by_name:
            _walk(by_name[name], said, depth - 1)
    for name in _CODES:
        if isinstance(by_name.get(name), dict):
            _walk(by_name[name], said, depth - 1)


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _text(text: str, said: ErrorText, depth: int) -> None:
    """Take in words; an object written inside of them is read, too."""
    text = text.strip()
    if _PAGE.match(text):
        said.parts += [title.strip() for _, title in _TITLE.findall(text)[:1]]
        return
    start, end = text.find("{"), text.rfind("}")
    inner = _object(text[start : end + 1]) if 0 <= start < end else None
    if inner is not None:
        before = text[:start].rstrip(" \n:-[(,")
        if before:
            said.parts.append(before)
        _walk(inner, said, depth - 1)
    elif text:
        said.parts.append(text)


def _object(text: str) -> dict[str, Any] | None:
    """Return the object that a text is, as JSON or as Python prints it."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text) if len(text) < 4_000 else None
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            found = None
    return found if isinstance(found, dict) else None


def _within(part: str, other: str) -> bool:
    return part.lower().rstrip(".") in other.lower()
