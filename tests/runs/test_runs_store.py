"""A run as a whole: made, gone on with, finished, refused when its meaning changed."""

import asyncio
import json
import sqlite3
from datetime import timedelta

import pytest
from pydantic import SecretStr

from panel.evidence.source import Evidence
from panel.foundation.errors import RunError, RunStopped
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.review import Missing
from panel.reviews.score import Rule
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.compatibility import check_same, differences, evidence_fingerprint, meaning
from panel.runs.manifest import read_manifest
from panel.runs.run import Run
from tests.support.runs_samples import (
    NOW,
    call,
    card,
    evidence,
    files_in,
    manifest,
    persona,
    review,
    target,
    tool,
)


async def start(runs, *slugs, **more):
    run = await Run.create(runs, "batch", manifest(tools=len(slugs), **more))
    await run.add_tools([(tool(slug), evidence()) for slug in slugs])
    return run


async def judge(run, slug, **more):
    await run.add_tools([(tool(slug), evidence())])
    await run.save_review(slug, 0, review())
    await run.save_scorecard(card(slug, run=run.name, **more))


def test_what_is_saved_comes_back_in_tool_order_with_its_evidence(tmp_path):
    async def main():
        run = await start(tmp_path, "one", "two", "three")
        for slug in ("three", "one", "two"):
            await judge(run, slug)
        cards = [card(slug, run=run.name) for slug in ("one", "two", "three")]
        assert run.cards() == cards
        await run.finish(now=NOW + timedelta(hours=1))
        return run.path, cards

    path, cards = asyncio.run(main())
    with Run.open(path) as run:
        assert [tool.slug for tool in run.tools()] == ["one", "two", "three"]
        assert run.cards() == cards
        assert run.card("two") == cards[1]
        assert run.evidence("one") == evidence()
        assert run.reviews("one") == {("builder", 0): review()}
        assert run.manifest.finished == NOW + timedelta(hours=1)
        counts = run.manifest.counts
        assert counts is not None
        assert (counts.tools, counts.outcomes, counts.reviews) == (3, {"ship": 3}, 6)
        assert (run.damaged, run.notes) == ((), [])
    lines = (path / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [Scorecard.model_validate(json.loads(line)) for line in lines] == cards
    assert json.loads(lines[0])["schema"] == "panel.scorecard/2"


def test_a_finished_run_is_a_few_plain_files_that_a_reader_leaves_alone(tmp_path):
    async def main():
        run = await start(tmp_path, "one")
        await judge(run, "one")
        await run.write_file("scorecards/one.md", "# One")
        await run.finish()
        return run.path

    path = asyncio.run(main())
    expected = {"journal.db", "run.json", "verdicts.jsonl", "scorecards/one.md"}
    assert files_in(path) == expected
    before = (path / "journal.db").read_bytes()
    with Run.open(path) as run:
        assert len(run.cards()) == 1
        assert files_in(path) == expected
    assert files_in(path) == expected
    assert (path / "journal.db").read_bytes() == before


def test_the_evidence_is_stored_once_and_not_again_in_the_verdict(tmp_path):
    text = "A passage that occurs nowhere else."

    async def main():
        run = await start(tmp_path)
        await run.add_tools([(tool("one"), evidence(text))])
        await run.save_scorecard(card("one", evidence=evidence(text).sources))
        sources = run.cards()[0].evidence
        run.close()
        return run.path, sources

    path, sources = asyncio.run(main())
    assert sources == evidence(text).sources
    assert (path / "journal.db").read_bytes().count(text.encode()) == 1


def test_a_resume_goes_on_where_the_run_stopped(tmp_path):
    async def main():
        run = await start(tmp_path, "one", "two")
        await judge(run, "one")
        await run.add_tools([(tool("two"), evidence())])
        await run.save_review("two", 0, review("builder"))
        await run.save_missing("two", 0, Missing(persona="skeptic", reason="timeout", detail="x"))
        await run.journal.record(call("k"))
        run.close()
        again = Run.open(run.path, write=True)
        assert again.finished_tools() == {"one"}
        assert list(again.reviews("two")) == [("builder", 0)]
        assert again.missing("two")["skeptic", 0].reason == "timeout"
        assert again.journal.find("k")
        await again.save_review("two", 0, review("skeptic"))
        assert again.missing("two") == {}
        await again.save_scorecard(card("two"))
        assert again.finished_tools() == {"one", "two"}
        await again.finish()

    asyncio.run(main())


def test_a_review_is_one_review_however_often_it_is_saved(tmp_path):
    async def main():
        run = await start(tmp_path, "one")
        await run.save_review("one", 0, review(vote="skip"))
        await run.save_review("one", 1, review())
        await run.save_review("one", 0, review(vote="ship"))
        stored_reviews = run.reviews("one")
        run.close()
        assert {key: stored.vote for key, stored in stored_reviews.items()} == {
            ("builder", 0): "ship", ("builder", 1): "ship",
        }  # fmt: skip

    asyncio.run(main())


def test_r5_a_run_has_one_writer_and_any_number_of_readers(tmp_path):
    async def main():
        run = await start(tmp_path, "one")
        await judge(run, "one")
        with pytest.raises(RunStopped, match="is being written by process"):
            Run.open(run.path, write=True)
        with Run.open(run.path) as reader:
            assert len(reader.cards()) == 1
            with pytest.raises(RunError, match="for reading only"):
                await reader.save_review("one", 0, review())
        run.close()
        Run.open(run.path, write=True).close()

    asyncio.run(main())


def test_paths_of_this_machine_do_not_get_into_the_run(tmp_path):
    notes = tmp_path / "examples" / "notes.md"

    async def main():
        run = await Run.create(tmp_path / "runs", "one", manifest())
        await run.add_tools([(tool("one", evidence=(notes,)), evidence())])
        assert run.tools()[0].evidence == (notes,)
        await run.finish()
        return run.path

    path = asyncio.run(main())
    for name in files_in(path):
        assert str(tmp_path).encode() not in (path / name).read_bytes()


def test_i6_no_key_gets_into_the_run(tmp_path):
    canary = "canary-key-123456"
    words = ("panel", "review", f"--header={canary}", "http://me:secret9@host/v1?api_key=secret9",
             "hf_secret9secret9")  # fmt: skip
    there = target(base_url="https://me:secret9@host.example:8000/v1?key=secret9",
                   provider="https://me:secret9@host.example:8000/v1")  # fmt: skip

    async def main():
        run = await start(tmp_path, "one", command=words, target=there)
        await judge(run, "one")
        await run.finish()
        return run

    run = asyncio.run(main())
    for name in files_in(run.path):
        data = (run.path / name).read_bytes()
        assert b"secret9" not in data
        assert canary.encode() not in data
    assert run.manifest.host == "host.example:8000"
    assert run.manifest.provider == "https://host.example:8000/v1"
    assert run.manifest.command[2:] == ("--header=***", "http://host/v1", "***")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"personas": (persona(voice="Be kind."), persona("skeptic"))}, "persona builder"),
        ({"personas": (persona("builder"),)}, "persona skeptic"),
        ({"personas": (persona(), persona("skeptic"), persona("other"))}, "persona other"),
        ({"prompts": {"review": "Other rules: $x"}}, "prompt review"),
        ({"schemas": {"builder": {"type": "array"}}}, "schema builder"),
        ({"target": target(model="big", wire_model="org/big:groq")}, "model"),
        ({"target": target(provider="cerebras")}, "provider"),
        ({"target": target(ask="stepwise")}, "ask"),
        ({"target": target(evidence_tokens=500)}, "evidence_tokens"),
        ({"samples": 3}, "samples"),
        ({"temperature": 0.7}, "temperature"),
        ({"rule": Rule(ship_at=50)}, "rule ship_at"),
        ({"context": None}, "context"),
        ({"calibration": Calibration(model="m", made="today", criteria={})}, "calibration"),
    ],
)  # fmt: skip
def test_r6_a_changed_meaning_is_refused_by_the_field_that_changed(changed, field):
    stored = manifest().model_copy(update={"run": "a-run"})
    with pytest.raises(RunError) as caught:
        check_same(stored, manifest(**changed))
    changes = caught.value.message.split(": ", 1)[1].split("; ")
    assert [change.split(":")[0] for change in changes] == [field]
    assert " → " in changes[0]
    assert caught.value.exit_code == 2
    assert "panel rerun a-run" in (caught.value.hint or "")


