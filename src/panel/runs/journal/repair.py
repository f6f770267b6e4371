"""Repair of a damaged journal: rows that are as they were written go into a new one.

Tools and evidence that are lost come back from scorecards, which carry both; a fingerprint tells
whether that is what was asked about. The damaged file is kept beside the new one. What stays lost
is asked again by the resume that follows.
"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.atomic_files import sync_folder, write_error
from panel.foundation.errors import RunError
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.folders import VERDICTS
from panel.runs.journal.health import COLUMNS, DamagedRow, damaged_rows, file_damage, is_sound
from panel.runs.journal.opening import beside, copy_with_logs
from panel.runs.journal.schema import checksum_matches, create_tables, with_checksum
from panel.runs.journal.writer import SQLITE_ERRORS, sqlite_error


def restore(journal: sqlite3.Connection, folder: Path) -> Counter[str]:
    """Restore what scorecards of the run in `folder` still hold, within an open transaction.

    Returns how many rows of which table came back.
    """
    restored: Counter[str] = Counter()
    cards = list(_cards(journal, folder))
    known = dict(journal.execute("SELECT slug, fingerprint FROM tools"))
    read = {slug for (slug,) in journal.execute("SELECT slug FROM evidence")}
    places = {rowid for (rowid,) in journal.execute("SELECT rowid FROM tools")}
    for place, card in cards:
        slug = card.tool.slug
        if slug not in read and (evidence := _evidence(card, known.get(slug))) is not None:
            journal.execute("INSERT INTO evidence VALUES (?, ?, ?)",
                            with_checksum(slug, evidence.model_dump_json()))  # fmt: skip
            read.add(slug)
            restored["evidence"] += 1
        if slug not in known and slug in read:
            at = place if place is not None and place not in places else None
            fingerprint = evidence_fingerprint(_stored(journal, slug))
            body = Tool(**card.tool.model_dump()).model_dump_json()
            journal.execute(
                "INSERT INTO tools (rowid, slug, body, fingerprint, sum) VALUES (?, ?, ?, ?, ?)",
                (at, *with_checksum(slug, body, fingerprint)),
            )
            known[slug] = fingerprint
            restored["tools"] += 1
            places |= {at} if at is not None else set()
    return restored


def _stored(journal: sqlite3.Connection, slug: str) -> Evidence:
    (body,) = journal.execute("SELECT body FROM evidence WHERE slug = ?", (slug,)).fetchone()
    return Evidence.model_validate_json(body)


def _evidence(card: Scorecard, fingerprint: str | None) -> Evidence | None:
    """Return a card's evidence where its fingerprint is the stored one, or none is stored."""
    if not card.evidence:
        return None
    # What was noted while it was read stands among the card's warnings, in one piece.
    warnings = card.warnings
    cuts = [(a, b) for a in range(len(warnings)) for b in range(a + 1, len(warnings) + 1)]
    for notes in ((), *(warnings[a:b] for a, b in cuts)):
        evidence = Evidence(sources=card.evidence, notes=notes)
        if fingerprint is None or evidence_fingerprint(evidence) == fingerprint:
            return evidence
    return None


def _cards(journal: sqlite3.Connection, folder: Path) -> Iterator[tuple[int | None, Scorecard]]:
    """Yield scorecards with their place among the run's tools, from 1, where it is known."""
    with contextlib.suppress(OSError), (folder / VERDICTS).open("rb") as file:
        for place, line in enumerate(file, 1):
            with contextlib.suppress(ValidationError):
                yield place, Scorecard.model_validate_json(line)
    for row in journal.execute("SELECT tool, body, sum FROM verdicts").fetchall():
        if checksum_matches(row):
            with contextlib.suppress(ValidationError):
                yield None, Scorecard.model_validate_json(row[1])


REPAIRED: Final = "mended"
"""The name in `meta` under which a repair is noted until the resume that follows has ended."""

_GIVE_UP: Final = 2_000
"""Rows in a row that cannot be read before the rest of a table is given up."""
_PAGE: Final = 4096
_NAMED: Final = 4
"""Damaged rows that are named one by one."""
_KINDS: Final = {
    "calls": "answers", "reviews": "reviews", "verdicts": "verdicts", "tools": "tools",
    "evidence": "tools' evidence", "missing": "reasons of missing reviews",
    "texts": "shared texts", "meta": "notes on the run",
}  # fmt: skip
_WORK: Final = ("tools", "evidence", "calls", "reviews", "verdicts")
"""Tables that hold a run's work."""

