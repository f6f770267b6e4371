"""Whose database it is: a fingerprint of the secret that its keys were made with.

Under another secret nobody is known again: the same visitor could vote twice, mailed links would
lead nowhere. So a database is of use with its own secret only.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, inspect, select

from panel.foundation.errors import DatabaseError
from panel.publish.community.tables import identities, installation, subscribers
from panel.publish.community.upsert import insert

_NAME: Final = "secret"
_HASHED: Final = (identities, subscribers)
"""Tables whose keys mean nothing under another secret."""


def check_present(connection: Connection, *, file: Path, place: str) -> None:
    """Raise `DatabaseError` where the secret in `file` is lost that the database is kept under.

    Writes nothing, and works on the tables of every release.
    """
    if file.exists():
        return
    there = inspect(connection).get_table_names()
    if _is_used(connection, [table for table in _HASHED if table.name in there]):
        raise DatabaseError(
            f"{file} is missing, the secret that {place} was kept under:"
            " without it the same visitor could vote twice",
            hint=f"put {file} back from a backup; docs/serving.md says how to go on without one",
        )


def claim(connection: Connection, mark: str, *, file: Path, place: str) -> None:
    """Note the secret's fingerprint where there is none yet, or nothing was kept under it.

    Raises `DatabaseError` where the database is kept under another secret.
    """
    here = installation.c.name == _NAME
    kept = connection.execute(select(installation.c.value).where(here)).scalar_one_or_none()
    if kept == mark:
        return
    if kept is not None and _is_used(connection, _HASHED):
        raise DatabaseError(
            f"{place} was kept under another secret than the one in {file}:"
            " with this one the same visitor could vote twice",
            hint=f"put the database's own secret at {file}, or use another database",
        )
    row = insert(connection, installation).values(name=_NAME, value=mark)
    connection.execute(
        row.on_conflict_do_update(index_elements=[installation.c.name], set_={"value": mark})
    )


def is_claimed(connection: Connection, mark: str) -> bool:
    """Tell whether the fingerprint is noted already."""
    here = (installation.c.name == _NAME) & (installation.c.value == mark)
    return connection.execute(select(installation.c.name).where(here)).first() is not None


def _is_used(connection: Connection, tables: Iterable[Table]) -> bool:
    return any(connection.execute(select(table.c.id).limit(1)).first() for table in tables)
