"""The journal's tables and its format number. Knows no queries."""

import sqlite3
import zlib
from collections.abc import Sequence
from typing import Final

FORMAT: Final = "1"
"""Goes up when an older panel could not read what a newer one writes."""

Value = str | bytes | int | float | None
Row = tuple[Value, ...]
Statement = tuple[str, Row]

CALL_COLUMNS: Final = (
    "key", "tool", "persona", "step", "sample", "attempt", "started", "seconds",
    "status", "reason", "detail", "system", "shared", "schema", "tail",
    "max_tokens", "temperature", "logprobs", "format", "finish_reason",
    "model", "served_by", "request_id",
    "input_tokens", "cached_tokens", "output_tokens", "cost_usd",
    "reply", "raw", "reused", "sum",
)  # fmt: skip
"""`status`: ok (may be reused), unusable (answered, but not usable) or failed (no reply).
`system`, `shared` and `schema` name rows of `texts`. `sum` is the checksum of all before it."""

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, sum INTEGER);
CREATE TABLE tools (slug TEXT PRIMARY KEY, body TEXT NOT NULL, fingerprint TEXT, sum INTEGER);
CREATE TABLE evidence (slug TEXT PRIMARY KEY, body TEXT NOT NULL, sum INTEGER);
CREATE TABLE texts (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL, tool TEXT NOT NULL, persona TEXT NOT NULL, step TEXT NOT NULL,
    sample INTEGER, attempt INTEGER, started TEXT, seconds REAL,
    status TEXT NOT NULL, reason TEXT, detail TEXT,
    system TEXT, shared TEXT, schema TEXT, tail TEXT,
    max_tokens INTEGER, temperature REAL, logprobs INTEGER, format TEXT, finish_reason TEXT,
    model TEXT, served_by TEXT, request_id TEXT,
    input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, cost_usd REAL,
    reply TEXT, raw BLOB, reused INTEGER NOT NULL, sum INTEGER);
CREATE INDEX calls_answered ON calls (key) WHERE status = 'ok';
CREATE INDEX calls_of_tool ON calls (tool);
CREATE TABLE reviews (tool TEXT, persona TEXT, sample INTEGER, body TEXT NOT NULL, sum INTEGER,
    PRIMARY KEY (tool, persona, sample));
CREATE TABLE missing (tool TEXT, persona TEXT, sample INTEGER, body TEXT NOT NULL, sum INTEGER,
    PRIMARY KEY (tool, persona, sample));
CREATE TABLE verdicts (tool TEXT PRIMARY KEY, body TEXT NOT NULL, sum INTEGER);
CREATE TABLE files (name TEXT PRIMARY KEY);
"""
"""`tools` and `files` are in the order of their rowid; a body is JSON."""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new journal in one transaction."""
    stamp = f"INSERT INTO meta (name, value) VALUES ('format', '{FORMAT}');"
    connection.executescript(f"BEGIN IMMEDIATE;{TABLES}{stamp}COMMIT;")


def checksum(values: Sequence[Value]) -> int:
    """Return the CRC-32 of a row's values, each with a unit separator behind: SQLite has none."""
    if bytes not in map(type, values):
        return zlib.crc32(("\x1f".join(map(str, values)) + "\x1f").encode())
    parts = [value if type(value) is bytes else str(value).encode() for value in values]
    return zlib.crc32(b"\x1f".join(parts) + b"\x1f")


def with_checksum(*values: Value) -> Row:
    """Return the values with their checksum behind them."""
    return (*values, checksum(values))


def checksum_matches(row: Row) -> bool:
    """Tell whether a row, its checksum last, is what was written."""
    try:
        return checksum(row[:-1]) == row[-1]
    except UnicodeEncodeError:
        return False
