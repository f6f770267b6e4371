"""Votes: ship or skip, one per identity and tool, with an append-only log of every change.

Tallies can be recounted from the log alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, distinct, func, select
from sqlalchemy import insert as plain_insert

from panel.foundation.errors import Banned, CommunityError
from panel.publish.community.database import Database
from panel.publish.community.tables import identities, insert, ledger, votes
from panel.publish.community.tally import Choice, Tally, tallies

Cause = Literal["cast", "withdrawn", "merged", "removed"]


def log_vote(
    connection: Connection, vote: Mapping[str, Any], *, cause: Cause, at: datetime
) -> None:
    """Append one change to the log. `vote` has identity, tool, choice (None: gone) and network.

    Called after the vote's own row was written, and so while it is locked: the log's order is
    the order in which votes changed.
    """
    row = {key: vote[key] for key in ("identity", "tool", "choice", "network")}
    connection.execute(plain_insert(ledger).values({**row, "cause": cause, "at": at}))


def replay_log(entries: Iterable[tuple[int, str, str | None]]) -> dict[tuple[int, str], str]:
    """Return the votes in force after all (identity, tool, choice) entries, oldest first."""
    standing: dict[tuple[int, str], str] = {}
    for identity, tool, choice in entries:
        if choice is None:
            standing.pop((identity, tool), None)
        else:
            standing[identity, tool] = choice
    return standing


def recount(connection: Connection) -> dict[str, Tally]:
    """Return every tool's tally from the ledger alone; banned identities do not count."""
    columns = (ledger.c.identity, ledger.c.tool, ledger.c.choice)
    entries = connection.execute(select(*columns).order_by(ledger.c.id)).yield_per(1000)
    standing = replay_log((row.identity, row.tool, row.choice) for row in entries)
    allowed = select(identities.c.id, identities.c.kind).where(identities.c.banned.is_(None))
    kinds = {row.id: row.kind for row in connection.execute(allowed)}
    return tallies(
        (tool, kinds[identity], choice, 1)
        for (identity, tool), choice in standing.items()
        if identity in kinds
    )


BULK: Final = "votes of many"
"""Merging, and removing a batch, touch many votes: one of them at a time."""
LONGEST_TOOL: Final = 300
_NAMED: Final = 1000


@dataclass(frozen=True)
class VoteBatch:
    """Votes that came from one network, as an operator looks at them."""

    mark: str
    """The network's keyed hash: what `remove_batch` takes."""
    votes: int
    identities: int
    tools: int
    first: datetime
    last: datetime


