"""The journal: what is recorded, found, reused, grouped into commits and read back."""

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from panel.foundation.errors import RunError, RunStopped
from panel.llm.types import CallTag, Usage
from panel.runs.journal.call_rows import call_row, row_reply
from panel.runs.journal.journal import Journal
from panel.runs.journal.reader import JournalReader
from panel.runs.journal.schema import CALL_COLUMNS, checksum
from tests.support.runs_samples import NOW, SHARED, call, files_in, reply


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


def record(path, *calls, earlier=()):
    async def main():
        journal = Journal(path, earlier)
        try:
            await asyncio.gather(*(journal.record(stored_call) for stored_call in calls))
        finally:
            journal.close()

    asyncio.run(main())


def test_a_recorded_reply_is_found_as_it_was(path):
    odd = reply("a lone \ud800 surrogate, a \0 and 🙂")
    record(path, call("k1", answer=odd), call("k2"))
    stored = JournalReader(path)
    assert stored.find("k1") == odd
    assert stored.find("k2") == reply("reply to k2")
    assert stored.find("k3") is None
    stored.close()


def test_a_row_gives_back_every_field_of_the_reply():
    for answer in (
        reply(usage=Usage()),
        reply(served_by=None, request_id=None, model=None, finish_reason=None, top_logprobs=()),
        reply(raw={"long": "x" * 100_000}, attempts=3, seconds=2.5, format="prompt"),
    ):
        assert row_reply(call_row(call("k", answer=answer))) == answer


def test_numbers_that_no_json_can_hold_are_stored_all_the_same(path):
    broken = reply(
        top_logprobs=({"yes": float("-inf")},),
        raw={"logprob": float("nan")},
        usage=Usage(input_tokens=10**30, cost_usd=float("inf")),
    )
    record(path, call("k", answer=broken))
    with sqlite3.connect(path) as connection:
        row = connection.execute("SELECT reply, raw FROM calls").fetchone()
    connection.close()
    for text in row:
        json.loads(text, parse_constant=pytest.fail)
    stored = JournalReader(path)
    response = stored.find("k")
    assert response is not None
    assert response.usage.cost_usd is None
    assert response.top_logprobs[0]["yes"] == -1e9
    stored.close()


def test_p10_replies_that_could_not_be_used_are_kept_but_never_found(path):
    record(
        path,
        call("refused", usable=False, reason="refused"),
        call("failed", reason="timeout", detail="120 s passed"),
        replace(call("lost"), reply=None, reason="unreachable"),
        replace(call("again"), reply=None, reason="rate_limited"),
        call("again", attempt=2),
    )
    stored = JournalReader(path)
    assert [stored.find(key) for key in ("refused", "lost")] == [None, None]
    assert stored.find("again") is not None
    assert [(c["key"], c["status"], c["reason"]) for c in stored.calls()] == [
        ("refused", "unusable", "refused"),
        ("failed", "ok", "timeout"),
        ("lost", "failed", "unreachable"),
        ("again", "failed", "rate_limited"),
        ("again", "ok", None),
    ]
    stored.close()


def test_the_shared_part_of_the_prompt_is_stored_once(path):
    record(path, *(call(f"k{n}") for n in range(100)))
    stored = JournalReader(path)
    stored_call = next(stored.calls())
    assert stored.text(stored_call["shared"]) == SHARED
    assert stored.text(stored_call["system"]) == "You are a reviewer."
    assert json.loads(stored.text(stored_call["schema"]) or "") == {"type": "object"}
    assert stored_call["tail"] == "Answer k0"
    stored.close()
    assert path.stat().st_size < 20 * len(SHARED)


def test_64_concurrent_records_are_all_kept_in_few_commits(path):
    async def main():
        journal = Journal(path)
        before = journal.commits
        await asyncio.gather(*(journal.record(call(f"k{n}")) for n in range(64)))
        commits = journal.commits - before
        assert all(journal.find(f"k{n}") for n in range(64))
        journal.close()
        return commits

    # The first commit starts with what is there; what comes while it runs goes into the second.
    assert asyncio.run(main()) <= 8
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (64,)
    connection.close()


def test_one_record_alone_waits_for_no_company(path):
    async def main():
        journal = Journal(path)
        for n in range(5):
            await journal.record(call(f"k{n}"))
        assert journal.commits == 5
        journal.close()

    asyncio.run(main())


def test_records_from_two_event_loops_are_both_acknowledged(path):
    journal = Journal(path)
    asyncio.run(journal.record(call("k1")))
    asyncio.run(journal.record(call("k2")))
    assert journal.find("k1")
    assert journal.find("k2")
    journal.close()


