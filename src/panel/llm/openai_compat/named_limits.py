"""The limits a server names when it turns a request down: room for the answer, log-probabilities.

Reads numbers out of sentences. What is asked for next is always less than what was refused.
"""

import re
from typing import Final, NamedTuple

LEAST: Final = 64
"""Less room than that is none for an answer that is to be written."""

_SMALL: Final = 512
"""A request for so little room was not refused for its room."""

_USUAL_TOP: Final = 5
"""Log-probabilities of so many tokens are given by those that give them at all."""

_FEWEST_TOP: Final = 2
"""Yes and no: of one token alone nothing can be compared."""

_NUMBER: Final = re.compile(
    r"(?<![\w.\-/])(?:(?<![\[(])\d{1,3}(?:,\d{3})+(?!\d)|\d{1,9})(?![\w\-]|\.\d|/\w)"
)
_OUT: Final = re.compile(
    r"max_(?:completion_|new_|output_)?tokens|max(?:imum)?[ _]?(?:new|output|completion|generated)"
    r"|max(?:imum)? tokens|num_predict|(?:completion|output|generated|generation|new"
    r"|response) tokens?\b|maxtokens"
    r"|tokens? (?:to generate|in the (?:completion|output))",
    re.IGNORECASE,
)
_CONTEXT: Final = re.compile(
    r"context.{0,12}(?:length|window|size|limit|tokens)|maximum context|exceed_context"
    r"|max_model_len"
    r"|(?:prompt|inputs?|messages?|request|question)\b.{0,20}\b(?:is|are|was) too (?:long|large)"
    r"|too many (?:input |prompt )?tokens|prompt contains \d|max(?:imum)?[ _](?:input"
    r"|prompt|sequence|seq)|input (?:token count|length should)|longer than the"
    r"|inputs?`? (?:tokens|length).{0,8}(?:\+|and)|request too large|reduce the length"
    r"|inputs?`? must have|exceeds? the (?:model'?s? (?:max|limit)|(?:available "
    r"|maximum )?context)|上下文|最大长度",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(
    r"max(?:imum)?[ _](?:input|prompt)|input (?:token count|length should)|inputs?`? must have"
    r"|(?:prompt|input)\b.{0,30}\blonger than|loaded with context|exceed_context_size"
    r"|available context size|too many (?:input|prompt) tokens"
    r"|(?:prompt|inputs?|messages?)\b.{0,12}\b(?:is|are|was) too (?:long|large)",
    re.IGNORECASE,
)
"""The question itself is meant, unless room for the answer is named beside it."""
_LIMIT: Final = re.compile(
    r"too (?:large|long|high|many|big|great)|\bat most|\bmax(?:imum)?\b|exceed|greater than"
    r"|(?:larger|more|higher|bigger) than|less than|\brange|between|<=?|>=?|[≤≥]|\blimit"
    r"|up to|fewer"
    r"|smaller|lower|reduce|only (?:support|allow)|no more|above|below|at least|minimum"
    r"|afford|超过|最大",
    re.IGNORECASE,
)
_SUM: Final = re.compile(r"(\d+) ?\+ ?(\d+) ?> ?(\d+)")
_DIFFERENCE: Final = re.compile(r"\d+ ?> ?(\d+) ?- ?(\d+)")
_PROMPT: Final = re.compile(
    r"(\d+)(?: tokens)? (?:in|from|of|for|as) (?:the |your )?(?:input |text )?(?:messages?"
    r"|prompt|input)"
    r"|(\d+) `?(?:inputs?|prompt|message)`?[ _](?:text )?tokens"
    r"|(?:prompt|input|messages?) (?:length |size )?(?:of|is|has|contains|contain|resulted in|:)"
    r" ?(?:at least |about )?(\d+)|n_prompt_tokens\W+(\d+)",
    re.IGNORECASE,
)
_TOTAL: Final = re.compile(
    r"(?:requested|total(?: of)?|resulted in|current length is)[:,]?(?: about| at least"
    r"| a total of)? (\d+)",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(
    r"(?:context (?:length|window|size|limit)|maximum (?:context|length)|limit|<=|≤|max_model_len"
    r"|must be (?:less|at most)|n_ctx)\D{0,60}?(\d+)|(\d+) (?:tokens? )?(?:maximum )?context",
    re.IGNORECASE,
)
_A_MINUTE: Final = re.compile(r"limit:? (\d+).{0,40}?requested:? (\d+)", re.IGNORECASE)
_REFUSED: Final = re.compile(
    "not (?:enabled|supported|allowed|available|permitted)|unsupported|disabled", re.IGNORECASE
)
_LESS_THAN: Final = re.compile(
    r"(?:less|fewer|smaller|lower) than(?! or equal) (\d+)|(?<![<=])< ?(\d+)", re.IGNORECASE
)


class NextLimit(NamedTuple):
    """What may be asked for next."""

    tokens: int
    """Room for the answer; 0: the question alone is too long."""
    prompt: int | None = None
    context: int | None = None
    """Tokens of the question and of the whole context, where both are named."""
    always: bool = False
    """The limit is the model's own for every answer, whatever the question."""


def fewer_tokens(sentence: str, asked: int) -> NextLimit | None:
    """Return the room to ask for after `asked` was refused; None where that was not the reason."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)(?<!\[\d,)", "", sentence)
    if (a_minute := _A_MINUTE.search(text)) and int(a_minute[2]) > int(a_minute[1]):
        return _down(asked - (int(a_minute[2]) - int(a_minute[1])), asked)
    out = _OUT.search(text) is not None and _LIMIT.search(text) is not None
    numbers = _numbers(text)
    strictly = _bounds(text)
    largest = max((n - (n in strictly) for n in numbers if LEAST <= n < asked), default=0)
    if _CONTEXT.search(text):
        limit = NextLimit(0) if _ALONE.search(text) and not out else _of_context(text, asked)
        if limit is not None or not out or not largest:
            return limit or _down(asked // 2, asked)
        return _down(largest, asked)
    if not out:
        return None
    if largest:
        return NextLimit(largest, always=True)
    least = re.search(r"(?:>=|≥|at least|minimum|greater than)\D{0,30}?(\d+)", text, re.IGNORECASE)
    if least and asked < int(least[1]) <= LEAST:
        return NextLimit(int(least[1]), always=True)
    if asked in numbers or re.search(r"too |exceed|greater|larger|more than", text, re.IGNORECASE):
        return _down(asked // 2, asked)
    return None


def fewer_logprobs(sentence: str, asked: int) -> int:
    """Return how many likeliest tokens to ask for after `asked` were refused; 0: none at all."""
    limited = _LIMIT.search(sentence) is not None
    if asked > 1 and (limited or not _REFUSED.search(sentence)):
        strictly = _bounds(sentence)
        lower = [n - (n in strictly) for n in _numbers(sentence) if 0 < n < asked]
        if lower:
            return max(lower) if max(lower) >= _FEWEST_TOP else 0
        if limited and asked > _USUAL_TOP:
            return _USUAL_TOP
    return 0


def _of_context(text: str, asked: int) -> NextLimit | None:
    """The question and its answer together are over the model's context; None without numbers."""
    if match := _DIFFERENCE.search(text):
        return _rest(int(match[1]), int(match[2]), asked)
    if match := _SUM.search(text):
        left, right, whole = (int(number) for number in match.groups())
        return _rest(whole, left if right == asked else right, asked)
    prompt, context = _number_of(_PROMPT, text), _number_of(_WHOLE, text)
    if prompt is not None and context is not None:
        return _rest(context, prompt, asked)
    total = _number_of(_TOTAL, text)
    if total is not None and context is not None and context < total:
        return _down(asked - (total - context), asked)
    return None


def _rest(context: int, prompt: int, asked: int) -> NextLimit:
    left = context - prompt
    if left < LEAST:
        return NextLimit(0)
    return NextLimit(left, prompt, context) if left < asked else _down(asked // 2, asked)


def _down(tokens: int, asked: int) -> NextLimit:
    return NextLimit(tokens if asked > _SMALL and tokens >= LEAST else 0)


def _numbers(text: str) -> list[int]:
    return [int(match.group().replace(",", "")) for match in _NUMBER.finditer(text)]


def _bounds(text: str) -> set[int]:
    """Numbers that are too many themselves: the limit is less than them."""
    return {int(less or below) for less, below in _LESS_THAN.findall(text)}


def _number_of(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return int(next(group for group in match.groups() if group)) if match else None
