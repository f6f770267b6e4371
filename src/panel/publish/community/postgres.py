"""PostgreSQL: an engine whose connections are checked before use and whose waits all end."""

import importlib.util
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from panel.foundation.errors import SettingsError

_WAITS: Final = (
    "SET statement_timeout = '15s'; SET lock_timeout = '10s';"
    " SET idle_in_transaction_session_timeout = '30s'"
)


def postgres_engine(url: URL) -> Engine:
    """Return an engine for the server; nothing is connected yet.

    A connection that a restarted server has dropped is replaced before it is used. Raises
    `SettingsError` where the driver is not installed.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise SettingsError(
            "PostgreSQL needs a driver that is not installed",
            hint='pip install "panel-verdict[postgres]"',
        )
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,  # a network that swallows packets is noticed
            "application_name": "panel",
            "prepare_threshold": None,  # poolers between us and the server cannot prepare
        },
        pool_size=10, max_overflow=0, pool_timeout=15, pool_pre_ping=True, hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS)
    connection.commit()
