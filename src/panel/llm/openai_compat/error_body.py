"""Errors that servers put into a 200: where they stand, in the shapes servers are known to use.

Finds the error; what it means is for `faults` to say.
"""

import re
from typing import Any, Final

_WORDS: Final = (
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
        found = (words_of(said.get(key), depth=depth - 1) for key in _WORDS)
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
