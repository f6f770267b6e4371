"""Prices as pages word them: the entry price of a text, and the amounts in one. Knows no sources.

Conservative: an amount counts where a period or a seat stands behind it, and free where a plan, a
tier or no price at all is what is free. A free trial is not.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

_MONEY: Final = r"(?:US|CA|AU)?[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:€|EUR|USD|GBP)\b"
_UNIT: Final = r"(?:user|seat|member|developer|editor|month|mo|year|yr)"
_RARE_UNIT: Final = r"(?:week|hour|hr|day|million|1M|1K|1,?000)"
_PER: Final = (
    rf"(?:\s*(?:USD|EUR|GBP))?\s*(?:/|per|a|an|each|every)\s*(?:active\s+)?"
    rf"(?:{_UNIT}|{_RARE_UNIT})s?\b"
    rf"(?:\s+(?:tokens|requests)\b)?(?:\s*(?:/|per|a|,)\s*{_UNIT}\b)?"
    rf"(?:,?\s*billed (?:monthly|yearly|annually))?"
)
_PRICE: Final = re.compile(rf"(?:{_MONEY}){_PER}", re.IGNORECASE)
_AMOUNT: Final = re.compile(rf"(?:{_MONEY})", re.IGNORECASE)
_FREE: Final = re.compile(
    r"\bfree (?:plan|tier|forever|for (?:personal|individual|open[- ]source|non-?commercial|"
    r"up to|everyone|one|small))\b|\bfree and open[- ]source\b|^free(?:\.(?=\s)|\.?$)"
    r"|[$€£]0(?:[.,]00)?(?![.,]?\d)(?:\s*/\s*mo\w*)?",
    re.IGNORECASE | re.MULTILINE,
)
_SAYS_FREE: Final = re.compile(r"\bfree\b(?! trial)|[$€£]0(?![.,]?\d)", re.IGNORECASE)
_RARE: Final = re.compile(rf"\b{_RARE_UNIT}s?\b|tokens|requests", re.IGNORECASE)


def entry_price(texts: Sequence[str]) -> tuple[str, int] | None:
    """Return how the cheapest way in is worded, and in which of the texts it stands.

    A free plan goes before any price; prices of one currency are compared, those per hour or per
    token only among themselves.
    """
    for place, text in enumerate(texts):
        if match := _FREE.search(text):
            return _line(match[0]), place
    priced = [
        (match[0], place) for place, text in enumerate(texts) for match in _PRICE.finditer(text)
    ]
    if not priced:
        return None
    usual = [one for one in priced if not _RARE.search(one[0])] or priced
    same = [one for one in usual if _currency(one[0]) == _currency(usual[0][0])]
    text, place = min(same, key=lambda one: min(amounts(one[0]), default=0.0))
    return _line(text), place


def amounts(text: str) -> tuple[float, ...]:
    """Return the amounts of money in a text."""
    return tuple(_numbers(text))


def mentions_free(text: str) -> bool:
    """Tell whether a text calls anything but a trial free."""
    return bool(_SAYS_FREE.search(text))


def _numbers(text: str) -> Iterator[float]:
    for match in _AMOUNT.finditer(text):
        digits = re.sub(r"[^\d.,]", "", match[0]).strip(".,")
        # 4,800 and 4.800 are thousands; 9,99 and 9.99 are not.
        plain = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", digits).replace(",", ".")
        if plain.count(".") <= 1:
            yield float(plain)


def _currency(text: str) -> str:
    found = re.search(r"[$€£]|EUR|USD|GBP", text, re.IGNORECASE)
    return {"EUR": "€", "USD": "$", "GBP": "£"}.get(found[0].upper(), found[0]) if found else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:80].rstrip(" ,.")
