"""What cannot be written: poor encodings, a full disk, a reader that left, a file that cannot be.

And where data goes: --output and what its suffix says.
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from panel.cli.streams import plain
from panel.report import formats
from tests.cli.test_cli import REVIEWED, one_line_error, widget
from tests.support.command import ROOT

COMMANDS = {
    **{f"show {name}": ("show", "sample", "--format", name) for name in formats.names()},
    **{f"export {name}": ("export", "sample", "--format", name) for name in ("jsonl", "csv")},
    "show-one": ("show", "sample", "httpx"),
    "runs": ("runs",),
    "runs json": ("runs", "--format", "json"),
    "usage": ("usage", "sample"),
    "diff": ("diff", "sample", "sample"),
    "compare": ("compare", "httpx", "request", "--run", "sample"),
    "compare html": ("compare", "httpx", "request", "--run", "sample", "--format", "html"),
    "evidence": ("evidence", "--run", "sample", "httpx"),
    "digest": ("digest", "--week", "2026-W47", "--format", "html"),
    "providers": ("providers",),
    "personas": ("personas", "show", "skeptic"),
    "help": ("review", "--help"),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """A folder with the shipped run in it."""
    from tests.support.command import Desk

    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(ROOT / "runs" / "sample", folder / "runs" / "sample")
    return Desk(folder)


def raw(desk, *args, **env):
    """Run with standard output as bytes."""
    process = desk.start(*args, **env)
    out, err = process.output(timeout=55)
    return subprocess.CompletedProcess(args, process.wait(), out, err)


def left_early(desk, *args):
    """Run with a reader that takes one byte of standard output and leaves."""
    process = desk.start(*args)
    process.stdout.buffer.raw.read(1)
    process.stdout.close()
    _, err = process.communicate(timeout=55)
    return subprocess.CompletedProcess(args, process.wait(), "", err)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932", "latin-1", "koi8-r"])
def test_a_review_is_printed_whole_whatever_the_encoding(desk, answers, encoding):
    done = raw(desk, *map(str, widget(desk)), "--provider", answers, PYTHONIOENCODING=encoding)
    assert done.returncode in (0, 1), done.stderr
    shown = done.stdout.decode(encoding)
    assert "Widget" in shown
    assert "The Futurist" in shown
    assert "Traceback" not in done.stderr.decode(encoding)
    again = raw(desk, "show", "latest").stdout.decode()
    assert len(shown.splitlines()) == len(again.splitlines())


def test_the_same_card_in_ascii_has_the_same_lines_with_plain_signs(sample):
    whole = raw(sample, "show", "sample", "httpx").stdout.decode().splitlines()
    poor = raw(sample, "show", "sample", "httpx", PYTHONIOENCODING="ascii").stdout.decode("ascii")
    assert max(map(len, poor.splitlines())) <= 82  # an ellipsis is three full stops
    assert len(poor.splitlines()) == len(whole)
    assert "^ SHIP" in poor
    assert "?" not in poor.replace("?\n", "\n").splitlines()[6]


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("▲ ship — “done”… ½", '^ ship - "done"... 1/2'),
        ("café Ångström naïve", "cafe Angstrom naive"),
        ("━╍─ █░", "=~- #."),
        ("工具 слон 🚀", "???? ???? ??"),
        ("a\u200bb\ud800", "ab?"),
        ("¹ﬁ①Ｆｕｌｌ", "1fi1Full"),
    ],
)
def test_plain_signs_stand_for_others(text, stands):
    assert plain(text) == stands


@pytest.mark.parametrize("what", ["runs json", "usage json", "show json", "show markdown"])
def test_data_stays_utf_8_in_any_locale(sample, what):
    command, _, form = what.partition(" ")
    args = [command, *(["sample"] if command == "show" else []), "--format", form]
    whole = raw(sample, *args)
    assert raw(sample, *args, PYTHONIOENCODING="ascii").stdout == whole.stdout
    assert whole.returncode == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_leaves_early_is_no_error(sample, name):
    done = left_early(sample, *COMMANDS[name])
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()


def test_the_exit_code_is_the_commands_own_though_the_reader_left(desk, answers):
    args = [*map(str, widget(desk)), "--provider", answers, "--format", "html"]
    outcome = desk.json(*args[:-2])[0]["verdict"]["outcome"]
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" 2>&1 | head -c 1 > /dev/null', "bash",
         sys.executable, "-m", "panel", *args, "--fail-on", outcome],
        cwd=desk.folder, env=desk.environment(), capture_output=True, timeout=55,
    )  # fmt: skip
    assert done.returncode == 4
    assert len(desk.runs()) == 2


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def into_full(desk, *args, **env):
    """Run with a standard output that takes nothing."""
    with open("/dev/full", "wb") as out:
        process = desk.start(*args, stdout=out.fileno(), **env)
    _, err = process.communicate(timeout=55)
    return subprocess.CompletedProcess(args, process.wait(), "", err)


@full
@pytest.mark.parametrize(
    "unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"]
)
@pytest.mark.parametrize("name", ["show terminal", "show json", "runs", "personas", "help"])
def test_a_full_standard_output_is_one_line(sample, name, unbuffered):
    done = into_full(sample, *COMMANDS[name], **unbuffered)
    one_line_error(done, 1, "no space left")


@full
@pytest.mark.parametrize("where", ["standard output", "--output"])
def test_answers_that_cannot_be_printed_are_kept_and_named(desk, answers, where):
    args = [*map(str, widget(desk)), "--provider", answers, "--runs", "my runs"]
    args += ["--output", "/dev/full"] if where == "--output" else []
    done = into_full(desk, *args)
    (run,) = (desk.folder / "my runs").glob("*/")
    assert f"panel show {run.name} --runs 'my runs'" in done.stderr
    assert desk.run("show", run.name, "--runs", "my runs").returncode == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_descriptors_are_no_error(sample, closed):
    done = subprocess.run(
        ["bash", "-c", f'"$@" {closed}', "bash", sys.executable, "-m", "panel", "show", "sample"],
        cwd=sample.folder, env=sample.environment(), capture_output=True, timeout=55,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("none/card.md", "no folder"),
        ("folder", "is a folder"),
        ("..", "is a folder"),
        (f"{'x' * 200}.md", "at most 160 bytes"),
        (f"{'é' * 90}.md", "at most 160 bytes"),
        ("README.md/card.md", "no folder"),
        ("link.md", "symbolic link"),
        ("card.pdf", "'.pdf'"),
    ],
)
def test_an_output_that_cannot_be_is_found_out_before_anything_is_asked(desk, output, message):
    (desk.folder / "folder").mkdir()
    (desk.folder / "link.md").symlink_to(desk.folder / "elsewhere.md")
    done = desk.run(*widget(desk), "--provider", "http://127.0.0.1:1/v1", "--output", output)
    one_line_error(done, 2, message)
    assert desk.runs() == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_found_out_too(desk):
    (desk.folder / "mine").mkdir(mode=0o500)
    done = desk.run(*widget(desk), "--provider", "http://127.0.0.1:1/v1", "--output", "mine/a.md")
    one_line_error(done, 2, "cannot be written", "denied")


@pytest.mark.parametrize(
    "name", ["card.md", "карта.md", "🚀 go.md", "\u202ekcab.md", "-x.md", "con.md", "a b'c.md"]
)
def test_odd_file_names_are_written(sample, tmp_path, name):
    done = sample.run("show", "sample", "httpx", "--output", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / name).read_text(encoding="utf-8").startswith("#")


SUFFIXES = [
    (("show", "sample"), "x.html", "<!doctype html>"),
    (("show", "sample"), "x.HTM", "<!doctype html>"),
    (("show", "sample"), "x.md", "#"),
    (("show", "sample"), "x.csv", '"tool"'),
    (("show", "sample"), "x.svg", "<svg"),
    (("show", "sample"), "x.json", '{"schema"'),
    (("show", "sample"), "x.jsonl", '{"schema"'),
    (("show", "sample"), "x.txt", "┏"),
    (("show", "sample"), "x", "┏"),
    (("show", "sample", "--format", "json"), "x.html", '{"schema"'),
    (("diff", "sample", "sample"), "x.json", "{"),
    (("compare", "httpx", "request", "--run", "sample"), "x.html", "<!doctype html>"),
    (("export", "sample"), "x.csv", '"tool"'),
    (("export", "sample"), "x.ndjson", '{"tool"'),
    (("export", "sample"), "x.parquet", "PAR1"),
    (("evidence", "--run", "sample", "httpx"), "x.json", "{"),
    (("evidence", "--run", "sample", "httpx"), "x.txt", "HTTPX"),
    (("digest", "--week", "2026-W47"), "x.md", "#"),
    (("runs",), "x.json", "["),
    (("usage",), "x.json", "{"),
    (("verify", "sample"), "x.json", "{"),
    (("providers",), "x.json", "["),
]


@pytest.mark.parametrize(
    ("args", "name", "begins"), SUFFIXES, ids=[f"{a[0]} {n}" for a, n, _ in SUFFIXES]
)
def test_the_suffix_of_the_file_says_the_format(sample, tmp_path, args, name, begins):
    done = sample.run(*args, "--output", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    held = (tmp_path / name).read_bytes().decode("utf-8", "replace").lower()
    assert held.lstrip().startswith(begins.lower())


@pytest.mark.parametrize(
    ("args", "listed"),
    [
        (("show", "sample"), ".csv, .html, .json, .md, .svg, .txt"),
        (("diff", "sample", "sample"), ".json, .md, .txt"),
        (("compare", "httpx", "request"), ".html, .json, .md, .txt"),
        (("export", "sample"), ".csv, .jsonl, .md, .parquet"),
        (("agreement", "sample", "sample"), ".json, .md, .txt"),
        (("calibrate",), ".html, .json, .txt"),
        (("digest",), ".html, .json, .md, .txt"),
        (("evidence", "--run", "sample", "httpx"), ".json, .txt"),
    ],
    ids=lambda args: args[0] if isinstance(args, tuple) else "",
)
def test_an_unknown_suffix_lists_the_known_ones(sample, tmp_path, args, listed):
    done = sample.run(*args, "--output", tmp_path / "card.docx")
    one_line_error(done, 2, "'.docx'", listed)
    assert not (tmp_path / "card.docx").exists()


def test_a_dash_is_standard_output_and_a_device_is_written_to_not_replaced(sample):
    whole = sample.run("show", "sample", "--format", "markdown")
    dash = sample.run("show", "sample", "--format", "markdown", "--output", "-")
    assert (dash.returncode, dash.stdout) == (0, whole.stdout)
    assert not (sample.folder / "-").exists()
    fifo = sample.folder / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE)
    done = sample.run("show", "sample", "--format", "markdown", "--output", fifo)
    read, _ = reader.communicate(timeout=20)
    assert (done.returncode, read.decode()) == (0, whole.stdout)
    assert fifo.is_fifo()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_in_a_poor_encoding_keeps_its_width(sample, columns):
    master, slave = pty.openpty()
    env = sample.environment(PYTHONIOENCODING="cp1252", COLUMNS=str(columns), TERM="xterm")
    process = subprocess.Popen(
        [sys.executable, "-m", "panel", "show", "sample", "httpx"], cwd=sample.folder, env=env,
        stdin=slave, stdout=slave, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(slave)
    held = b""
    while True:
        try:
            held += os.read(master, 65536)
        except OSError:  # Linux says so at the end of what was written
            break
    os.close(master)
    assert process.wait(timeout=20) == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", held.decode("cp1252")).replace("\r\n", "\n")
    assert "^ SHIP" in shown
    assert columns - 2 <= max(map(len, shown.split("\n"))) <= columns


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_runs_name_is_listed_whole(desk, answers, encoding):
    done = desk.run(*widget(desk), "--provider", answers)
    assert done.returncode in REVIEWED, done.stderr
    (run,) = desk.runs()
    told = raw(desk, "runs", PYTHONIOENCODING=encoding).stdout.decode(encoding)
    assert run.name in told


def test_a_table_that_is_piped_or_kept_is_as_wide_as_its_cells(desk, answers):
    model = "m" * 90
    desk.run(*widget(desk), "--provider", answers, "--model", model)
    piped = desk.run("runs").stdout
    wide = desk.run("runs", COLUMNS="400").stdout
    desk.run("runs", "--output", "runs.txt")
    for listing in (piped, wide, (desk.folder / "runs.txt").read_text(encoding="utf-8")):
        (row,) = [line for line in listing.splitlines() if model in line]
        assert desk.runs()[0].name in row
    assert max(map(len, desk.run("runs", COLUMNS="60").stdout.splitlines())) <= 60


ODD = [
    "con", "CON.", "..", ".", "/etc/passwd", "x" * 300, "🚀", "👩‍💻 dev", "עברית", "\u202eevil",
    "C", "C++", "C#", "foo/bar", "foo bar", "-rf", "nul.txt", "工具", "<b>x</b>", "=1+1", "a\\b",
]  # fmt: skip


def test_tools_with_odd_names_are_reviewed_kept_shown_and_published_apart(desk, answers):
    entries = [{"name": name, "description": f"Tool {n} does it."} for n, name in enumerate(ODD)]
    desk.write("t.jsonl", "".join(json.dumps(entry) + "\n" for entry in entries))
    done = desk.run("batch", "t.jsonl", "--provider", answers, "--output", "all.json")
    assert done.returncode in (0, 1), done.stderr
    held = (desk.folder / "all.json").read_text(encoding="utf-8").splitlines()
    assert len(held) == len(ODD)
    (run,) = desk.runs()
    pages = {page.name for page in (run / "scorecards").glob("*.html")}
    assert len(pages) == len(ODD)
    assert {path.name for path in desk.folder.iterdir()} <= {"home", "runs", "t.jsonl", "all.json"}
    for name in ("con", "..", "עברית", "C#", "=1+1"):
        (card,) = desk.json("show", "latest", name)
        assert card["tool"]["name"] == name
    assert desk.run("site", "build", "--out", "site").returncode == 0
    assert len(list((desk.folder / "site" / "tools").glob("*.html"))) == len(ODD)
