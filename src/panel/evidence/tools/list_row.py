"""A row: one entry of a list as it was typed, with the lines it stands on."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One entry of a list as it was typed."""

    where: str
    """The list's name for messages."""
    line: int
    """1-based; 0 when the entry comes from no file."""
    values: dict[str, Any]
    key_lines: dict[str, int] = field(default_factory=dict)
    """The lines of single keys, where the format tells."""
    header: int = 0
    """The line of the column names, where there are columns."""

    def place(self, key: str | None = None) -> str:
        """Name the file and the line of a key, or of the whole entry."""
        line = self.key_lines.get(key, self.line) if key else self.line
        return f"{self.where} line {line}" if line else self.where
