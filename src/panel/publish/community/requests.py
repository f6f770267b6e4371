"""Review requests from the page: a bounded queue that outlives the server."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, select, true, update
from sqlalchemy import insert as plain_insert

from panel.foundation.errors import BudgetSpent, CommunityError, QueueFull
from panel.foundation.text import clean, one_line, printable
from panel.foundation.urls import web_address
from panel.publish.community.database import Database
from panel.publish.community.errors import keepable, unkeepable
from panel.publish.community.tables import requests

State = Literal["queued", "running", "done", "failed"]

MOST_QUEUED: Final = 100
NAME: Final = 120
URL: Final = 500
DESCRIPTION: Final = 2_000
LONGEST: Final = {"name": NAME, "url": URL, "description": DESCRIPTION}
"""Characters a field may have, on pages, in the API and here; longer ones are turned down."""

DAY: Final = timedelta(hours=24)

_WAITING: Final = ("queued", "running")
_QUEUE: Final = "the queue of requests"


@dataclass(frozen=True)
class Budget:
    """How many reviews may be requested in any 24 hours."""

    all: int
    person: int


@dataclass(frozen=True)
class Request:
    """One requested review. `key` is the tool's in the archive, once it is done."""

    id: int
    name: str
    url: str | None
    description: str | None
    state: State
    run: str | None
    key: str | None
    message: str | None
    created: datetime
    changed: datetime


