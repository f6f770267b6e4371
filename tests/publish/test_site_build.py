"""A site as files: what is written, what is left alone, what is refused."""

import json
import os
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from panel.foundation.errors import InputError, RunError
from panel.publish.site.build import NAME, build
from panel.publish.site.site import Site
from panel.runs.history.archive import Archive
from panel.runs.history.card_cache import OPEN, CardCache
from tests.support.cards import NOW, card, named
from tests.support.runs_samples import files_in
from tests.support.shelf import shelve
from tests.support.sites import LONG, PERSONAS, TALLIES, TODAY, Held, site, tool

BASE = "https://verdicts.example"


def pages(out):
    return files_in(out) - {NAME}


def stored(runs, **more):
    return Site(Archive.open(runs), **{"personas": PERSONAS, "today": TODAY, **more})


def test_every_path_becomes_a_file(tmp_path):
    made = site([card(), tool("Alpha"), tool("Beta"), tool(LONG)], base_url=BASE)
    built = build(made, tmp_path / "site")
    assert pages(tmp_path / "site") == set(made.paths())
    assert built.written == built.files == len(list(made.paths()))
    assert (tmp_path / "site/index.html").read_bytes() == made.render("index.html")


def test_a_second_build_makes_and_writes_nothing(tmp_path):
    shelve(tmp_path / "runs", [card(), tool("Alpha"), tool("Beta")])
    out = tmp_path / "site"
    build(stored(tmp_path / "runs", base_url=BASE), out)
    before = {p: (out / p).stat().st_mtime_ns for p in pages(out)}
    again = stored(tmp_path / "runs", base_url=BASE)
    rendered = []
    render = again.render
    again.render = lambda path: rendered.append(path) or render(path)
    assert build(again, out).written == 0
    assert {p: (out / p).stat().st_mtime_ns for p in pages(out)} == before
    drawn = ("tools/", "compare/", "pictures/tools/", "pictures/compare/")
    assert not [p for p in rendered if p.startswith(drawn)]


@pytest.mark.parametrize(
    "changed",
    [{"title": "Other"}, {"base_url": None}, {"live_url": "https://live.example"},
     {"tallies": TALLIES}],
    ids=str,
)  # fmt: skip
def test_a_page_is_made_again_when_anything_it_shows_changes(tmp_path, changed):
    shelve(tmp_path / "runs", [card()])
    build(stored(tmp_path / "runs", base_url=BASE), tmp_path / "site")
    now = stored(tmp_path / "runs", **{"base_url": BASE, **changed})
    build(now, tmp_path / "site")
    page = (tmp_path / "site/tools/quillstore.html").read_bytes()
    assert page == now.render("tools/quillstore.html")


def test_comparisons_are_made_again_when_a_persona_weighs_otherwise(tmp_path):
    shelve(tmp_path / "runs", [tool("Alpha"), tool("Beta")])
    one = stored(tmp_path / "runs")
    heavy = [persona.model_copy(update={"weight": 9}) for persona in PERSONAS]
    two = stored(tmp_path / "runs", personas=heavy)
    assert one.stamp("compare/alpha-vs-beta.html") != two.stamp("compare/alpha-vs-beta.html")
    assert one.stamp("tools/alpha.html") == two.stamp("tools/alpha.html")


def test_reading_keeps_a_few_runs_open_and_says_which_card_is_gone(tmp_path):
    for number in range(OPEN + 3):
        shelve(tmp_path, [named(f"Tool {number}")], created=NOW + timedelta(days=number))
    archive = Archive.open(tmp_path)
    entries = [entry.latest for entry in archive.histories()] * 2
    with CardCache(archive) as reading:
        names = [reading.card(entry).tool.name for entry in entries]
        assert names == [entry.tool.name for entry in entries]
        gone = replace(entries[0], tool=entries[0].tool.model_copy(update={"slug": "gone"}))
        with pytest.raises(RunError, match=gone.run):
            reading.card(gone)


def test_a_new_verdict_changes_its_tools_pages_and_the_lists_only(tmp_path):
    shelve(tmp_path / "runs", [card(), named("Parley")])
    out = tmp_path / "site"
    build(stored(tmp_path / "runs"), out)
    old = (out / "tools/parley.html").stat().st_mtime_ns
    shelve(tmp_path / "runs", [card()], created=NOW + timedelta(days=2))
    built = build(stored(tmp_path / "runs"), out)
    assert 0 < built.written < built.files
    assert (out / "tools/parley.html").stat().st_mtime_ns == old
    assert b"24 Nov 2026" in (out / "tools/quillstore.html").read_bytes()


def test_a_file_that_was_altered_is_put_right(tmp_path):
    made = site([card()])
    build(made, tmp_path / "site")
    (tmp_path / "site/tools/quillstore.html").write_text("altered")
    (tmp_path / "site/style.css").unlink()
    assert build(made, tmp_path / "site").written == 2
    assert b"Quillstore" in (tmp_path / "site/tools/quillstore.html").read_bytes()


def test_pages_that_vanished_are_removed_and_nothing_else(tmp_path):
    out = tmp_path / "site"
    build(site([card(), tool("Alpha"), tool("Beta")]), out)
    (out / "README.md").write_text("mine")
    built = build(site([card()]), out)
    assert built.removed > 3
    assert not (out / "compare").exists()
    assert not (out / "tools/alpha.html").exists()
    assert (out / "README.md").read_text() == "mine"


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="did not write"):
        build(site([card()]), tmp_path)
    assert files_in(tmp_path) == {"notes.txt"}


