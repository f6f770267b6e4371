"""How the number of calls under way grows with answers: up to a limit named, or one to be found.

Knows times and counts; what shrinks the number is the limiter's.
"""

from dataclasses import dataclass
from typing import Final

SPEED_UP: Final = 1.25
"""Times the rate of answers that more calls under way must bring to be worth their longer wait."""
CROWDED: Final = 2.0
"""Times the shortest mean time of an answer over which a server is taken to queue calls."""


@dataclass
class Window:
    """Answers to calls that began in it, about as many as were under way at its beginning."""

    began: float
    size: int
    answers: int = 0
    seconds: float = 0.0
    """Of all its answers together."""


class Growth:
    """Says by how much an answer raises the limit.

    Where the provider's limit is to be found, each answer to a full house raises it by one, which
    doubles it with every round of answers (TCP's slow start, RFC 5681), until the first 429, or
    until more calls only make each of them slower. From then on, and from the start where a number
    was named, a few answers together raise it by one.
    """

    def __init__(self, grow_every: int, start: float, *, finds_limit: bool) -> None:
        self._every = grow_every
        self._start = start
        self.finds_limit = finds_limit
        self.doubling = finds_limit
        self._limited_ever = False
        self._window: Window | None = None
        self._shortest = float("inf")
        self._fastest = 0.0
        self._crowded = False

    def limited(self) -> None:
        """A 429 came: the limit is somewhere below."""
        self._limited_ever = True
        self.doubling = False

    def step(self, limit: float, *, busy: bool, began: float | None, now: float) -> float:
        """Return the limit after an answer.

        Args:
            limit: Calls that may be under way.
            busy: As many are; otherwise the limit has not been tried.
            began: When the answered call began; None where that is not known.
            now: The time, of the same clock.
        """
        if self.finds_limit:
            if began is not None and self._is_crowded(limit, began, now):
                self.doubling = False
                # Little's law: so many calls the server works on, and as many may wait.
                enough = CROWDED * self._fastest * self._shortest
                return min(limit, max(self._start, enough))
            if not busy or self._crowded:
                return limit
            if self.doubling:
                return limit + 1
        every = self._every if self._limited_ever else min(10, self._every)
        return limit + 1 / every

    def _is_crowded(self, limit: float, began: float, now: float) -> bool:
        """Count an answer in; tell whether it ends a window in which calls waited at the server."""
        window = self._window = self._window or Window(began, max(1, int(limit)))
        if began < window.began:
            return False
        window.answers += 1
        window.seconds += now - began
        if window.answers < window.size:
            return False
        mean = window.seconds / window.answers
        rate = window.answers / max(now - window.began, 1e-6)
        slower = mean > CROWDED * self._shortest
        self._crowded = slower and rate < SPEED_UP * self._fastest
        self._shortest = min(self._shortest, mean)
        self._fastest = max(self._fastest, rate)
        self._window = Window(now, max(1, int(limit)))
        return self._crowded