class Requests:
    """The queue. Times are aware; without one, it is now."""

    def __init__(self, database: Database, *, most: int = MOST_QUEUED) -> None:
        """Remember the database, and how many requests may be queued at once."""
        self._database = database
        self._most = most

    def add(
        self,
        name: str,
        url: str | None = None,
        description: str | None = None,
        *,
        requester: str | None = None,
        budget: Budget | None = None,
        now: datetime | None = None,
    ) -> Request:
        """Queue a request; one that is queued or running already is returned instead.

        `requester` is who sends it, stored as a keyed hash only; None: a program with the key.
        Raises `CommunityError` for fields that cannot be a tool, `BudgetSpent`, `QueueFull`,
        `DatabaseDown`.
        """
        fields = check_request(name, url, description)
        waiting = self._database.mark("request", "\0".join(v or "" for v in fields.values()))
        mark = None if requester is None else self._database.mark("asker", requester)
        now = now or datetime.now(UTC)
        with self._database.writing(alone=_QUEUE) as connection:
            same = select(requests).where(requests.c.waiting == waiting)
            if row := connection.execute(same).one_or_none():
                return _request(row)
            if budget is not None:
                _check_budget(connection, budget, mark, now)
            queued = select(func.count()).where(requests.c.state == "queued")
            if connection.execute(queued).scalar_one() >= self._most:
                raise QueueFull(
                    f"{self._most} review requests are waiting already", hint="try again later"
                )
            new = {**fields, "state": "queued", "waiting": waiting, "created": now, "changed": now}
            new["asker"] = mark
            added = plain_insert(requests).values(new).returning(*requests.c)
            return _request(connection.execute(added).one())

    def next(self, *, now: datetime | None = None) -> Request | None:
        """Take the oldest queued request, which is running from then on; None where none is."""
        oldest = (
            select(requests.c.id).where(requests.c.state == "queued")
            .order_by(requests.c.id).limit(1).with_for_update(skip_locked=True)
        )  # fmt: skip
        with self._database.writing() as connection:
            request_id = connection.execute(oldest).scalar_one_or_none()
            if request_id is None:
                return None
            changes = {"state": "running", "changed": now or datetime.now(UTC)}
            taken = update(requests).where(requests.c.id == request_id).values(changes)
            return _request(connection.execute(taken.returning(*requests.c)).one())

    def running(self, request: int, *, run: str, now: datetime | None = None) -> None:
        """Store the run that reviews it, so that it is resumed after a crash."""
        self._change(request, {"run": run}, now)

    def done(self, request: int, *, run: str, key: str, now: datetime | None = None) -> None:
        """Store the run that holds the verdict, and the tool's key in the archive."""
        ended = {"state": "done", "run": run, "key": key, "message": None, "waiting": None}
        self._change(request, ended, now)

    def failed(self, request: int, *, message: str, now: datetime | None = None) -> None:
        """Store in one line why there will be no verdict."""
        reason = printable(message)[:500]
        self._change(request, {"state": "failed", "message": reason, "waiting": None}, now)

    def get(self, request: int) -> Request | None:
        """Return a request, None where there is none of this number. Raises `Unkeepable`."""
        if not keepable(request):
            raise unkeepable()
        with self._database.reading() as connection:
            row = connection.execute(select(requests).where(requests.c.id == request)).one_or_none()
        return _request(row) if row else None

    def ahead(self, request: int) -> int:
        """Return how many queued or running requests come before this one."""
        before = requests.c.state.in_(_WAITING) & (requests.c.id < request)
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(before)).scalar_one()

    def recent(self, *, limit: int = 20) -> tuple[Request, ...]:
        """Return the newest requests, newest first."""
        newest = select(requests).order_by(requests.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(_request(row) for row in connection.execute(newest))

    def recover(self, *, now: datetime | None = None) -> int:
        """Queue again what a server that died had running; return how many.

        For a server's start: what another one is running meanwhile would be run twice. `run`
        stays, so that a run already begun can be resumed.
        """
        again = update(requests).where(requests.c.state == "running")
        with self._database.writing() as connection:
            changes = {"state": "queued", "changed": now or datetime.now(UTC)}
            return connection.execute(again.values(changes)).rowcount

    def _change(self, request: int, changes: dict[str, Any], now: datetime | None) -> None:
        """Change a running request; one that has ended stays as it is."""
        this = (requests.c.id == request) & (requests.c.state == "running")
        changes = {**changes, "changed": now or datetime.now(UTC)}
        with self._database.writing() as connection:
            connection.execute(update(requests).where(this).values(changes))


def check_request(name: str, url: str | None, description: str | None) -> dict[str, str | None]:
    """Return the fields of a request cleaned, empty ones as None. Raises `CommunityError`."""
    fields = {
        "name": one_line(clean(name)[0]) or None,
        "url": (url or "").strip() or None,
        "description": clean(description or "")[0].strip() or None,
    }
    for field, value in fields.items():
        if value is not None and len(value) > LONGEST[field]:
            raise CommunityError(f"{field} has more than {LONGEST[field]} characters")
    if fields["name"] is None:
        raise CommunityError("a request needs the tool's name")
    if fields["url"] is None and fields["description"] is None:
        raise CommunityError("a request needs the tool's web address or a description")
    if fields["url"] is not None and not _web_address(fields["url"]):
        raise CommunityError("the web address must begin with https:// or http://")
    return fields


def _web_address(url: str) -> bool:
    plain = url.isprintable() and " " not in url and "\\" not in url
    return plain and web_address(url) is not None


def _request(row: Row[Any]) -> Request:
    hidden = {"waiting", "asker"}
    return Request(**{key: value for key, value in row._mapping.items() if key not in hidden})


def _check_budget(
    connection: Connection, budget: Budget, requester: str | None, now: datetime
) -> None:
    """Raise `BudgetSpent` where the requests of the last day reach a limit: one's own or all's."""
    if requester is not None:
        mine = requests.c.asker == requester
        wait = _until_free(connection, mine, budget.person, now)
        if wait is not None:
            most = f"{budget.person} review{'s' if budget.person != 1 else ''}"
            raise BudgetSpent(f"one person or network may ask for {most} a day here", wait=wait)
    wait = _until_free(connection, true(), budget.all, now)
    if wait is not None:
        raise BudgetSpent("as many reviews were asked for today as are taken in a day", wait=wait)


def _until_free(
    connection: Connection, which: ColumnElement[bool], most: int, now: datetime
) -> float | None:
    """Return the seconds until one more fits into the last 24 hours, None where it does now."""
    recent = which & (requests.c.created > now - DAY)
    newest = select(requests.c.created).where(recent).order_by(requests.c.id.desc())
    if most < 1:
        return DAY.total_seconds()
    row = connection.execute(newest.offset(most - 1).limit(1)).first()
    if row is None:
        return None
    leaves: timedelta = row.created + DAY - now
    # A clock that went back must not make anybody wait for longer than a day.
    return min(DAY, leaves).total_seconds()
