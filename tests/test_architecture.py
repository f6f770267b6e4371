"""House rules a machine can check: import order, boundaries, sizes, nothing on import.

One test a rule, with the offenders in its message; `benchmarks/house.py` prints the figures.
"""

import ast
import statistics
import subprocess
import sys

import pytest
from benchmarks import house

import panel

# Outside libraries and the only modules that may import them.
BOUNDARIES = {
    "aiohttp": {
        "panel.llm.openai_compat.lean",
        "panel.evidence.fetch.fetcher",
        "panel.evidence.fetch.connector",
    },
    "openai": {"panel.llm.openai_compat.official"},
    "azure": {"panel.llm.openai_compat.entra"},
    "httpx2": {"panel.llm.openai_compat.official"},
    "yarl": {"panel.evidence.fetch.checked_url"},
    "orjson": {"panel.foundation.quick_json"},
    "rich": {
        "panel.report.changes.terminal",
        "panel.report.scorecard.terminal",
        "panel.report.scorecard.terminal_blocks",
        "panel.cli",
    },
    "click": {"panel.cli"},
    "jinja2": {"panel.report.templating", "panel.publish.newsletter.templates"},
    "PIL": {"panel.publish.site.og_image"},
    "sqlalchemy": {"panel.publish.community"},
    "alembic": {"panel.publish.community"},
    "itsdangerous": {"panel.publish.community.tokens"},
    "email_validator": {"panel.publish.community.email_address"},
    "smtplib": {"panel.publish.newsletter.smtp"},
    "fastapi": {"panel.publish.server"},
    "uvicorn": {"panel.publish.server.uvicorn_limits"},
    "genai_prices": {"panel.llm.providers.prices"},
    "huggingface_hub": {"panel.llm.local", "panel.llm.providers.keys"},
    "xllamacpp": {"panel.llm.local.child"},
    "sqlite3": {"panel.runs"},
    "yaml": {"panel.foundation.strict_yaml"},
    "pyarrow": {"panel.runs.export"},
    "krippendorff": {"panel.runs.agreement"},
    "numpy": {
        "panel.foundation.pairwise",
        "panel.foundation.ranking",
        "panel.runs.agreement",
    },
    "markdown_it": {"panel.evidence.readers.markdown"},
    "docutils": {"panel.evidence.readers.rst"},
    "trafilatura": {"panel.evidence.readers.web"},
    "pypdf": {"panel.evidence.readers.pdf"},
}


def positional(node):
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    return len([n for n in names if n not in ("self", "cls")])


def test_every_module_is_in_one_of_the_nine_rooms():
    assert {house.room(name) for name in house.sources() if name not in house.FACES} == set(
        house.ROOMS
    )


def test_imports_go_one_way():
    assert house.back_edges() == []


def test_there_is_no_import_cycle_even_among_deferred_imports():
    assert house.cycle() == []


def test_the_community_database_knows_no_model_and_no_review():
    later = {"llm", "reviews", "runs", "report", "engine"}
    offenders = [
        f"{name} imports {target}"
        for name in house.sources()
        if name.startswith("panel.publish.community")
        for target in house.own_imports(name)
        if house.room(target) in later
    ]
    assert offenders == []


def test_a_vote_loads_at_most_60_modules_and_no_handler_the_worker():
    assert len(house.closure(house.VOTE_HANDLER)) <= 60
    worker = "panel.publish.server.review_worker"
    importers = {name for name in house.sources() if worker in house.own_imports(name)}
    assert importers == {"panel.publish.server.main"}
    handlers = ("panel.publish.server.api", "panel.publish.server.pages")
    state = "panel.publish.server.state"
    assert [
        n for n in house.sources() if n.startswith(handlers) and state in house.own_imports(n)
    ] == []


