"""A reading: one document that was read, before it is one of a tool's numbered sources."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from panel.evidence.readers.block import Extract
from panel.evidence.readers.passages import cut
from panel.evidence.source import Role, Source

_HIDDEN: Final = (20, 200)
"""So many hidden texts are kept with a source, and so many characters of each."""


@dataclass(frozen=True)
class ReadDocument:
    """What was read, and where."""

    name: str
    """A file name or an address, as people see it."""
    retrieved: datetime
    sha256: str
    extract: Extract
    role: Role

    def numbered(self, number: int) -> Source:
        """Return the source with that number; without passages where there is no text."""
        most, longest = _HIDDEN
        found = self.extract
        return Source(
            id=f"E{number}",
            source=self.name,
            retrieved=self.retrieved,
            sha256=self.sha256,
            passages=cut(found.blocks, f"E{number}"),
            removed_hidden=found.removed,
            hidden=tuple(text.strip()[:longest] for text in found.hidden[:most]),
            hidden_why=found.why[:most],
            hidden_characters=dict(found.characters),
            left_aside=found.aside,
            flags=found.flags,
            role=self.role,
        )
