"""JSON: the contract `panel.scorecard/2`, one object a line for each tool."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from panel.reviews.verdict.scorecard import Scorecard

SUFFIX = ".json"

_UNSAFE: Final = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def render(cards: Sequence[Scorecard]) -> str:
    """Return one object for one card, JSON Lines for several."""
    return "".join(stream(cards))


def stream(cards: Iterable[Scorecard]) -> Iterator[str]:
    """Yield the text of `render`, a line a card."""
    return (dump(card.model_dump(mode="json", by_alias=True)) + "\n" for card in cards)


def dump(value: Any) -> str:
    """Write a value as one line of JSON: readable UTF-8, but nothing a terminal would obey or hide.

    A number that is no number (NaN, Infinity) is written as null: unknown.
    """
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda m: json.dumps(m[0])[1:-1], text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
