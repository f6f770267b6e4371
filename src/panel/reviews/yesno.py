"""Yes or no at one token: the difference of log-probabilities, or the plain word.

Knows replies; nothing of personas, calibration or scores.
"""

import math
import re
from typing import Final, Literal, NamedTuple

from panel.errors import BadReply
from panel.providers.message import Reply

FLOOR: Final = 1e-6
"""Probability given to a word that is not among the likeliest tokens."""

_WORD: Final = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class YesNo(NamedTuple):
    """What a model said, and by how much."""

    greedy: Literal["yes", "no"]
    """The likelier word, or the word it wrote."""
    difference: float | None
    """ln p(yes) − ln p(no), all spellings summed; None where no log-probabilities came."""


def read_yes_no(reply: Reply) -> YesNo:
    """Read a one-word answer; raise `BadReply` when it is neither yes nor no."""
    if reply.top_logprobs:
        yes, no = _mass(reply.top_logprobs[0], "yes"), _mass(reply.top_logprobs[0], "no")
        if yes + no > 0.01:
            difference = math.log(max(yes, FLOOR)) - math.log(max(no, FLOOR))
            return YesNo("yes" if difference > 0 else "no", difference)
    if word := _WORD.search(reply.text):
        return YesNo("yes" if word.group().lower() == "yes" else "no", None)
    raise BadReply("the reply is neither yes nor no")


def _mass(tokens: dict[str, float], word: str) -> float:
    """Sum a word's spellings: with a leading blank, in capitals, with a full stop."""
    return sum(
        math.exp(p)
        for token, p in tokens.items()
        if token.strip(" \t\n▁Ġ*\"'.,").lower() == word and not math.isnan(p)
    )
