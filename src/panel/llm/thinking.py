"""Thinking that models write before their answer, located by the marks of each model family.

The answer is what follows the last mark that closes thinking. Knows no form of answers.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

_NAMES: Final = (
    r"(?:[a-z]+[:_])?(?:think|thinking|thoughts?|reasoning|reflection|analysis|scratchpad)\s*"
)
_OPEN: Final = (
    rf"<{_NAMES}>|\[think(?:ing)?\]|◁think▷|<\|(?:start_thinking|begin_of_thought|think)\|>"
    r"|<unused94>|<\|channel\|?>\s*(?:analysis|commentary|thought)"
)
_CLOSE: Final = (
    rf"</{_NAMES}>|\[/think(?:ing)?\]|◁/think▷|<\|(?:end_thinking|end_of_thought|/think)\|>"
    r"|<unused95>|<channel\|>"
    r"|<\|channel\|>\s*final[^<]{0,40}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>"
)
_MARK: Final = re.compile(rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})", re.IGNORECASE)
_BARE: Final = re.compile(r"\s*analysis(?=\S).*?assistantfinal", re.DOTALL)
"""Turns of gpt-oss whose marks the server has taken out."""

_FAMILIES: Final = re.compile(
    r"(?:qwq|qwen[-_.]?3(?!.*(?:instruct|coder|embed))|deepseek[-_.]?(?:r\d|v3\.[1-9]|v[4-9])"
    r"|r1[-_.]distill|gpt[-_.]?oss|magistral|glm[-_.]?(?:z1|4\.[1-9]|[5-9])|kimi[-_.]?k2.*thinking"
    r"|minimax[-_.]?m\d|nemotron.*(?:nano|super|ultra)|phi[-_.]?4.*reasoning|exaone[-_.]?deep"
    r"|smollm3|hunyuan.*a13b|seed[-_.]?oss|ernie.*thinking|olmo.*think|thinking|reasoner|reasoning)",
    re.IGNORECASE,
)
"""Open models that think before they answer unless they are told not to."""

_LEFTOVERS: Final = re.compile(
    r"<\|(?:return|end|start_response|end_response|start_text|end_text|message|start"
    r"|begin_of_solution|end_of_solution)\|>|</?(?:answer|response|output)>",
    re.IGNORECASE,
)
_BEGUN: Final = re.compile(
    r"\s*(?:<\|?[a-z_:|]*>?|\[/?t?h?i?n?k?\]?|◁/?t?h?i?n?k?▷?)\Z", re.IGNORECASE
)


class Mark(NamedTuple):
    """A mark in a text."""

    kind: Literal["open", "close"]
    start: int
    end: int


def marks(text: str) -> Iterator[Mark]:
    """Yield the marks of thinking in a text, in order."""
    if bare := _BARE.match(text):
        yield Mark("open", 0, 0)
        yield Mark("close", bare.end() - len("assistantfinal"), bare.end())
    for match in _MARK.finditer(text):
        yield Mark("open" if match["open"] else "close", match.start(), match.end())


def spoken(text: str) -> str:
    """Return a text without its thinking; "" where the thinking has no end.

    A mark that a sentence speaks of is none: an opening mark begins the text or a line, a closing
    mark is not quoted and has not been spoken of before.
    """
    start, opened, mentioned = 0, None, False
    for mark in marks(text):
        before = text[start : mark.start]
        if opened is not None:
            if mark.kind == "close":
                start, opened = mark.end, None
        elif mark.kind == "open":
            begins = not before.strip() or before.rstrip(" \t").endswith("\n")
            opened, mentioned = (mark.start, mentioned) if begins else (None, True)
        elif not mentioned and text[max(0, mark.start - 1) : mark.start] not in tuple("`\"'“‘"):
            start = mark.end
    answer = text[start : len(text) if opened is None else opened]
    return _LEFTOVERS.sub("", answer).strip()


def thinks(model: str) -> bool:
    """Tell whether a model, by its name, is of a family that thinks before it answers."""
    return _FAMILIES.search(model) is not None


def is_thinking(text: str) -> bool:
    """Tell whether a text is thinking and nothing else, or the beginning of a mark."""
    return (not spoken(text) and _MARK.search(text) is not None) or bool(_BEGUN.match(text))
