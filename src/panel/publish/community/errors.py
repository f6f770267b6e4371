"""Errors of the database drivers as errors of panel: one line, the database named, no password."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from panel.foundation.errors import DatabaseDown, DatabaseError, DatabaseFull, Unkeepable
from panel.foundation.text import one_line

_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a pair that stands for one letter; no text by itself."""


@contextmanager
def database_error(
    place: str, *, secrets: tuple[str, ...] = (), hint: str = "try again once it answers"
) -> Iterator[None]:
    """Raise `DatabaseDown`, `DatabaseFull` or `DatabaseError` for what the driver raises within.

    What it says of a value that it cannot keep, such as a NUL or a number beyond 63 bits, becomes
    `Unkeepable`.

    Args:
        place: The database in messages: a file, or host and name.
        secrets: Texts that must not stand in a message.
        hint: What to do about a database that does not answer.
    """
    try:
        yield
    except exc.TimeoutError:
        message = f"{place}: every connection is busy"
        raise DatabaseDown(message, hint="try again in a moment") from None
    except (OverflowError, UnicodeEncodeError, exc.DataError):
        raise unkeepable() from None
    except exc.DBAPIError as error:
        # Not chained: the driver's own text may hold what must not be shown.
        if (known := _known(error, f"{place}: {_said(error.orig, secrets)}", place, hint)) is None:
            raise
        raise known from None


def keepable(value: str | int) -> bool:
    """Tell whether both databases can keep a value: no NUL, no half a letter, at most 63 bits."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return "\0" not in value and not _HALF.search(value)


def unkeepable() -> Unkeepable:
    """Return the error about such a value, which it does not show."""
    return Unkeepable("a number is too large, or letters cannot be kept")


def _known(error: exc.DBAPIError, message: str, place: str, hint: str) -> DatabaseError | None:
    origin = error.orig
    code = str(getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or "")
    if code in ("SQLITE_FULL", "53100"):
        return DatabaseFull(f"{place}: no room left on the disk", hint="free some space")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DatabaseError(f"{message}; it is damaged, or no database of panel")
    if code.startswith("SQLITE_BUSY"):
        return DatabaseDown(f"{place}: locked by another process", hint="try again")
    if error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError):
        return DatabaseDown(message, hint=hint)
    return None


def _said(origin: BaseException | None, secrets: tuple[str, ...]) -> str:
    text = one_line(str(origin))
    for secret in secrets:
        text = text.replace(secret, "…")
    return text[:300] or "it does not answer"
