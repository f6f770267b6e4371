"""Yes or no: the difference of log-probabilities where the answer stands, or the plain word.

Knows replies; nothing of personas, calibration or scores.
"""

import math
import re
from typing import Final, Literal, NamedTuple

from panel.foundation.errors import BadReply, NeedsRoom
from panel.llm.thinking import is_thinking, spoken
from panel.llm.types import ChatResponse

FLOOR: Final = 1e-6
"""Probability given to a word that is not among the likeliest tokens."""

_STATED: Final = re.compile(
    r"\b(yes|no)\b(?=[\s*_`\"'”’)\]}]*(?:[.,;:!?|—–-]|\n|<|\Z)|[\"'”’*_`)\]}])", re.IGNORECASE
)
"""The word as a statement of its own: `No doubt` and `no evidence` are none."""

_FIRST: Final = re.compile(
    r"\W*(yes|no)\b(?!\s+(?:doubt|question|problem|wonder|matter|idea))", re.IGNORECASE
)
_FINAL: Final = re.compile(
    r"(?:\b(?:answer|verdict|conclusion|final|overall|therefore|hence|thus|so)\b"
    r"(?:\s+(?:is|would be)|\s+my answer is)?[\s:,=*_`\"'>-]*"
    r"|\\boxed\{\s*(?:\\text\{)?|<answer>\s*)\b(yes|no)\b(?!\s+(?:doubt|evidence|\w+ing\b))",
    re.IGNORECASE,
)
_BOTH: Final = re.compile(r"\b(?:yes and no|no and yes|neither yes nor no)\b", re.IGNORECASE)
_OPTIONS: Final = re.compile(
    r"\byes[\"'”’]?\s*(?:/|\||,?\s+or\s)\s*[\"'“‘]?no\b|\bno[\"'”’]? or [\"'“‘]?yes\b",
    re.IGNORECASE,
)
"""The two answers named together, as the question does."""


class YesNo(NamedTuple):
    """What a model said, and by how much."""

    greedy: Literal["yes", "no", "unclear"]
    """The likelier word, or the word it wrote; `unclear` where it wrote both."""
    difference: float | None
    """ln p(yes) − ln p(no), all spellings summed; None where no log-probabilities came."""


def read_yes_no(reply: ChatResponse) -> YesNo:
    """Read a one-word answer, or what a longer reply states.

    Raises `NeedsRoom` where the reply stops before its answer, `BadReply` where it ends without.
    """
    places, text = reply.top_logprobs, spoken(reply.text)
    if len(places) == 1 or len(text.split()) == 1:
        full = [place for place in places if len(places) == 1 or _likeliest(place).strip()]
        if full and not is_thinking(_likeliest(full[0])) and (read := _difference(full[0])):
            return read
    if is_thinking(reply.text):
        raise NeedsRoom("the reply is all thinking: it stops before the answer", thinks=True)
    cut = reply.finish_reason == "length"
    word = _word(text, cut=cut)
    if word in ("yes", "no"):
        readings = (
            _difference(place) for place in reversed(places) if _bare(_likeliest(place)) == word
        )
        return next((read for read in readings if read and read.greedy == word), YesNo(word, None))
    if word == "unclear":
        return YesNo(word, None)
    if cut or not reply.text.strip():
        raise NeedsRoom("the reply stops before it is yes or no")
    raise BadReply("the reply is neither yes nor no")


def _word(text: str, *, cut: bool) -> Literal["yes", "no", "unclear"] | None:
    """Return what a text answers: its explicit final answer, else all that it states.

    Of a text that is cut only that and its first word count: the rest may be thinking aloud.
    """
    bare = _OPTIONS.sub(" ", text)
    if finals := _FINAL.findall(bare):
        return _known(finals[-1])
    stated = set() if cut else {word.lower() for word in _STATED.findall(bare)}
    if first := _FIRST.match(bare):
        stated.add(first[1].lower())
    if len(stated) > 1 or _BOTH.search(text):
        return None if cut else "unclear"
    return _known(stated.pop()) if stated else None


def _known(word: str) -> Literal["yes", "no"]:
    return "yes" if word.lower() == "yes" else "no"


def _difference(tokens: dict[str, float]) -> YesNo | None:
    yes, no = _mass(tokens, "yes"), _mass(tokens, "no")
    if yes + no <= 0.01:
        return None
    difference = math.log(max(yes, FLOOR)) - math.log(max(no, FLOOR))
    return YesNo("yes" if difference > 0 else "no", difference)


def _mass(tokens: dict[str, float], word: str) -> float:
    """Sum a word's spellings: with a leading blank, in capitals, with a full stop."""
    return sum(
        math.exp(p) for token, p in tokens.items() if _bare(token) == word and not math.isnan(p)
    )


def _likeliest(tokens: dict[str, float]) -> str:
    return max(tokens, key=lambda token: tokens[token], default="")


def _bare(token: str) -> str:
    return token.strip(_AROUND).lower()


_AROUND: Final = " \t\n▁Ġ*\"'.,"
