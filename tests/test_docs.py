"""What the documents say is what the code does: generated parts are compared, commands are run."""

import functools
import os
import re
import shutil

import pytest
from benchmarks import house

from panel.cli.main import COMMANDS
from panel.foundation.paths import data_folder
from panel.llm.local.model_table import rows
from panel.llm.providers.table import provider_table
from panel.report import formats
from panel.reviews.personas import load_personas
from panel.runs.export import SCHEMA
from panel.runs.run import Run
from tests.support.command import ROOT
from tests.support.fork_server import start_module

README = (ROOT / "README.md").read_text()
REFERENCE = ROOT / "docs" / "reference.md"


@functools.cache
def help_of(*command):
    env = {"PATH": os.environ["PATH"], "COLUMNS": "88", "NO_COLOR": "1", "HOME": "/nonexistent"}
    process = start_module("panel.__main__", [*command, "--help"], env=env)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    return out.replace("python -m panel", "panel").rstrip()


def subcommands(text):
    """Names under `Commands:` in the help of a command."""
    return re.findall(r"^  ([a-z]+)  ", text.partition("\nCommands:\n")[2], re.MULTILINE)


def table(head, lines):
    rule = " | ".join("---" for _ in head)
    body = [" | ".join(str(cell).replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join(f"| {line} |" for line in [" | ".join(head), rule, *body])


def providers():
    table = provider_table()
    router = table.router
    for name in (*router.policies, *router.providers):
        yield f"`{name}`", router.base_url, " or ".join(router.key_env), router.format, router.ask
    for name, row in table.rows.items():
        shown = f"`direct:{name}`" if row.direct else f"`{name}`"
        where = row.base_url or ("embedded llama.cpp" if row.kind == "local" else "")
        where_else = [name for name in row.base_url_env if name not in where]
        named = " or ".join(f"${name}" for name in where_else)
        elsewhere = f" unless in {named}" if named else ""
        yield shown, where + elsewhere, " or ".join(row.key_env), row.format, row.ask


def personas():
    for p in load_personas(folders=[data_folder("personas")]):
        facts = sum(c.kind == "fact" for c in p.criteria)
        yield f"`{p.name}`", p.title, p.lens, len(p.criteria), facts


def models():
    for row in rows():
        size = f"{row.size / 1e9:.2f} GB"
        yield f"`{row.name}`", row.repo, row.file, size, row.licence


def reference():
    parts = [
        "# Reference",
        "Made from the code: `.venv/bin/pytest tests/test_docs.py --update-golden` writes it anew.",
        "## Commands",
        f"```text\n{help_of()}\n```",
    ]
    for name in COMMANDS:
        text = help_of(name)
        parts += [f"### panel {name}", f"```text\n{text}\n```"]
        for part in subcommands(text):
            parts += [f"#### panel {name} {part}", f"```text\n{help_of(name, part)}\n```"]
    parts += [
        "## Providers",
        table(("--provider", "goes to", "key", "output", "asks"), providers()),
    ]
    parts += ["## Reviewers", table(("name", "title", "looks for", "asks", "facts"), personas())]
    parts += [
        "## Formats",
        table(("--format", "what"), [(f"`{n}`", d) for n, d in formats.described().items()]),
    ]
    parts += [
        "## Local models",
        table(("--model", "repository", "file", "size", "licence"), models()),
    ]
    return "\n\n".join(parts) + "\n"


@pytest.mark.timeout(120)
def test_the_reference_is_what_the_code_says(update_golden):
    text = reference()
    if update_golden:
        REFERENCE.write_text(text)
    assert REFERENCE.read_text() == text


def test_the_columns_of_exports_are_documented(update_golden):
    page = ROOT / "docs" / "exports.md"
    types = {"string": "text", "double": "number", "int64": "integer"}
    rows = [(f"`{c.name}`", types[c.type], c.text) for c in SCHEMA]
    text = page.read_text().partition("| column |")[0]
    if update_golden:
        page.write_text(f"{text}{table(('column', 'type', 'what'), rows)}\n")
    assert page.read_text().removeprefix(text) == f"{table(('column', 'type', 'what'), rows)}\n"


def test_the_diagram_of_the_architecture_is_made_from_the_imports(update_golden):
    page = ROOT / "docs" / "architecture.md"
    shown = re.compile(r"(```mermaid\n)(.*?)(\n```)", re.DOTALL)
    if update_golden:
        page.write_text(shown.sub(lambda m: m[1] + house.diagram() + m[3], page.read_text()))
    match = shown.search(page.read_text())
    assert match is not None
    assert match[2] == house.diagram()


def test_the_architecture_names_every_room_and_folder():
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "src" / "panel"
    folders = [p for room in house.ROOMS for p in (package / room).glob("*/__init__.py")]
    for name in (*house.ROOMS, *(path.parent.name for path in folders)):
        assert f"`{name}/`" in page, name


def test_the_help_of_a_command_starts_as_the_command_list_says():
    import importlib

    for name, (module, line) in COMMANDS.items():
        command = importlib.import_module(module).command
        assert command.name == name
        assert command.get_short_help_str(200).rstrip(".") == line.rstrip(".")


def test_the_readme_shows_the_help_of_panel():
    assert help_of() in README


def test_the_readme_names_every_command_persona_and_format():
    for name in (*COMMANDS, *formats.names()):
        assert re.search(rf"\b{name}\b", README), name
    for persona in load_personas(folders=[data_folder("personas")]):
        assert persona.name in README


def test_ci_runs_exactly_the_readmes_two_commands_in_its_order():
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    ignored = ("#", "set ", "cd ", "command -v chromium ")
    commands = [line for line in ci if line and not line.startswith(ignored)]
    section = README.partition("## Two commands")[2].partition("\n## ")[0]
    shown = re.findall(r"```sh\n(.+)\n```", section)
    assert [line.removesuffix(" || exit") for line in commands] == shown
    assert len(shown) == 2
    packages = re.search(r"apt install (chromium [a-z -]+)`", section)
    assert packages
    assert packages[1] in (ROOT / ".ci" / "run").read_text()


def test_files_the_readme_points_at_exist():
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
    tree = re.search(r"```text\n(panel/\n.*?)```", README, re.DOTALL)
    assert tree, "the annotated file tree"
    shown = re.findall(r"^[│├└─ ]*([\w./-]+)", tree[1], re.MULTILINE)[1:]
    rooms = {p.name for p in (ROOT / "src" / "panel").iterdir() if p.name != "__pycache__"}
    named = {name.strip("/").split("/")[-1] for name in shown}
    assert rooms - named - {"py.typed", "__init__.py", "__main__.py"} == set()


def test_readme_command_lines_use_options_that_exist():
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            words = line.removeprefix("$ ").split()
            if words[:1] != ["panel"] or len(words) < 2 or words[1] not in COMMANDS:
                continue
            known = help_of(words[1])
            if len(words) > 2 and words[2] in subcommands(known):
                known += help_of(*words[1:3])
            for word in words[2:]:
                if word.startswith("--"):
                    assert word.split("=")[0] in known, line


def test_the_changelog_names_the_version():
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_picture_in_the_readme_is_made_from_the_sample_run():
    with Run.open(ROOT / "runs" / "sample") as run:
        (card,) = [c for c in run.cards() if c.tool.slug == "sqlite-utils"]
    assert (ROOT / "docs" / "scorecard.svg").read_text() == formats.load("svg").render([card])


def test_the_sample_run_verifies_and_replays_without_a_provider(desk):
    shutil.copytree(ROOT / "runs" / "sample", desk.folder / "runs" / "sample")
    assert desk.run("verify", "sample").returncode == 0
    cards = desk.json("rerun", "sample", "--provider", "replay:sample")
    (replayed,) = cards
    assert replayed["agreement"]["outcomes"] == replayed["agreement"]["findings"] == 1.0
    assert replayed["after"]["calls"] <= 1  # the one answer that was cut off is met again
