"""Buckets of flood limits in the database, so that a restart lets nobody begin anew."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from panel.publish.community.database import Database
from panel.publish.community.rate_limits import MOST_BUCKETS, Bucket, Key
from panel.publish.community.tables import buckets
from panel.publish.community.upsert import insert


class RateBuckets:
    """What is used up of flood limits. Times are aware; without one, it is now."""

    def __init__(self, database: Database) -> None:
        """Remember the database."""
        self._database = database

    def keep(self, changed: Mapping[Key, Bucket], *, now: datetime | None = None) -> None:
        """Write down what has changed."""
        now = now or datetime.now(UTC)
        rows = [
            {"kind": kind, "name": name, "level": each.level, "at": now - timedelta(0, each.age)}
            for (kind, name), each in sorted(changed.items())
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
        """Return what was written down, the newest ones where there are very many."""
        now = now or datetime.now(UTC)
        newest = select(buckets).order_by(buckets.c.at.desc()).limit(MOST_BUCKETS)
        with self._database.reading() as connection:
            rows = connection.execute(newest).all()
        # From the oldest on, as a server would have met them.
        return {
            (row.kind, row.name): Bucket(row.level, (now - row.at).total_seconds())
            for row in reversed(rows)
        }
