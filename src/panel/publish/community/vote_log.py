"""The ledger: the raw log of votes, and the tallies counted anew from it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy import insert as plain_insert

from panel.publish.community.tables import identities, ledger
from panel.publish.community.tally import Tally, tallies

Cause = Literal["cast", "withdrawn", "merged", "removed"]


def log_vote(
    connection: Connection, vote: Mapping[str, Any], *, cause: Cause, at: datetime
) -> None:
    """Write one change down. `vote` has identity, tool, choice (None: gone) and network.

    Called after the vote's own row was written, and so while it is locked: the ledger's order is
    the order in which votes changed.
    """
    row = {key: vote[key] for key in ("identity", "tool", "choice", "network")}
    connection.execute(plain_insert(ledger).values({**row, "cause": cause, "at": at}))


def replay_log(entries: Iterable[tuple[int, str, str | None]]) -> dict[tuple[int, str], str]:
    """Return the votes that stand after all (identity, tool, choice) entries, oldest first."""
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
