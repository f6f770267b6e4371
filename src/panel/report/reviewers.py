"""Each reviewer's sign and colour, the same wherever it is drawn. Knows no card and no format."""

from collections.abc import Iterable
from typing import Final, Literal

Hue = Literal["builder", "skeptic", "business", "futurist", "guest"]
"""A colour by its name: the style sheet's class and the terminal's style go by it."""

_SIGNS: Final[dict[str, str]] = {"builder": "B", "skeptic": "S", "business": "$", "futurist": "F"}
_HUES: Final[dict[str, Hue]] = {
    "builder": "builder", "skeptic": "skeptic", "business": "business", "futurist": "futurist",
}  # fmt: skip


def hue(persona: str) -> Hue:
    """Return a reviewer's colour; all but the four that are shipped share one."""
    return _HUES.get(persona, "guest")


def signs(personas: Iterable[str]) -> dict[str, str]:
    """Return a sign of one or more ASCII letters for each reviewer, no two alike."""
    names = list(dict.fromkeys(personas))
    chosen = {name: _SIGNS[name] for name in names if name in _SIGNS}
    for name in names:
        if name not in chosen:
            chosen[name] = _free(name, set(chosen.values()) | set(_SIGNS.values()))
    return chosen


def _free(name: str, taken: set[str]) -> str:
    letters = "".join(c for c in name if c.isascii() and c.isalnum()).capitalize() or "R"
    lengths = (letters[:length] for length in range(1, 4))
    numbers = (f"{letters[0]}{number}" for number in range(2, len(taken) + 3))
    return next(sign for sign in (*lengths, *numbers) if sign not in taken)
