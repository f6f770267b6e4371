"""What of a request a server turns down, so that the next one can be different.

Knows the words and the numbers; what is then left out or made less is `payload`'s business.
"""

import re
from typing import Final

from panel.foundation.errors import BadReply, CallError, FormatRefused, ParameterRefused
from panel.llm.openai_compat import error_patterns
from panel.llm.openai_compat.failed_response import RefusedCall
from panel.llm.openai_compat.named_limits import fewer_tokens

_DISPENSABLE: Final = ("logprobs", "seed", "stream_options", "temperature")
"""What is left out, one after the other, where a server takes not all and names none."""


def refused(case: RefusedCall, host: str) -> CallError | None:
    """Return the error of a request that can be asked differently, or never; None for others."""
    if case.status in (401, 402) or (case.said.page and case.status != 413):
        return None
    broke = case.status >= 500
    if _system_refused(case):
        return parameter_refused("system", case, host)
    if not broke and (case.status == 413 or fewer(case) is not None):
        return too_long(case, host)
    if "logprobs" in case.sent and error_patterns.LOGPROBS.search(case.text):
        return parameter_refused("logprobs", case, host)
    if not broke and not case.about_model and (name := case.parameter):
        return parameter_refused(name, case, host)
    if case.format != "prompt" and (fault := _format_refused(case, host)):
        return fault
    if error_patterns.PARAMETERS_UNMET.search(case.text):
        for name in _DISPENSABLE:
            if name in case.sent:
                return parameter_refused(name, case, host)
    return None


def fewer(case: RefusedCall) -> int | None:
    """Return the room that is left; 0: the question is too long; None: it is not about that."""
    found = fewer_tokens(case.text, case.room)
    return None if found is None else found.tokens


def too_long(case: RefusedCall, host: str) -> CallError:
    """Return the error of a question that is too long with, or without, its answer."""
    if fewer(case):
        return parameter_refused("max_tokens", case, host)
    what = f"{host}: the question is longer than the model can read"
    if re.search("per min|tpm", case.text, re.IGNORECASE):
        what = f"{host} takes fewer tokens a minute than this question has"
    return BadReply(
        f"{what} {case.told}{case.words}",
        hint="give fewer evidence_tokens in panel.toml, or a model with a larger context",
    )


def parameter_refused(name: str, case: RefusedCall, host: str) -> ParameterRefused:
    """Return the error that names a parameter, with the words that may hold its limit."""
    if name == "max_tokens" and "max_completion_tokens" in case.sent:
        name = "max_completion_tokens"
    what = {"system": "a system message"}.get(name, name)
    if name.startswith("max_") and fewer(case):
        what = f"{name} of {case.room:,}"
    fault = ParameterRefused(f"{host} does not take {what} {case.told}{case.words}")
    fault.parameter, fault.said = name, case.text
    return fault


def _system_refused(case: RefusedCall) -> bool:
    """A server that broke (5xx) must speak of roles or templates, not of a system of its own."""
    if not case.has_system or not error_patterns.SYSTEM.search(case.text):
        return False
    return case.status < 500 or error_patterns.TEMPLATE.search(case.text) is not None


def _format_refused(case: RefusedCall, host: str) -> FormatRefused | None:
    once = error_patterns.MISMADE.search(case.text) is not None
    strict = case.status >= 500 or case.status in (403, 404)
    named = error_patterns.FORMAT_BROKE if strict else error_patterns.FORMAT
    unmet = error_patterns.PARAMETERS_UNMET.search(case.text) is not None
    if not (once or unmet or case.status == 501 or named.search(case.text)) or case.about_model:
        return None
    what = "could not answer in" if once else "does not take"
    fault = FormatRefused(f"{host} {what} the format {case.format} {case.told}{case.words}")
    fault.once = once
    return fault