def test_a_record_whose_caller_was_cancelled_is_written_by_close(path):
    async def main():
        journal = Journal(path)
        tasks = [asyncio.create_task(journal.record(call(f"k{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        journal.close()

    asyncio.run(main())
    stored = JournalReader(path)
    assert all(stored.find(f"k{n}") for n in range(20))
    stored.close()


def test_one_row_that_cannot_be_written_does_not_fail_its_group(path):
    async def main():
        journal = Journal(path)
        bad = call("bad", attempt=2**70)
        jobs = [journal.record(record) for record in (call("k1"), bad, call("k2"))]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        journal.close()
        return results

    first, bad, second = asyncio.run(main())
    assert (first, second) == (None, None)
    assert isinstance(bad, RunError)
    stored = JournalReader(path)
    assert [c["key"] for c in stored.calls()] == ["k1", "k2"]
    stored.close()


def test_a_closed_journal_says_so(path):
    journal = Journal(path)
    journal.close()
    journal.close()
    with pytest.raises(RunStopped, match="closed"):
        asyncio.run(journal.record(call("k")))
    with pytest.raises(RunError, match="closed"):
        journal.find("k")


def test_a_closed_journal_is_one_file(path):
    record(path, call("k"))
    assert files_in(path.parent) == {"journal.db"}


def test_an_answer_of_an_earlier_run_is_reused_and_copied(tmp_path):
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    record(old, call("k1"), call("refused", usable=False))

    async def main():
        journal = Journal(new, [old])
        assert journal.find("k1") == reply("reply to k1")
        assert journal.find("k1") == reply("reply to k1")
        assert journal.find("refused") is None
        await journal.record(call("k2"))
        journal.close()

    before = old.read_bytes()
    asyncio.run(main())
    assert old.read_bytes() == before
    stored = JournalReader(new)
    assert [(c["key"], c["reused"], c["input_tokens"]) for c in stored.calls()] == [
        ("k1", 1, 1000), ("k2", 0, 1000),
    ]  # fmt: skip
    assert stored.find("k1") == reply("reply to k1")
    assert stored.text(next(stored.calls())["shared"]) == SHARED
    usage = stored.usage()
    assert (usage.calls, usage.reused_calls, usage.input_tokens) == (1, 1, 1000)
    stored.close()


def test_an_earlier_run_that_cannot_be_read_is_left_out_and_named(tmp_path):
    junk = tmp_path / "junk"
    junk.mkdir()
    (junk / "journal.db").write_bytes(b"not a database" * 1000)
    journal = Journal(tmp_path / "new.db", [junk, tmp_path / "gone.db"])
    assert journal.find("k") is None
    assert len(journal.notes) == 2
    assert "junk" in journal.notes[0]
    journal.close()


def test_usage_is_the_sum_of_what_is_stored_and_unknown_cost_stays_unknown(path):
    unpriced = reply(usage=Usage(input_tokens=5))
    later = NOW + timedelta(seconds=1)
    record(
        path,
        call("k1"),
        call("k2", started=later),
        replace(call("k3", started=NOW - timedelta(hours=1)), reply=None, reason="timeout"),
        call("k4", answer=unpriced, tag=CallTag("other", "builder", "review")),
    )
    stored = JournalReader(path)
    sieve, second, everything = stored.usage("sieve"), stored.usage("other"), stored.usage()
    stored.close()
    assert (sieve.calls, sieve.input_tokens, sieve.cost_usd) == (3, 2000, 0.002)
    # 1.5 s an hour ago; then 1.5 s and 1.5 s that overlap by half a second.
    assert sieve.seconds == 4.0
    assert (sieve.unpriced_calls, second.unpriced_calls) == (0, 1)
    assert second.cost_usd is None
    assert (everything.calls, everything.input_tokens) == (4, 2005)


def test_calls_of_unknown_tokens_are_counted_and_the_known_ones_summed(path):
    untold = reply(usage=Usage(input_tokens=None, cached_tokens=None, output_tokens=None))
    half = reply(usage=Usage(input_tokens=5, cached_tokens=0, output_tokens=None))
    tag = CallTag("other", "builder", "review")
    record(
        path,
        call("k1"),
        call("k2", answer=untold),
        call("k3", answer=untold, tag=tag),
        call("k4", answer=half, tag=tag),
        replace(call("k5"), reply=None, reason="timeout"),
    )
    stored = JournalReader(path)
    first, second = stored.usage("sieve"), stored.usage("other")
    assert stored.find("k2") == untold
    stored.close()
    assert (first.input_tokens, first.output_tokens, first.uncounted_calls) == (1000, 7, 1)
    assert (second.input_tokens, second.output_tokens, second.uncounted_calls) == (5, None, 2)


def test_the_checksum_sees_every_column():
    row = call_row(call("k"))
    for place in range(len(CALL_COLUMNS) - 1):
        changed = (*row[:place], "other", *row[place + 1 : -1])
        assert checksum(changed) != row[-1]


def test_a_stored_run_reads_from_a_folder_that_cannot_be_written(tmp_path, path):
    record(path, call("k"))
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        stored = JournalReader(path)
        assert stored.find("k")
        stored.close()
        assert files_in(tmp_path) == {"journal.db"}
    finally:
        tmp_path.chmod(0o755)


def test_r11_a_journal_of_another_format_is_refused_by_its_number(path):
    record(path, call("k"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'format'")
    connection.close()
    for opener in (JournalReader, Journal):
        with pytest.raises(RunError, match="format 99; this panel reads format 1"):
            opener(path)


def test_o2_a_journal_that_is_a_link_is_refused(tmp_path, path):
    path.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(RunError, match="symbolic link"):
        Journal(path)
    assert not (tmp_path / "elsewhere.db").exists()


def test_text_that_is_no_utf_8_is_stored_with_a_mark_instead(path):
    odd = replace(call("k"), reply=None, reason="invalid", detail="it said \ud800")
    record(path, odd)
    stored = JournalReader(path)
    assert next(stored.calls())["detail"] == "it said ?"
    stored.close()


FOREIGN = """
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as db:
    db.execute("SELECT count(*) FROM calls").fetchone()
"""


def test_another_program_that_looks_into_a_running_journal_takes_nothing_of_it_away(path):
    """A reader of this process must not drop the writer's locks, and with them its log."""

    async def work():
        journal = Journal(path)
        await journal.record(call("first"))
        JournalReader(path).close()
        foreign = [sys.executable, "-c", FOREIGN, str(path)]
        await asyncio.to_thread(subprocess.run, foreign, check=True, timeout=30)
        assert path.with_name(f"{path.name}-wal").exists()
        await journal.record(call("second"))
        with contextlib.closing(JournalReader(path)) as reader:
            assert sum(1 for _ in reader.calls()) == 2
        journal.close()

    asyncio.run(work())
