"""Migrations: the database brought to the tables this version knows, once, under a lock.

The steps lie in `migrations/versions`; there is no environment file, since panel runs them itself.
"""

import threading
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from panel.foundation.errors import DatabaseError
from panel.foundation.text import printable

VERSION_TABLE: Final = "schema_version"

_LOCK_NUMBER: Final = 7_291_144_650_125_019_237
_ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic keeps the migration that is running in a global of the process."""


def migrate(engine: Engine, place: str) -> None:
    """Bring the database up to date; does nothing where it is.

    Whoever comes second waits and finds the work done. Raises `DatabaseError` where the database
    was made by a newer panel.
    """
    steps = ScriptDirectory(str(Path(__file__).with_name("migrations")))
    with engine.begin() as connection:
        if _current(connection) == steps.get_current_head():
            return
    with _ONE_AT_A_TIME, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))
        _check_known(_current(connection), steps, place)
        _upgrade(connection, steps)


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _check_known(current: str | None, steps: ScriptDirectory, place: str) -> None:
    known = {step.revision for step in steps.walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseError(
            f"{place}: made by a newer panel (its tables are at step"
            f" {printable(current)[:40]!r}, which this one does not know)",
            hint="pip install --upgrade panel-verdict",
        )


def _upgrade(connection: Connection, steps: ScriptDirectory) -> None:
    def to_head(revision: tuple[str, ...], _context: MigrationContext) -> list[RevisionStep]:
        return list(steps._upgrade_revs("head", revision))  # type: ignore[arg-type]

    with EnvironmentContext(Config(), steps, fn=to_head) as environment:
        environment.configure(
            connection=connection, version_table=VERSION_TABLE, transactional_ddl=True
        )
        environment.run_migrations()