_NOTE: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)"


@dataclass(frozen=True)
class Saved:
    """How many rows of each table were saved, and how many were lost as far as that is known."""

    saved: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """Return the counts for people."""
        total = sum(self.saved.values())
        lost = _counted(self.lost) or "nothing that could be counted"
        return f"{total} rows were saved ({_counted(self.saved)}), lost: {lost}"


def repair(path: Path, *, tables: Iterable[str] = tuple(COLUMNS)) -> list[str]:
    """Repair the journal at `path` if it is damaged; return what was done, for people.

    Damage is what SQLite's own check or a row's checksum says; only rows of `tables` are read for
    that. The caller holds the run's lock.
    Raises `RunError` or `DiskFull`, and leaves everything as it was, where it cannot be done.
    """
    try:
        if not path.exists():
            return []
        why, rows = _damage(path, tables)
        if why:
            return [_rebuilt(path, why)]
        if rows:
            return [_without(path, rows)]
    except SQLITE_ERRORS as error:
        raise sqlite_error(error, path) from error
    except OSError as error:
        raise write_error(error, path) from error
    return []


def _damage(path: Path, tables: Iterable[str]) -> tuple[str | None, list[DamagedRow]]:
    """Return what is wrong with the file, and with its rows; both are looked for at once.

    Both read the whole file, mostly in C: a resume of ten thousand tools waits for it.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        file = pool.submit(file_damage, path)
        try:
            rows = damaged_rows(path, tables)
        except (*SQLITE_ERRORS, RunError):
            if why := file.result():
                return why, []
            raise
        return file.result(), rows


@contextlib.contextmanager
def salvaged(path: Path) -> Iterator[tuple[Path, Saved]]:
    """Make a new journal, in a temporary folder, of what can still be read of a damaged one.

    Raises `RunError` where no tool is left of it.
    """
    with tempfile.TemporaryDirectory(prefix="panel-") as folder:
        repaired = Path(folder) / path.name
        saved = _copy_rows(path, repaired)
        yield repaired, saved


def _hopeless(path: Path) -> RunError:
    return RunError(
        f"{path} is damaged, and nothing can be saved of it",
        hint="start the run again, or take the folder from a copy",
    )


def _rebuilt(path: Path, why: str) -> str:
    with salvaged(path) as (repaired, saved):
        damaged = _set_aside(path)
        new = path.with_name(f"{path.name}.repaired")
        shutil.copyfile(repaired, new)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        for end in ("-wal", "-shm", "-journal"):
            beside(path, end).unlink(missing_ok=True)
        os.replace(new, path)
        sync_folder(path.parent)
    return f"{path.name} was damaged ({why}): {saved.line()}; the damaged file is {damaged.name}"


def _without(path: Path, rows: Sequence[DamagedRow]) -> str:
    damaged = _set_aside(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for row in rows:
            connection.execute(f"DELETE FROM {row.table} WHERE rowid = ?", (row.rowid,))
        restore(connection, path.parent)
        if not connection.execute("SELECT count(*) FROM tools").fetchone()[0]:
            connection.execute("ROLLBACK")
            _discard(damaged)
            raise _hopeless(path)
        connection.execute(_NOTE, with_checksum(REPAIRED, damaged.name))
        connection.execute("COMMIT")
    return f"{named(path, rows)} were taken out; the damaged file is {damaged.name}"


def named(path: Path, rows: Sequence[DamagedRow]) -> str:
    """Return in a few words which rows of a journal are damaged."""
    lost = _counted(Counter(row.table for row in rows))
    first = ", ".join(row.what for row in rows[:_NAMED]) + (", …" if len(rows) > _NAMED else "")
    return f"{path.name} was damaged: {lost} not as written ({first})"


def _set_aside(path: Path) -> Path:
    number = 1
    while (copy := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        copy_with_logs(path, copy)
    except BaseException:
        _discard(copy)
        raise
    return copy


def _discard(copy: Path) -> None:
    for end in ("", "-wal", "-journal"):
        beside(copy, end).unlink(missing_ok=True)


def _counted(rows: Counter[str]) -> str:
    return ", ".join(f"{rows[table]} {kind}" for table, kind in _KINDS.items() if rows[table])


def _copy_rows(damaged: Path, repaired: Path) -> Saved:
    counts = Saved()
    with contextlib.closing(sqlite3.connect(repaired, isolation_level=None)) as target:
        create_tables(target)
        target.execute("BEGIN")
        with _source(damaged) as source:
            for table, columns in COLUMNS.items():
                marks = ", ".join("?" * (1 + len(columns)))
                put = (
                    f"INSERT OR IGNORE INTO {table} (rowid, {', '.join(columns)}) VALUES ({marks})"
                )
                unsound = 0
                for row in _readable(source, table):
                    if is_sound(table, row[1:]):
                        counts.saved[table] += target.execute(put, row).rowcount
                    else:
                        unsound += 1
                known = max(_known(source, table), counts.saved[table] + unsound)
                counts.lost[table] = known - counts.saved[table]
        # Which files were this run's is lost: those that are there count as such.
        folder = damaged.parent
        names = [(file.relative_to(folder).as_posix(),) for file in _files(folder)]
        target.executemany("INSERT OR IGNORE INTO files VALUES (?)", names)
        counts.saved.pop("files", None)
        counts.lost.subtract(restore(target, folder))
        left = target.execute("SELECT count(*) FROM tools").fetchone()[0]
        if not left or not any(counts.saved[table] for table in _WORK):
            raise _hopeless(damaged)
        target.execute(_NOTE, with_checksum(REPAIRED, "rebuilt"))
        target.execute("COMMIT")
    return counts


def _known(source: sqlite3.Connection, table: str) -> int:
    """Return how many rows there were, as far as an index or the rows' numbers tell."""
    count = "max(rowid)" if table == "calls" else "count(*)"
    with contextlib.suppress(*SQLITE_ERRORS):
        return int(source.execute(f"SELECT {count} FROM {table}").fetchone()[0] or 0)
    return 0


