"""Runs of thousands of tools in seconds: a few tools really reviewed, their rows then copied.

The journal is what `panel batch` writes: the copies differ in the number that stands in each
tool's name, slug, address and evidence, and their keys and checksums are computed as the journal
does, so that `panel verify` holds.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.source import Evidence
from panel.evidence.tools.tool_list import read_tools
from panel.foundation.settings import load_settings
from panel.llm.calls.client import request_key
from panel.llm.config import ProviderConfig
from panel.llm.types import ChatRequest
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.folders import JOURNAL, MANIFEST, VERDICTS
from panel.runs.journal.call_rows import text_digest
from panel.runs.journal.health import COLUMNS
from panel.runs.journal.schema import CALL_COLUMNS, with_checksum
from panel.runs.manifest import read_manifest
from panel.testing import Answer, Failure, ScriptedProvider, ScriptedRequest, ship, skip
from tests.support.command import ROOT

PROVIDER: Final = "scripted"
"""A provider by name: an answer's key holds it, and so stays good at another port."""
SEEDS: Final = 20
"""Tools that are really reviewed."""
_NUMBER: Final = re.compile(r"\bwidget[ -](\d{5})", re.IGNORECASE)
_EVIDENCE: Final = ROOT / "examples" / "tools" / "evidence" / "httpx.md"
_CATEGORIES: Final = ("HTTP client", "database", "queue", "compiler", "editor")


def configure(folder: Path, url: str) -> dict[str, str]:
    """Write the settings that name the provider at `url`; return the variables that name them."""
    config = folder / "config"
    config.mkdir(parents=True, exist_ok=True)
    table = f'[providers.{PROVIDER}]\nbase_url = "{url}"\nmodel = "m"\nask = "whole"\n'
    file = config / "panel.toml"
    file.write_text(table, encoding="utf-8")
    return {"PANEL_CONFIG": str(config), "PANEL_CONFIG_FILE": str(file)}


def answer(request: ScriptedRequest) -> Answer:
    """Answer by the tool's number: verdicts of every kind, now and then none."""
    match = _NUMBER.search(request.prompt)
    number = int(match[1]) if match else 0
    who = {"builder": 1, "skeptic": 2, "business": 3, "futurist": 4}.get(request.persona or "", 5)
    if number % 10 == 7 and who == 4:
        return Failure(400, "content_filter: the response was filtered")
    reply = (ship if (number * 7 + who * 3) % 10 < 6 else skip)(request)
    if isinstance(reply, dict) and "findings" in reply:
        words = ("yes", "no", "unclear")
        reply["findings"] = {
            name: {**found, "answer": words[0 if (number * 5 + place * who) % 7 < 4 else
                                            1 + (number + place) % 2]}
            for place, (name, found) in enumerate(reply["findings"].items())
        }  # fmt: skip
    return reply


def make_run(folder: Path, tools: int, *, left: int = 0, **choices: Any) -> Path:
    """Make a run of so many tools in `folder`/runs and return its path.

    The last `left` of them are not asked yet; `choices` are options of the run. It is not
    finished: it has neither `verdicts.jsonl` nor a report, as after a kill behind the last answer.
    """
    path = _seed(folder, min(SEEDS, tools), choices)
    _multiply(path, tools, left)
    return path


def _seed(folder: Path, tools: int, choices: dict[str, Any]) -> Path:
    listed = folder / "tools.json"
    text = _EVIDENCE.read_text(encoding="utf-8")
    rows = []
    for number in range(tools):
        name = f"Widget {number:05}"
        file = folder / f"{number:05}.md"
        file.write_text(text.replace("HTTPX", name), encoding="utf-8")
        rows.append({"name": name, "url": f"https://widget-{number:05}.example/",
                     "category": _CATEGORIES[number % 5], "evidence": [file.name]})  # fmt: skip
    listed.write_text(json.dumps(rows), encoding="utf-8")

    async def work(url: str) -> Path:
        environ = configure(folder, url)
        settings = load_settings(None, environ).model_copy(update={"runs": folder / "runs"})
        options = Options(settings=settings, environ=environ, provider=PROVIDER, **choices)
        async with await Session.start(options, read_tools(listed).tools) as session:
            await session.work()
            return session.run.path

    with ScriptedProvider(answer) as provider:
        return asyncio.run(work(provider.url))


