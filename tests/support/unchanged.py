"""What a command that refuses leaves behind: exactly what was there, byte for byte.

`Desk.run` checks every command that ends with 2 (bad input) this way; `unchanged` is for tests
that call the code itself.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every file under a folder by its path, with its bytes; None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def changes(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> list[str]:
    """Return the paths that appeared, went or changed."""
    names = before.keys() | after.keys()
    gone = object()
    return sorted(n for n in names if before.get(n, gone) != after.get(n, gone))


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Assert that what happens inside changes nothing in the folder."""
    before = contents(folder)
    yield
    assert changes(before, contents(folder)) == []
