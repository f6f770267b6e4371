"""`panel refresh`: what is asked again, what is not, what is said of it, and what stays."""

import html
import json
import re
import shutil

import pytest
from click.testing import CliRunner

from panel.cli.main import panel
from panel.foundation.errors import InputError, RunStopped
from panel.publish.site.site import Site
from panel.runs.folders import list_folders
from panel.runs.history.archive import Archive
from panel.runs.metadata import stored_reasons
from panel.runs.run import Run
from panel.testing import ScriptedProvider, ship
from tests.support.command import ROOT
from tests.support.sites import PERSONAS

CITED = "Version 4.2.1 is the newest on the package index"
NEWER = "Version 5.0 is the newest on the package index"
UNCITED = "It is one of the tools around Datasette."


class Place:
    """A copy of the shipped sample run with its evidence files, and a provider that counts."""

    def __init__(self, folder, provider):
        self.folder, self.provider = folder, provider
        shutil.copytree(ROOT / "runs" / "sample", folder / "runs" / "sample")
        shutil.copytree(ROOT / "examples" / "tools", folder / "examples" / "tools")
        shutil.copy(ROOT / "examples" / "tools.yaml", folder / "examples" / "tools.yaml")

    @property
    def asked(self):
        return len(self.provider.requests)

    @property
    def runs(self):
        return list_folders(self.folder / "runs")

    def panel(self, *args):
        """Run a command on this place's runs; raises what it raises."""
        asking = ["--provider", self.provider.url, "--model", "m", "--runs", self.folder / "runs"]
        words = [str(word) for word in (*args, *asking)]
        return CliRunner().invoke(panel, words, catch_exceptions=False)

    def rows(self, *args):
        """Refresh and return what is said of each tool, by name."""
        done = self.panel("refresh", *args, "--format", "json")
        return {row["name"]: row for row in json.loads(done.stdout)}, done

    def change(self, old, new, name="sqlite-utils"):
        path = self.folder / "examples" / "tools" / "evidence" / f"{name}.md"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ScriptedProvider(ship) as provider:
        yield Place(tmp_path, provider)


def only(rows, name):
    """Assert that one tool is reviewed again and no other; return its row."""
    assert {row["name"] for row in rows.values() if row["after"]} == {name}
    assert {row["state"] for row in rows.values() if row["name"] != name} == {"same"}
    return rows[name]


def test_nothing_changed_asks_nothing_and_writes_no_run(place):
    for words in (["--all"], ["--all"], ["examples/tools.yaml"]):
        done = place.panel("refresh", *words)
        assert (done.exit_code, done.stdout.strip()) == (0, "4 tools have not changed")
    assert place.asked == 0
    assert [run.name for run in place.runs] == ["sample"]


def test_a_changed_sentence_that_a_finding_cites_asks_that_tool_alone_and_says_the_words(place):
    place.change(CITED, NEWER)
    done = place.panel("refresh", "--all")
    assert done.exit_code == 0, done.output
    assert place.asked == 8, "four reviewers, each judges and then writes"
    assert all("sqlite-utils" in request.prompt for request in place.provider.requests)
    line = " ".join(done.stdout.split())
    moved = (
        r"sqlite-utils ship [\d.]+ → ship 90\.9 sqlite-utils\.md: “…its author\. Version 4\.2\.1"
    )
    assert re.search(moved, line)
    assert "→ “…its author. Version 5.0 is the newest…”" in line
    assert "3 tools have not changed" in line
    again = place.panel("refresh", "--all")
    assert (place.asked, again.stdout.strip()) == (8, "4 tools have not changed")


def test_the_new_run_names_its_parent_and_keeps_the_reason_and_verifies(place):
    place.change(CITED, NEWER)
    rows, _ = place.rows("--all")
    row = only(rows, "sqlite-utils")
    with Run.open(place.runs[0]) as run:
        assert run.manifest.parent == row["before"]["run"] == "sample"
        (reason,) = stored_reasons(run)["sqlite-utils"]
    assert [reason.model_dump()] == row["reasons"]
    site = Site(Archive.open(place.folder / "runs"), personas=PERSONAS)
    page = " ".join(html.unescape(site.render("tools/sqlite-utils.html").decode()).split())
    assert f"Reviewed again because its evidence changed: {reason.text}" in page
    assert row["after"]["run"] == place.runs[0].name
    verified = CliRunner().invoke(
        panel, ["verify", place.runs[0].name, "--runs", str(place.folder / "runs")]
    )
    assert verified.exit_code == 0, verified.output


def test_a_change_that_no_finding_cites_asks_nothing_and_is_told(place):
    place.change(UNCITED, "It is one of the tools around another program.")
    done = place.panel("refresh", "--all")
    assert (place.asked, done.exit_code) == (0, 0)
    assert "changed, but in nothing that a finding cites: not asked again" in done.stdout
    assert [run.name for run in place.runs] == ["sample"]


def test_passages_that_only_shift_ask_nothing(place):
    place.change("# sqlite-utils", "# sqlite-utils\n\nA new first paragraph moves all of them.")
    rows, _ = place.rows("--all")
    assert (rows["sqlite-utils"]["state"], place.asked) == ("elsewhere", 0)


def test_a_changed_fact_is_the_reason(place):
    place.change("Free. Apache License 2.0.", "Free. MIT License.")
    rows, _ = place.rows("examples/tools.yaml")
    (reason,) = only(rows, "sqlite-utils")["reasons"]
    assert (reason["what"], reason["before"], reason["after"]) == ("licence", "Apache-2.0", "MIT")