def test_r6_another_host_key_or_number_of_calls_at_once_is_accepted():
    url = target(provider="http://one:8000/v1", base_url="http://one:8000/v1")
    moved = target(
        provider="http://two:9000/v1", base_url="http://two:9000/v1",
        key=SecretStr("another"), concurrency=64, deadline=5.0,
    )  # fmt: skip
    check_same(manifest(target=url), manifest(target=moved, command=("panel", "resume")))
    where = persona("builder", origin="elsewhere/builder.md")
    check_same(manifest(), manifest(personas=(where, persona("skeptic"))))


def test_every_difference_is_named_in_one_line():
    before, after = meaning(manifest()), meaning(manifest(samples=3, temperature=1.0))
    assert differences(before, after) == ["samples: 1 → 3", "temperature: 0.0 → 1.0"]
    assert differences(before, before) == []


def test_r6_other_evidence_or_another_entry_for_the_same_tool_is_refused(tmp_path):
    async def main():
        run = await start(tmp_path, "one")
        await run.add_tools([(tool("one"), evidence())])
        await run.add_tools([(tool("one"), evidence())])
        await run.add_tools([(tool("one"), evidence()), (tool("two"), evidence())])
        with pytest.raises(RunError, match="evidence one: "):
            await run.add_tools([(tool("one"), evidence("Sieve is dead."))])
        with pytest.raises(RunError, match="tool one: "):
            await run.add_tools([(tool("one", url="https://other.example"), evidence())])
        assert run.evidence("one") == evidence()
        assert [entry.slug for entry in run.tools()] == ["one", "two"]
        run.close()

    asyncio.run(main())


