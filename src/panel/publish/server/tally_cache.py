"""The community's counts as they stand: what pages show, read again every few seconds.

While the database does not answer there are none, and pages say so instead of showing old ones.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from panel.publish.community.tally import Tally
from panel.publish.server.database import Unavailable

SECONDS: Final = 2.0
"""Between two readings: how late a vote cast elsewhere shows."""


class TallyCache:
    """Tallies by the tool's key, replaced and never changed."""

    def __init__(self, read: Callable[[], Awaitable[Mapping[str, Tally]]]) -> None:
        """`read` queries the database for all tallies, or raises `Unavailable`."""
        self._read = read
        self.now: Mapping[str, Tally] = {}
        self.known = False
        """Whether the database answered the last time."""
        self._noted: dict[str, tuple[float, Tally]] = {}

    async def refresh(self) -> None:
        """Read all tallies; never raises."""
        began = time.monotonic()
        try:
            tallies = dict(await self._read())
        except Unavailable:
            self.lost()
            return
        # What was counted after the reading began is newer than the reading.
        self._noted = {tool: noted for tool, noted in self._noted.items() if noted[0] >= began}
        tallies.update({tool: tally for tool, (_, tally) in self._noted.items()})
        self.known = True
        if tallies != self.now:
            self.now = tallies

    def note(self, tool: str, tally: Tally) -> None:
        """Take in the tally of one tool, read just now."""
        self._noted[tool] = (time.monotonic(), tally)
        self.now = {**self.now, tool: tally}

    def lost(self) -> None:
        """Forget all counts: the database does not answer."""
        self.known = False
        self.now = {}