def test_a_dry_run_says_what_would_be_asked_and_asks_and_writes_nothing(place):
    place.change(CITED, NEWER)
    done = place.panel("refresh", "--all", "--dry-run")
    assert (done.exit_code, place.asked) == (0, 0)
    assert "(would be asked)" in done.stdout
    assert "calls: about 8" in done.stdout
    rows, _ = place.rows("--all", "--dry-run")
    assert (rows["sqlite-utils"]["state"], rows["sqlite-utils"]["after"]) == ("changed", None)
    assert (place.asked, [run.name for run in place.runs]) == (0, ["sample"])


def test_a_limit_leaves_the_rest_to_the_next_refresh(place):
    place.change(CITED, NEWER)
    place.change("Free. BSD 3-Clause.", "Free. MIT License.", name="httpx")
    few = ["--personas", "builder"]
    done = place.panel("refresh", "--all", "--limit", "1", *few)
    assert "licence: BSD-3-Clause → MIT" in done.stdout
    assert "(not asked: --limit 1)" in done.stdout
    rows, _ = place.rows("--all", *few)
    assert only(rows, "sqlite-utils")["state"] == "changed"


def test_a_file_that_cannot_be_read_keeps_the_verdict_and_says_why(place):
    (place.folder / "examples" / "tools" / "evidence" / "swarm.md").unlink()
    place.change(CITED, NEWER)
    rows, done = place.rows("--all", "--personas", "builder")
    assert done.exit_code == 1
    assert rows["Swarm"]["state"] == "unread"
    assert "no such file" in rows["Swarm"]["unread"]
    assert rows["Swarm"]["before"]["outcome"] == "skip"
    assert rows["Swarm"]["after"] is None
    assert rows["sqlite-utils"]["after"], "the others are reviewed all the same"


def test_a_tool_of_the_list_without_a_verdict_is_reviewed_as_new(place):
    path = place.folder / "list.json"
    tools = [{"name": "Widget", "description": "It turns tables into widgets."}]
    path.write_text(json.dumps(tools), encoding="utf-8")
    rows, _ = place.rows(path, "--personas", "builder")
    widget = rows["Widget"]
    assert (widget["state"], widget["before"], widget["reasons"]) == ("new", None, [])
    assert widget["after"]["outcome"] == "ship"
    with Run.open(place.runs[0]) as run:
        assert run.manifest.parent is None
    before = place.asked
    again, _ = place.rows(path, "--personas", "builder")
    assert (again["Widget"]["state"], place.asked) == ("same", before)


def test_a_run_that_was_stopped_is_resumed_and_leaves_nothing_to_refresh(place):
    place.change(CITED, NEWER)
    with pytest.raises(RunStopped) as stopped:
        place.panel("refresh", "--all", "--max-calls", "3", "--allow-unpriced")
    assert stopped.value.hint.startswith(f"panel resume {place.runs[0].name}")
    resumed = place.panel("resume", "latest")
    assert (resumed.exit_code, place.asked) == (0, 8), "what was answered is not asked again"
    with Run.open(place.runs[0]) as run:
        assert stored_reasons(run).keys() == {"sqlite-utils"}
    rows, _ = place.rows("--all")
    assert {row["state"] for row in rows.values()} == {"same"}


def test_the_same_reviewers_are_asked_and_tools_of_several_runs_become_one_run(place):
    few = ["--personas", "skeptic,builder"]
    for name in ("swarm", "request"):
        place.panel("review", f"examples/tools/{name}.yaml", *few)
    with Run.open(place.runs[1]) as run:
        first = run.card("swarm").evidence[0].passages[0].text
    with Run.open(place.runs[0]) as run:
        second = run.card("request").evidence[0].passages[0].text
    place.change(first.split(". ")[0], "Swarm was rewritten", name="swarm")
    place.change(second.split(". ")[0], "Request was rewritten", name="request")
    rows, _ = place.rows("--all")
    assert {name for name, row in rows.items() if row["after"]} == {"Swarm", "request"}
    assert len(place.runs) == 4
    with Run.open(place.runs[0]) as run:
        assert list(run.manifest.personas) == ["skeptic", "builder"]
        assert set(run.slugs()) == {"swarm", "request"}
    assert rows["Swarm"]["after"]["run"] == rows["request"]["after"]["run"]


def test_caps_hold_for_all_runs_of_one_refresh(place):
    for name, persona in (("swarm", "builder"), ("request", "skeptic")):
        place.panel("review", f"examples/tools/{name}.yaml", "--personas", persona, "--no-write")
        path = place.folder / "examples" / "tools" / "evidence" / f"{name}.md"
        path.write_text("# It was rewritten\n\nNothing is what it was before.\n", encoding="utf-8")
    before = place.asked
    with pytest.raises(RunStopped, match="a cap is reached") as stopped:
        place.panel("refresh", "--all", "--max-calls", "1", "--allow-unpriced")
    assert stopped.value.hint == "the same panel refresh again"
    assert place.asked == before + 1
    rows, _ = place.rows("--all")
    assert [name for name, row in rows.items() if row["after"]] == ["Swarm"]
    assert place.asked == before + 2


def test_fail_on_looks_at_the_verdicts_that_stand(place):
    assert place.panel("refresh", "--all", "--fail-on", "skip").exit_code == 4
    assert place.panel("refresh", "--all", "--fail-on", "split").exit_code == 0


@pytest.mark.parametrize("words", [(), ("--all", "examples/tools.yaml")])
def test_a_list_or_all_is_named_and_not_both(place, words):
    with pytest.raises(InputError, match="name a list of tools, or --all"):
        place.panel("refresh", *words)
