"""Suggestions for a mistyped name, for hints in errors."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> str:
    """Return `did you mean a or b?` with the nearest known names, "" where none is near."""
    near = near_names(name, known, most=most, cutoff=cutoff)
    return f"did you mean {' or '.join(near)}?" if near else ""


def near_names(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return at most `most` known names like a mistyped one, the nearest first.

    `cutoff` is the least similarity, from 0 to 1, as `difflib` measures it.
    """
    return difflib.get_close_matches(name, list(known), n=most, cutoff=cutoff)