def _multiply(path: Path, tools: int, left: int) -> None:
    manifest = read_manifest((path / MANIFEST).read_text(encoding="utf-8"), where=path)
    judge = ProviderConfig(
        provider=manifest.provider, kind="replay", model=manifest.model,
        wire_model=manifest.wire_model, ask=manifest.ask,
        evidence_tokens=manifest.evidence_tokens,
    )  # fmt: skip
    unfinished = manifest.model_copy(update={"finished": None, "counts": None, "tools": tools})
    for file in (*(path / "scorecards").glob("*"), path / VERDICTS, path / "report.html"):
        file.unlink(missing_ok=True)
    with closing(sqlite3.connect(path / JOURNAL, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = MEMORY")
        db.execute("BEGIN")
        copier = _Copier(db, judge)
        for number in range(tools):
            copier.copy(number, with_answers=number < tools - left)
        db.execute("DELETE FROM files")
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)",
                   with_checksum("manifest", unfinished.text()))  # fmt: skip
        db.execute("COMMIT")
    (path / MANIFEST).write_text(unfinished.text(), encoding="utf-8")


class _Copier:
    """Writes the rows of each tool from those of a seed."""

    def __init__(self, db: sqlite3.Connection, judge: ProviderConfig) -> None:
        self._db = db
        self._judge = judge
        self._texts = dict(db.execute("SELECT digest, body FROM texts"))
        slugs = [slug for (slug,) in db.execute("SELECT slug FROM tools ORDER BY rowid")]
        self._rows = {slug: {t: list(self._select(t, slug)) for t in COLUMNS} for slug in slugs}
        self._slugs = slugs
        for table in ("tools", "evidence", "calls", "reviews", "missing", "verdicts", "texts"):
            db.execute(f"DELETE FROM {table}")

    def _select(self, table: str, slug: str) -> Iterator[Sequence[Any]]:
        if table in ("meta", "files", "texts"):
            return
        columns = COLUMNS[table]
        key = "slug" if "slug" in columns else "tool"
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = ? ORDER BY rowid"
        yield from self._db.execute(sql, (slug,)).fetchall()

    def copy(self, number: int, *, with_answers: bool) -> None:
        """Write the rows of the tool with this number."""
        slug = self._slugs[number % len(self._slugs)]
        old, new = slug[-5:], f"{number:05}"
        rows = self._rows[slug]
        (evidence,) = rows["evidence"]
        body = evidence[1].replace(old, new)
        fingerprint = evidence_fingerprint(Evidence.model_validate_json(body))
        (tool,) = rows["tools"]
        changed = (part.replace(old, new) for part in tool[:2])
        self._put("tools", with_checksum(*changed, fingerprint))
        self._put("evidence", with_checksum(evidence[0].replace(old, new), body))
        for table in ("calls", "reviews", "missing", "verdicts") if with_answers else ():
            for row in rows[table]:
                values = [v.replace(old, new) if isinstance(v, str) else v for v in row[:-1]]
                if table == "calls":
                    values = self._call(dict(zip(CALL_COLUMNS, row, strict=True)), values, old, new)
                self._put(table, with_checksum(*values))

    def _call(self, call: dict[str, Any], values: list[Any], old: str, new: str) -> list[Any]:
        texts = {
            name: self._texts[call[name]].replace(old, new)
            for name in ("system", "shared", "schema")
            if call[name]
        }
        for text in texts.values():
            self._db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (text_digest(text), text))
        column = dict(zip(CALL_COLUMNS, [*values, None], strict=True))
        column |= {name: text_digest(text) for name, text in texts.items()}
        question = ChatRequest(
            texts["system"], texts["shared"], column["tail"], column["max_tokens"],
            schema=json.loads(texts["schema"]) if "schema" in texts else None,
            logprobs=bool(column["logprobs"]), temperature=column["temperature"],
            sample=column["sample"],
        )  # fmt: skip
        column["key"] = request_key(question, self._judge)
        return [column[name] for name in CALL_COLUMNS[:-1]]

    def _put(self, table: str, row: Sequence[Any]) -> None:
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) VALUES ({marks})", row)