def test_a_folder_with_hidden_files_only_is_taken(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("")
    assert build(site([card()]), tmp_path).written


def test_o2_a_file_in_the_way_is_never_overwritten(tmp_path):
    made = site([card()])
    build(made, tmp_path / "site")
    (tmp_path / "site/tools/parley.html").write_text("mine")
    with pytest.raises(RunError, match=r"parley\.html was not written by"):
        build(site([card(), named("Parley")]), tmp_path / "site")
    assert (tmp_path / "site/tools/parley.html").read_text() == "mine"


@pytest.mark.parametrize("place", ["tools", "index.html", NAME, "tools/quillstore.html"])
def test_o2_a_link_in_the_folder_is_refused_and_nothing_outside_is_written(tmp_path, place):
    outside = tmp_path / "outside"
    outside.mkdir()
    out = tmp_path / "site"
    build(site([card()]), out)
    path = out / place
    content = path.read_bytes() if path.is_file() else b""
    if path.is_dir():
        path.rename(tmp_path / "was")
        path.symlink_to(outside)
    else:
        path.unlink()
        (outside / "target").write_bytes(content)
        path.symlink_to(outside / "target")
    with pytest.raises(RunError, match="symbolic link"):
        build(site([card(), named("Parley")]), out)
    assert {p: (outside / p).read_bytes() for p in files_in(outside)} in ({}, {"target": content})


def test_o2_a_ledger_that_names_files_outside_removes_nothing_there(tmp_path):
    out = tmp_path / "site"
    build(site([card()]), out)
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    manifest = json.loads((out / NAME).read_text())
    manifest["files"]["../victim.txt"] = ["", ""]
    (out / NAME).write_text(json.dumps(manifest))
    with pytest.raises(RunError):
        build(site([card()]), out)
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("ledger", ["", "[]", '{"format": 9, "files": {}}', '{"format": 1}'])
def test_a_ledger_that_cannot_be_read_is_an_error(tmp_path, ledger):
    build(site([card()]), tmp_path)
    (tmp_path / NAME).write_text(ledger)
    with pytest.raises(InputError, match="is not what"):
        build(site([card()]), tmp_path)


def test_a_build_that_was_cut_off_is_finished_by_the_next(tmp_path):
    made = site([card(), tool("Alpha"), tool("Beta")])

    def stop(done, total):
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(made, tmp_path / "site", watch=stop)
    built = build(made, tmp_path / "site")
    assert 0 < built.written < built.files
    assert pages(tmp_path / "site") == set(made.paths())


def test_a_page_that_cannot_be_made_is_told_of_and_left_as_it_was(tmp_path):
    held = Held([card(), named("Parley")])
    made = Site(held, personas=PERSONAS, today=TODAY)
    build(made, tmp_path)
    before = (tmp_path / "tools/parley.html").read_bytes()

    def read(entry):
        if entry.key == "parley":
            raise RunError("the scorecard is gone")
        return held.card(entry)

    gone = Site(held, personas=PERSONAS, today=TODAY, read=read, title="Other")
    built = build(gone, tmp_path)
    assert built.failed == ["tools/parley.html: the scorecard is gone"]
    assert (tmp_path / "tools/parley.html").read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="what root may do anyway (run as another user)")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot write"):
        build(site([card()]), tmp_path / "site")


def test_the_command_builds_and_says_what_it_did(desk):
    shelve(desk.folder / "runs", [card(), tool("Alpha"), tool("Beta")])
    done = desk.run("site", "build", "--out", "site", "--base-url", f"{BASE}/x")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1].startswith("site: ")
    assert " 0 removed" in done.stderr
    again = desk.run("site", "build", "--out", "site", "--base-url", f"{BASE}/x")
    assert " 0 written, 0 removed" in again.stderr
    assert f"{BASE}/x/tools/alpha.html" in (desk.folder / "site/sitemap.xml").read_text()


def test_the_command_without_verdicts_warns_and_builds(desk):
    done = desk.run("site", "build", "--out", "site")
    assert done.returncode == 0
    assert "there are no verdicts in runs" in done.stderr
    assert "No verdicts yet" in (desk.folder / "site/index.html").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--base-url", "javascript:alert(1)"], "--base-url"),
        (["--live-url", "https://me:pw@host.example"], "--live-url"),
        (["--base-url", "https://x.example/?a=1"], "--base-url"),
        (["--title", " "], "--title"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(desk, args, message):
    done = desk.run("site", "build", "--out", "site", *args)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[0]
    assert not (desk.folder / "site").exists()


def test_every_page_but_the_one_for_lost_visitors_has_its_own_picture(tmp_path):
    shelve(tmp_path / "runs", [card(), tool("Alpha"), tool("Beta")])
    out = tmp_path / "site"
    build(stored(tmp_path / "runs", base_url=BASE), out)
    pages = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.html"))
    links = re.compile(r'og:image" content="([^"]+)"')
    targets = {page: links.findall((out / page).read_text()) for page in pages}
    assert targets.pop("404.html") == []
    for page, pictures in targets.items():
        assert len(pictures) == 1, page
        picture = (out / pictures[0].removeprefix(f"{BASE}/")).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) <= 20_480
    assert len({pictures[0] for pictures in targets.values()}) == len(targets)