def test_imports_are_absolute():
    relative = [
        name
        for name, tree in house.trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_an_outside_library_is_imported_behind_its_boundary_only():
    offenders = [
        f"{name} imports {target}"
        for name in house.sources()
        for target, _ in house.imports(name)
        if (allowed := BOUNDARIES.get(target.split(".")[0])) is not None
        and not any(name == a or name.startswith(a + ".") for a in allowed)
    ]
    assert offenders == []


def test_a_boundary_names_modules_that_exist():
    named = {module for allowed in BOUNDARIES.values() for module in allowed}
    assert named <= set(house.sources())


def test_a_module_has_a_docstring():
    assert [name for name, tree in house.trees().items() if not ast.get_docstring(tree)] == []


def test_a_module_has_at_most_500_lines():
    long = [name for name, path in house.sources().items() if house.lines(path) > 500]
    assert long == []


def test_functions_are_short():
    assert [where for where, lines, _ in house.functions() if lines > 50] == []
    assert statistics.median(lines for _, lines, _ in house.functions()) < 10


def test_functions_take_at_most_five_positional_parameters():
    commands = ("panel.cli.",)  # click passes options by name
    crowded = [
        where
        for where, _, node in house.functions()
        if positional(node) > 5 and not where.startswith(commands)
    ]
    assert crowded == []


def test_no_class_name_has_two_meanings():
    twice = {name: where for name, where in house.public_classes().items() if len(where) > 1}
    twice.pop("Panel", None)  # the public class, until that of the engine is the review plan
    assert twice == {}


def test_no_public_name_is_a_modules_name():
    """An imported submodule becomes an attribute of its package, and would hide the public name."""
    modules = {name.split(".")[1] for name in house.sources() if "." in name}
    assert modules & set(panel.__all__) == set()


def test_no_module_is_named_for_leftovers():
    leftovers = {"utils", "util", "helpers", "common", "misc", "core", "base"}
    assert not leftovers & {part for name in house.sources() for part in name.split(".")}


HOOK = """
import sys
seen = []
def watch(event, args):
    if event in ("socket.connect", "subprocess.Popen", "os.mkdir", "os.remove", "sqlite3.connect"):
        seen.append((event, str(args)))
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if "__pycache__" not in str(args[0]):
            seen.append((event, str(args)))
import importlib
names = sys.argv[1:]
sys.dont_write_bytecode = True
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
assert not seen, seen
"""


def test_importing_any_module_touches_nothing():
    names = [n for n in house.sources() if n not in ("panel.__main__", "panel.llm.local.child")]
    subprocess.run([sys.executable, "-c", HOOK, *names], check=True, timeout=60)


def test_no_module_reads_the_environment_on_import():
    offenders = []
    for name, tree in house.trees().items():
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and node.value:
                text = "" if isinstance(node.value, ast.Constant) else ast.unparse(node.value)
                if any(word in text for word in ("environ", "Path.cwd()", "Path.home()")):
                    offenders.append(f"{name}:{node.lineno}")
    assert offenders == []


HEAVY = (
    "aiohttp", "huggingface_hub", "rich", "jinja2", "sqlite3", "pydantic", "yaml", "openai",
    "httpx2", "xllamacpp", "markdown_it", "docutils", "pyarrow", "trafilatura", "lxml",
    "pypdf", "krippendorff", "numpy", "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn",
    "PIL",
)  # fmt: skip


def test_importing_panel_and_any_help_loads_no_sdk_client_renderer_or_database():
    program = f"""
import sys, panel
from click.testing import CliRunner
import panel.cli.main
def loaded():
    return sorted(set(sys.modules) & set({HEAVY!r}))
assert not loaded(), loaded()
def helps(*command):
    result = CliRunner().invoke(panel.cli.main.panel, [*command, "--help"])
    assert result.exit_code == 0 and result.output.startswith("Usage: "), result.output
    assert not loaded(), (command, loaded())
helps()
subcommands = 0
for name, (module, _) in panel.cli.main.COMMANDS.items():
    helps(name)
    for subcommand in getattr(sys.modules[module].command, "commands", ()):
        helps(name, subcommand)
        subcommands += 1
assert subcommands >= 6, subcommands
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode()


def test_the_public_names_are_listed_sorted_and_importable():
    import panel

    assert sorted(panel.__all__) == list(panel.__all__)
    for name in panel.__all__:
        assert getattr(panel, name) is not None
    with pytest.raises(AttributeError):
        panel.nothing_of_that_name  # noqa: B018
