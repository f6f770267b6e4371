"""Trouble with the database, told to the operator: at once, then a line a minute with counts."""

import threading
import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60.0
"""Between two lines."""


class Trouble:
    """Counts failed calls and says so. Safe to use from many threads."""

    def __init__(
        self, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`say` takes a line for the operator."""
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._reason = ""
        self._said_at: float | None = None
        self._fails = False

    def failed(self, reason: str) -> None:
        """Count a call that failed; `reason` is one line and holds no secret."""
        with self._lock:
            self._failed += 1
            self._reason, self._fails = reason, True
            line = self._due()
        self._tell(line)

    def worked(self) -> None:
        """Note that the database answers."""
        with self._lock:
            self._fails = False
            line = self._due()
        self._tell(line)

    def _due(self) -> str:
        """Return the line to say now, "" for none."""
        now = self._clock()
        since = SECONDS if self._said_at is None else now - self._said_at
        if not self._failed or since < SECONDS:
            return ""
        many = f"{self._failed} call{'s' if self._failed != 1 else ''}"
        when = "" if self._said_at is None else f" in the last {round(since)} s"
        ending = "" if self._fails else "; it answers again"
        self._said_at, self._failed = now, 0
        return f"the database failed {many}{when}: {self._reason}{ending}"

    def _tell(self, line: str) -> None:
        if line:
            self._say(line)
