"""Flood limits: a token bucket per identity, per network, per whatever is named. In memory."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

MOST_BUCKETS: Final = 50_000


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many a minute in the long run."""

    burst: int
    per_minute: float

    def __post_init__(self) -> None:
        if self.burst < 1 or not (0 < self.per_minute < math.inf):
            raise ValueError("a rate lets at least one through, and again after a finite time")


class Limits:
    """Lets a call through or says how long to wait. Safe to use from many threads.

    Memory is bounded: beyond `most` buckets the one unused for longest is forgotten, and it is
    the fullest or nearly so.
    """

    def __init__(
        self,
        rates: Mapping[str, Rate],
        *,
        most: int = MOST_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a rate per kind of name, for instance `identity` and `network`."""
        self._rates = dict(rates)
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, **names: str) -> float:
        """Return 0.0 where every name still has room, and count the call against each of them.

        Otherwise return the seconds to wait, more than 0, and count nothing. Names are of the
        kinds that have a rate: `take(identity="7", network="203.0.113.0/24")`.
        """
        with self._lock:
            now = self._clock()
            levels = {key: self._level(key, now) for key in names.items()}
            wait = max(self._wait(key, level) for key, level in levels.items())
            for key, level in levels.items():
                self._buckets[key] = (level - 1 if wait <= 0 else level, now)
                self._buckets.move_to_end(key)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        return wait

    def __len__(self) -> int:
        return len(self._buckets)

    def _level(self, key: tuple[str, str], now: float) -> float:
        rate = self._rates[key[0]]
        level, then = self._buckets.get(key, (float(rate.burst), now))
        return min(float(rate.burst), level + max(0.0, now - then) * rate.per_minute / 60)

    def _wait(self, key: tuple[str, str], level: float) -> float:
        # Sums of many small refills miss a whole one by a hair.
        missing = 1 - level
        return missing * 60 / self._rates[key[0]].per_minute if missing > 1e-9 else 0.0