@contextlib.contextmanager
def _source(damaged: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(prefix="panel-") as folder:
        copy = Path(folder) / damaged.name
        copy_with_logs(damaged, copy)
        if not _defines_all(copy):
            _give_head(copy)
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield connection


def _defines_all(path: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for table, columns in COLUMNS.items():
                connection.execute(f"SELECT rowid, {', '.join(columns)} FROM {table} LIMIT 0")
    except SQLITE_ERRORS:
        return False
    return True


def _give_head(path: Path) -> None:
    # The first page holds only the header and the tables' definitions: a new journal's will do.
    fresh = path.with_name("fresh.db")
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        create_tables(connection)
    head = bytearray(fresh.read_bytes()[:_PAGE])
    pages = max(-(-path.stat().st_size // _PAGE), fresh.stat().st_size // _PAGE)
    head[28:32] = pages.to_bytes(4, "big")
    head[32:40] = bytes(8)  # no list of free pages
    with path.open("r+b") as file:
        file.write(head)
        file.truncate(pages * _PAGE)  # what was cut off comes back as zeros


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _readable(source: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    last = -1
    select = f"SELECT rowid, {', '.join(COLUMNS[table])} FROM {table} NOT INDEXED"
    try:
        for row in source.execute(select):
            last = max(last, row[0])
            yield row
    except SQLITE_ERRORS:
        yield from _behind(source, select, last)


def _behind(source: sqlite3.Connection, select: str, last: int) -> Iterator[tuple[Any, ...]]:
    failed = 1
    while failed < _GIVE_UP:
        # After a failure single rows are tried, to get past the damaged page.
        where = "rowid = ?" if failed else "rowid > ? ORDER BY rowid LIMIT 1"
        try:
            row = source.execute(f"{select} WHERE {where}", (last + (failed > 0),)).fetchone()
        except SQLITE_ERRORS:
            row = None
        else:
            if not row and not failed:
                return
        # In a damaged tree the next row may be one before.
        if row and row[0] > last:
            last, failed = row[0], 0
            yield row
        else:
            last, failed = last + (failed > 0), failed + 1
