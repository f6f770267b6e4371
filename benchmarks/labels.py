"""Passages labelled by hand: does each, read alone, show that a criterion's answer is yes?"""

from pathlib import Path
from typing import NamedTuple

from panel.foundation.strict_yaml import MAX_BYTES, read_text, read_yaml

FILE = Path(__file__).parent / "data" / "citations.yaml"


class Label(NamedTuple):
    """Whether a passage shows the answer yes to a criterion."""

    tool: str
    criterion: str
    passage: str
    shows: bool
    why: str


def labels() -> list[Label]:
    """Return the labels in the order of their file."""
    rows = read_yaml(read_text(FILE, limit=MAX_BYTES), where=str(FILE))
    return [Label(**row | {"shows": row["shows"] == "true"}) for row in rows]
