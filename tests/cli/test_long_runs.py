"""Long runs by command: which scorecards are written, the run's page, pages on demand."""

import json
import shutil

import pytest

from panel.runs.run import Run
from panel.testing import ScriptedProvider
from tests.cli.test_cli import one_line_error
from tests.support.command import answering
from tests.support.long_run import PROVIDER, answer, configure, make_run
from tests.support.unchanged import unchanged

TOOLS = 203


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of more tools than get scorecards unasked; the last of them is not asked yet."""
    folder = tmp_path_factory.mktemp("long")
    # One reviewer that only judges: what is tested here grows with the tools.
    make_run(folder, TOOLS, left=1, personas=("builder",), write=False)
    return folder


@pytest.fixture
def long_run(desk, made):
    shutil.copytree(made / "runs", desk.folder / "runs")
    shutil.copytree(made / "config", desk.folder / "config")
    (run,) = desk.runs()
    return run


def resume(desk, *more):
    with ScriptedProvider(answer) as provider:
        desk.env |= configure(desk.folder, provider.url)
        done = desk.run("resume", "latest", "--provider", PROVIDER, *more)
    return done, sum(f"Widget {TOOLS - 1:05}" in asked.prompt for asked in provider.requests)


def files(run):
    return {path.name for path in (run / "scorecards").glob("*")}


def listed(desk, tools):
    rows = [{"name": f"Tool {n}", "description": f"It sorts {n} lines."} for n in range(tools)]
    return desk.write("tools.json", json.dumps(rows))


def test_a_long_run_ends_with_a_report_and_without_scorecards(desk, long_run):
    done, requests = resume(desk)
    assert done.returncode in (0, 1), done.stderr
    assert requests == 1, "one reviewer judges"
    assert files(long_run) == set()
    assert f"{TOOLS} tools: " in done.stdout
    assert len((long_run / "verdicts.jsonl").read_text().splitlines()) == TOOLS
    assert f"{TOOLS} tools reviewed" in (long_run / "report.html").read_text()
    with unchanged(long_run):
        verified = desk.run("verify", "latest")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        shown = desk.run("show", "latest", "--format", "html")
    # The stored page links to scorecards, where there are any.
    assert shown.stdout == (long_run / "report.html").read_text()


def test_scorecards_of_a_long_run_are_written_where_all_are_asked_for(desk, long_run):
    done, _ = resume(desk, "--scorecards", "all")
    assert done.returncode in (0, 1), done.stderr
    assert len(files(long_run)) == 3 * TOOLS
    assert 'href="scorecards/widget-00000.html"' in (long_run / "report.html").read_text().replace(
        "href=scorecards/widget-00000.html", 'href="scorecards/widget-00000.html"'
    )
    assert desk.run("verify", "latest").returncode == 0


def test_pages_are_written_on_demand(desk, long_run):
    done = desk.run("export", "latest", "--format", "html", "--output", "pages")
    assert done.returncode == 0, done.stderr
    assert f"{TOOLS - 1} scorecards and report.html" in done.stderr
    pages = desk.folder / "pages"
    assert len(list((pages / "scorecards").glob("*.html"))) == TOOLS - 1
    assert "scorecards/widget-00000.html" in (pages / "report.html").read_text()
    with Run.open(long_run) as run:
        name = run.card("widget-00007").tool.name
    assert f"<title>{name}: " in (pages / "scorecards" / "widget-00007.html").read_text()


def test_pages_need_a_folder(desk, long_run):
    file = desk.write("a.txt", "mine")
    export = ("export", "latest", "--format", "html")
    one_line_error(desk.run(*export), 2, "folder", "--output FOLDER")
    one_line_error(desk.run(*export, "--output", file), 2, "a.txt is no folder")
    one_line_error(desk.run(*export, "--output", "no/where"), 2, "mkdir -p")
    one_line_error(desk.run("export", "latest", "--output", "x.html"), 2, "'.html'")
    assert file.read_text() == "mine"


def test_each_format_of_show_holds_every_tool(desk, long_run):
    for form, mark in (("csv", '"widget-'), ("json", '"schema": "panel.scorecard/2"')):
        shown = desk.run("show", "latest", "--format", form)
        assert shown.returncode == 0, shown.stderr
        assert f"1 tool has no verdict yet: panel resume {long_run.name}" in shown.stderr
        found = {line.split(",")[1] for line in shown.stdout.splitlines()[1:]}
        count = len(found) if form == "csv" else shown.stdout.count(mark)
        assert count == TOOLS - 1
    markdown = desk.run("show", "latest", "--format", "markdown").stdout
    assert markdown.startswith(f"# {TOOLS - 1} tools\n")
    assert markdown.count("\n# Widget ") == TOOLS - 1


def test_a_short_run_has_its_scorecards_and_none_where_none_are_asked_for(desk):
    with answering() as url:
        provider = ("--provider", url, "--model", "m")
        desk.run("batch", listed(desk, 3), *provider)
        (run,) = desk.runs()
        assert len(files(run)) == 9
        page = (run / "report.html").read_text()
        assert "scorecards/tool-0.html" in page
        desk.run("batch", listed(desk, 3), *provider, "--scorecards", "none")
        (second,) = set(desk.runs()) - {run}
    assert files(second) == set()
    assert (second / "report.html").is_file()
    for name in (run.name, second.name):
        assert desk.run("verify", name).returncode == 0


def test_resume_writes_the_files_of_what_is_new_and_leaves_the_others(desk):
    with answering("--trouble", "stuck") as url:
        done = desk.run("batch", listed(desk, 4), "--provider", url, "--model", "m",
                        "--concurrency", 4)  # fmt: skip
    assert done.returncode == 1, done.stderr
    (run,) = desk.runs()
    with Run.open(run) as opened:
        lacking = {slug for slug, _ in opened.stored.all_missing()}
    assert lacking
    before = {path.name: path.stat().st_mtime_ns for path in (run / "scorecards").glob("*")}
    assert len(before) == 12
    with answering() as url:
        assert desk.run("resume", "latest", "--provider", url).returncode == 0
    after = {path.name: path.stat().st_mtime_ns for path in (run / "scorecards").glob("*")}
    changed = {name.partition(".")[0] for name in before if before[name] != after[name]}
    assert changed == lacking
    assert desk.run("verify", "latest").returncode == 0


def test_what_a_run_was_asked_for_holds_when_it_resumes(desk):
    with answering("--trouble", "stuck") as url:
        desk.run("batch", listed(desk, 3), "--provider", url, "--model", "m",
                 "--scorecards", "none")  # fmt: skip
    (run,) = desk.runs()
    with answering() as url:
        desk.run("resume", "latest", "--provider", url)
    assert files(run) == set()


def test_verify_names_a_report_that_was_changed(desk, long_run):
    resume(desk)
    page = long_run / "report.html"
    page.write_text(page.read_text().replace("<td>1<th", "<td>9<th", 1))
    verified = desk.run("verify", "latest")
    assert verified.returncode == 1
    assert "report.html is not what the journal gives" in verified.stdout
