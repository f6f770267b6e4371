"""Bars made of characters, for screens without pictures: lengths only, colours are the format's."""

from collections.abc import Sequence
from typing import Final, NamedTuple

FILLED, UNSURE, REST = "━", "╍", "─"
BLOCKS: Final = {"ship": "█", "abstain": "▒", "missing": "╳", "skip": "░"}
"""A texture for each vote, so that the split reads without colour."""


class ScoreBar(NamedTuple):
    """Three runs of characters: certainly reached, inside the interval, not reached."""

    filled: str
    unsure: str
    rest: str


def score_bar(
    value: float | None, width: int, interval: tuple[float, float] | None = None
) -> ScoreBar:
    """Draw a score of 0–100 over `width` characters; all rest where there is none."""
    if value is None:
        return ScoreBar("", "", REST * width)
    low, high = interval or (value, value)
    start, end = round(low / 100 * width), round(high / 100 * width)
    return ScoreBar(FILLED * start, UNSURE * (end - start), REST * (width - end))


def split_bar(votes: Sequence[tuple[str, int]], width: int) -> tuple[tuple[str, str], ...]:
    """Draw one block a voter, as (vote, characters); blocks are told apart by a blank.

    Returns:
        The blocks in the order given; none when there are too many voters for the width.
    """
    voters = [vote for vote, count in votes for _ in range(count)]
    size = (width + 1) // len(voters) - 1 if voters else 0
    return tuple((vote, BLOCKS[vote] * size) for vote in voters) if size > 0 else ()