class VoteStore:
    """The community's votes. Times are aware; without one, it is now."""

    def __init__(self, database: Database) -> None:
        """Use an open database."""
        self._database = database

    def cast(
        self,
        identity: int,
        tool: str,
        choice: Choice,
        *,
        network: str,
        now: datetime | None = None,
    ) -> bool:
        """Set the identity's vote on a tool; return whether that changed anything.

        `network` is where the voter came from (see `networks`); only its keyed hash is kept.
        Idempotent. Raises `Banned`, `CommunityError` for an identity or choice
        that is none, `DatabaseDown`.
        """
        if choice not in ("ship", "skip"):
            raise CommunityError("a vote is ship or skip")
        if not 0 < len(tool) <= LONGEST_TOOL or not tool.isprintable():
            raise CommunityError("there is no such tool")
        now = now or datetime.now(UTC)
        row = {"identity": identity, "tool": tool, "choice": choice, "at": now}
        row["network"] = self._network(network)
        with self._database.writing() as connection:
            _check_may_vote(connection, identity)
            added = insert(connection, votes).values(row)
            new = {key: added.excluded[key] for key in ("choice", "network", "at")}
            changed = added.on_conflict_do_update(
                index_elements=[votes.c.identity, votes.c.tool], set_=new,
                where=votes.c.choice != added.excluded.choice,
            ).returning(votes.c.tool)  # fmt: skip
            if not connection.execute(changed).first():
                return False
            log_vote(connection, row, cause="cast", at=now)
        return True

    def withdraw(self, identity: int, tool: str, *, now: datetime | None = None) -> bool:
        """Take the identity's vote on a tool back; return whether there was one."""
        this = and_(votes.c.identity == identity, votes.c.tool == tool)
        with self._database.writing() as connection:
            gone = _drop(connection, this, cause="withdrawn", now=now)
        return bool(gone)

    def choice(self, identity: int, tool: str) -> Choice | None:
        """Return how the identity votes on a tool, None where it does not."""
        this = (votes.c.identity == identity) & (votes.c.tool == tool)
        with self._database.reading() as connection:
            choice: Choice | None = connection.execute(
                select(votes.c.choice).where(this)
            ).scalar_one_or_none()
        return choice

    def tally(self, tool: str) -> Tally:
        """Return the votes on one tool."""
        return self.tallies([tool])[tool]

    def tallies(self, tools: Collection[str] | None = None) -> dict[str, Tally]:
        """Return the votes on these tools, zeros included; None is every tool that has votes."""
        query = (
            select(votes.c.tool, identities.c.kind, votes.c.choice, func.count())
            .join_from(votes, identities)
            .where(identities.c.banned.is_(None))
            .group_by(votes.c.tool, identities.c.kind, votes.c.choice)
        )
        if tools is not None and len(tools) <= _NAMED:  # beyond, counting all of them is quicker
            query = query.where(votes.c.tool.in_(list(tools)))
        with self._database.reading() as connection:
            counts = tallies(tuple(row) for row in connection.execute(query))
        return counts if tools is None else {tool: counts.get(tool, Tally()) for tool in tools}

    def recount(self) -> dict[str, Tally]:
        """Return what `tallies()` must be, counted anew from the raw log."""
        with self._database.reading() as connection:
            return recount(connection)

    def batches(
        self, *, since: datetime | None = None, until: datetime | None = None, limit: int = 20
    ) -> tuple[VoteBatch, ...]:
        """Return the networks that most votes of a time span came from, most first."""
        number = func.count()
        query = (
            select(
                votes.c.network, number, func.count(distinct(votes.c.identity)),
                func.count(distinct(votes.c.tool)),
                func.min(votes.c.at, type_=votes.c.at.type),
                func.max(votes.c.at, type_=votes.c.at.type),
            )
            .where(_within(since, until)).group_by(votes.c.network)
            .order_by(number.desc(), votes.c.network).limit(limit)
        )  # fmt: skip
        with self._database.reading() as connection:
            return tuple(VoteBatch(*row) for row in connection.execute(query))

    def remove_batch(
        self,
        *,
        network: str | None = None,
        mark: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        now: datetime | None = None,
    ) -> int:
        """Remove the votes of one network, within [since, until) where given; return how many.

        The network is named as `cast` had it, or by its `mark` as `batches` lists it.
        """
        if (network is None) == (mark is None):
            raise CommunityError("name the network of the votes to remove, or its mark")
        here = votes.c.network == (mark if network is None else self._network(network))
        with self._database.writing(alone=BULK) as connection:
            return _drop(connection, here & _within(since, until), cause="removed", now=now)

    def _network(self, network: str) -> str:
        return self._database.mark("network", network)


def _check_may_vote(connection: Connection, identity: int) -> None:
    row = connection.execute(
        select(identities.c.banned).where(identities.c.id == identity)
    ).one_or_none()
    if row is None:
        raise CommunityError("there is no such identity")
    if row.banned is not None:
        raise Banned("votes of this identity are not taken any more")


def _within(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    after = [votes.c.at >= since] if since else []
    before = [votes.c.at < until] if until else []
    return and_(True, *after, *before)


def _drop(
    connection: Connection, which: ColumnElement[bool], *, cause: Any, now: datetime | None
) -> int:
    now = now or datetime.now(UTC)
    gone = connection.execute(delete(votes).where(which).returning(*votes.c)).all()
    for vote in gone:
        log_vote(connection, {**vote._mapping, "choice": None}, cause=cause, at=now)
    return len(gone)
