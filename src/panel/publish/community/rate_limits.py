"""Rate limits: a token bucket per identity, per network, per whatever is named.

Buckets live in memory, so that a database that is down lets nobody through; `RateBuckets` stores
them, so that a restart resets no limit.
"""

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from panel.publish.community.database import Database
from panel.publish.community.tables import buckets, insert

_WIDER: Final = (32, 24)
"""Longer and longer reaches of IPv6: one owner of a /32 has 65,536 networks of a /48."""


def networks(address: str) -> tuple[str, ...]:
    """Return the network a visitor comes from and, for IPv6, those around it, the nearest first."""
    nearest = network(address)
    if ":" not in nearest:
        return (nearest,)
    inner = ipaddress.IPv6Network(nearest)
    return (nearest, *(str(inner.supernet(new_prefix=bits)) for bits in _WIDER))


def network(address: str) -> str:
    """Return the network a visitor comes from: the /24 of IPv4, the /48 of IPv6.

    An IPv4 address written as IPv6 is IPv4. What is no address is a network of its own, so that
    a socket without one works and nothing escapes the limits.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    bits = 24 if ip.version == 4 else 48
    return str(ipaddress.ip_network(f"{ip}/{bits}", strict=False))


MOST_BUCKETS: Final = 50_000
WIDER: Final = 2
"""What a wider network may do, in times what the one within it may."""

Names = str | tuple[str, ...]
"""One name; or the names of one network after the other, each around the one before it."""
Key = tuple[str, str]
"""A kind of name, and the name as it is remembered."""


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many a minute in the long run."""

    burst: int
    per_minute: float

    def __post_init__(self) -> None:
        if self.burst < 1 or not (0 < self.per_minute < math.inf):
            raise ValueError("a rate lets at least one through, and again after a finite time")


@dataclass(frozen=True)
class Bucket:
    """What is left of one name's burst, and how many seconds ago that was so."""

    level: float
    age: float


class RateLimits:
    """Admits a call or returns how long to wait. Safe to use from many threads.

    Memory is bounded: beyond `most` buckets the one unused for longest is forgotten, and it is
    the fullest or nearly so.
    """

    def __init__(
        self,
        rates: Mapping[str, Rate],
        *,
        most: int = MOST_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
        remember: Callable[[str], str] = str,
    ) -> None:
        """Take a rate per kind of name, for instance `identity` and `network`.

        `remember` turns a name into the one that is kept, for instance a keyed hash.
        """
        self._rates = dict(rates)
        self._most = most
        self._clock = clock
        self._remember = remember
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        self._changed: set[Key] = set()

    def take(self, **names: Names) -> float:
        """Return 0.0 where every name still has room, and count the call against each of them.

        Otherwise return the seconds to wait, more than 0, and count nothing. Names are of the
        kinds that have a rate: `take(identity="7", network="203.0.113.0/24")`. Of several names of
        a kind each is a wider network than the one before, and has `WIDER` times its rate.
        """
        keys = {
            (kind, self._remember(name)): self._rate(kind, step)
            for kind, named in names.items()
            for step, name in enumerate((named,) if isinstance(named, str) else named)
        }
        with self._lock:
            now = self._clock()
            levels = {key: self._level(key, rate, now) for key, rate in keys.items()}
            wait = max(_wait(keys[key], level) for key, level in levels.items())
            for key, level in levels.items():
                self._buckets[key] = (level - 1 if wait <= 0 else level, now)
                self._buckets.move_to_end(key)
            if wait <= 0:
                self._changed.update(levels)
            while len(self._buckets) > self._most:
                self._changed.discard(self._buckets.popitem(last=False)[0])
        return wait

    def changed(self) -> dict[Key, Bucket]:
        """Return what has changed since the last call, to be stored."""
        with self._lock:
            now = self._clock()
            buckets = {
                key: Bucket(self._buckets[key][0], max(0.0, now - self._buckets[key][1]))
                for key in self._changed
                if key in self._buckets
            }
            self._changed.clear()
        return buckets

    def note(self, keys: Iterable[Key]) -> None:
        """Return these from `changed` again: they could not be stored."""
        with self._lock:
            self._changed.update(keys)

    def restore(self, stored: Mapping[Key, Bucket]) -> None:
        """Restore what an earlier process has stored; kinds without a rate are left out."""
        with self._lock:
            now = self._clock()
            for key, bucket in stored.items():
                if key[0] in self._rates and key not in self._buckets:
                    self._buckets[key] = (bucket.level, now - max(0.0, bucket.age))

    @property
    def longest(self) -> float:
        """Seconds after which every bucket is full again."""
        return max(60 * rate.burst / rate.per_minute for rate in self._rates.values())

    def __len__(self) -> int:
        return len(self._buckets)

    def _rate(self, kind: str, step: int) -> Rate:
        rate, times = self._rates[kind], WIDER**step
        return rate if step == 0 else Rate(rate.burst * times, rate.per_minute * times)

    def _level(self, key: Key, rate: Rate, now: float) -> float:
        level, then = self._buckets.get(key, (float(rate.burst), now))
        return min(float(rate.burst), level + max(0.0, now - then) * rate.per_minute / 60)


def _wait(rate: Rate, level: float) -> float:
    # Sums of many small refills miss a whole one by a hair.
    missing = 1 - level
    return missing * 60 / rate.per_minute if missing > 1e-9 else 0.0


class RateBuckets:
    """The stored state of rate limits. Times are aware; without one, it is now."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    def keep(self, changed: Mapping[Key, Bucket], *, now: datetime | None = None) -> None:
        """Store the changed buckets."""
        now = now or datetime.now(UTC)
        rows = [
            {
                "kind": kind,
                "name": name,
                "level": bucket.level,
                "at": now - timedelta(0, bucket.age),
            }
            for (kind, name), bucket in sorted(changed.items())
        ]
        if not rows:
            return
        with self._database.writing() as connection:
            added = insert(connection, buckets)
            new = {name: added.excluded[name] for name in ("level", "at")}
            here = [buckets.c.kind, buckets.c.name]
            connection.execute(added.on_conflict_do_update(index_elements=here, set_=new), rows)

    def forget(self, before: datetime) -> int:
        """Forget what was last used before then; return how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(buckets).where(buckets.c.at < before)).rowcount

    def kept(self, *, now: datetime | None = None) -> dict[Key, Bucket]:
        """Return the stored buckets, the newest where there are more than `MOST_BUCKETS`."""
        now = now or datetime.now(UTC)
        newest = select(buckets).order_by(buckets.c.at.desc()).limit(MOST_BUCKETS)
        with self._database.reading() as connection:
            rows = connection.execute(newest).all()
        # From the oldest on, as a server would have met them.
        return {
            (row.kind, row.name): Bucket(row.level, (now - row.at).total_seconds())
            for row in reversed(rows)
        }