def test_evidence_read_at_another_time_is_the_same_evidence():
    first = evidence()
    later = first.sources[0].model_copy(update={"retrieved": NOW + timedelta(days=1)})
    changed = first.sources[0].model_copy(update={"flags": ("addresses the reviewer",)})
    assert evidence_fingerprint(Evidence(sources=(later,))) == evidence_fingerprint(first)
    assert evidence_fingerprint(Evidence(sources=(changed,))) != evidence_fingerprint(first)


def test_o2_a_file_that_the_run_did_not_write_is_not_overwritten(tmp_path):
    async def main():
        run = await start(tmp_path, "one")
        (run.path / "scorecards").mkdir()
        (run.path / "scorecards" / "one.md").write_text("mine")
        for name in ("scorecards/one.md", "journal.db", "run.json", "run.lock", "journal.db-wal"):
            with pytest.raises(RunError):
                await run.write_file(name, "x")
        await run.write_file("scorecards/two.md", "first")
        await run.write_file("scorecards/two.md", "second")
        run.close()
        again = Run.open(run.path, write=True)
        await again.write_file("scorecards/two.md", "third")
        again.close()
        return run.path / "scorecards"

    folder = asyncio.run(main())
    assert (folder / "one.md").read_text() == "mine"
    assert (folder / "two.md").read_text() == "third"


def test_a_tool_whose_verdict_was_changed_on_disk_is_not_finished(tmp_path):
    async def main():
        run = await start(tmp_path, "one", "two")
        for slug in ("one", "two"):
            await judge(run, slug)
        await run.finish()
        return run.path

    path = asyncio.run(main())
    with sqlite3.connect(path / "journal.db") as connection:
        connection.execute(
            "UPDATE verdicts SET body = replace(body, 'ship', 'skip') WHERE tool='one'"
        )
    connection.close()
    with Run.open(path) as run:
        assert run.finished_tools() == {"two"}
        assert [card.tool.slug for card in run.cards()] == ["two"]
        assert "verdict on one: changed since it was written" in run.damaged


def test_answers_of_an_earlier_run_are_reused_and_the_new_run_stands_alone(tmp_path):
    async def main():
        first = await start(tmp_path, "one")
        await first.journal.record(call("k", slug="one"))
        await first.add_tools([(tool("one"), evidence())])
        await first.finish()
        second = await Run.create(tmp_path, "again", manifest(parent=first.name),
                                  earlier=[first.path])  # fmt: skip
        assert second.journal.find("k")
        await second.add_tools([(tool("one"), evidence())])
        second.close()
        third = Run.open(second.path, write=True, earlier=[second.path])
        assert third.journal.find("k")
        assert third.usage("one").reused_calls == 1
        assert third.usage("one").cost_usd is None
        third.close()

    asyncio.run(main())


def test_r11_a_manifest_of_another_format_is_refused_by_its_name(tmp_path):
    with pytest.raises(RunError, match=r"format panel\.run/9; this panel reads panel\.run/1"):
        read_manifest('{"schema": "panel.run/9"}', where=tmp_path / "run.json")


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path):
    for write in (False, True):
        with pytest.raises(RunError) as caught:
            Run.open(tmp_path, write=write)
        assert "\n" not in caught.value.message


def test_a_run_that_ended_before_its_tools_were_stored_cannot_be_resumed(tmp_path):
    async def main():
        run = await Run.create(tmp_path, "one", manifest(tools=1))
        run.close()
        with pytest.raises(RunError, match="holds no tools"):
            Run.open(run.path, write=True)

    asyncio.run(main())


def test_verdicts_can_be_written_at_any_time(tmp_path):
    async def main():
        run = await start(tmp_path, "one", "two")
        await judge(run, "one")
        await run.write_verdicts()
        assert len((run.path / "verdicts.jsonl").read_text().splitlines()) == 1
        await judge(run, "two")
        await run.write_verdicts()
        assert len((run.path / "verdicts.jsonl").read_text().splitlines()) == 2
        run.close()

    asyncio.run(main())


def test_r12_five_resumes_do_not_make_a_run_larger(tmp_path):
    async def main():
        run = await start(tmp_path, "one", "two")
        await judge(run, "one")
        await run.journal.record(call("k"))
        run.close()
        sizes = []
        for _ in range(5):
            again = Run.open(run.path, write=True)
            await again.add_tools([(tool("one"), evidence()), (tool("two"), evidence())])
            await again.add_tools([(tool("one"), evidence())])
            await again.save_review("two", 0, review())
            await again.save_scorecard(card("one", run=run.name))
            await again.write_verdicts()
            again.close()
            sizes.append((run.path / "journal.db").stat().st_size)
        return sizes

    sizes = asyncio.run(main())
    assert len(set(sizes)) == 1
