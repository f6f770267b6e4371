"""House rules a machine can check: import order, boundaries, sizes, nothing on import."""

import ast
import statistics
import subprocess
import sys
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
ROOT = SRC / "panel"

# The flow is the import order: a stage imports only stages before it.
ORDER = [
    "errors", "paths", "untrusted", "documents", "fetch", "tools", "evidence", "personas",
    "prompts", "settings", "providers", "local", "calls", "reviews", "verdict", "runs", "events",
    "engine", "batch", "trial", "archive", "comparison", "render", "verify", "session", "community",
    "digest", "site", "serve", "cli",
]  # fmt: skip

# The public face and `python -m panel` import lazily from the end of the flow.
FACES = {"panel", "panel.api", "panel.__main__"}

# Outside libraries and the only modules that may import them.
BOUNDARIES = {
    "aiohttp": {"panel.providers.wire", "panel.fetch.fetcher", "panel.fetch.connector"},
    "yarl": {"panel.fetch.place"},
    "tenacity": {"panel.calls.loop", "panel.calls"},
    "rich": {"panel.render.terminal", "panel.render.stamp", "panel.cli"},
    "click": {"panel.cli"},
    "jinja2": {"panel.render.html", "panel.digest.templates"},
    "PIL": {"panel.site.picture"},
    "sqlalchemy": {"panel.community"},
    "alembic": {"panel.community"},
    "itsdangerous": {"panel.community.tokens"},
    "email_validator": {"panel.community.address"},
    "smtplib": {"panel.digest.post"},
    "fastapi": {"panel.serve"},
    "uvicorn": {"panel.serve.server"},
    "huggingface_hub": {"panel.local", "panel.providers.hub"},
    "xllamacpp": {"panel.local.child"},
    "sqlite3": {"panel.runs"},
    "yaml": {"panel.documents"},
    "pyarrow": {"panel.runs.export"},
    "krippendorff": {"panel.runs.agreement"},
    "numpy": {"panel.runs.agreement"},
    "markdown_it": {"panel.evidence.markdown"},
    "docutils": {"panel.evidence.rst"},
    "trafilatura": {"panel.evidence.web"},
    "pypdf": {"panel.evidence.pdf"},
}


def module_name(path):
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p): p for p in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imports_of(name):
    """Every module imported anywhere in the file, deferred and typing-only imports included."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name):
    return {target for target in imports_of(name) if target in MODULES and target != name}


def stage(name):
    return name.split(".")[1]


def test_every_module_has_a_place_in_the_order():
    placed = [name for name in MODULES if name in FACES or stage(name) in ORDER]
    assert placed == list(MODULES)
    assert {stage(name) for name in MODULES if name not in FACES} == set(ORDER)


@pytest.mark.parametrize("name", [n for n in MODULES if n not in FACES])
def test_imports_go_one_way(name):
    for target in own_imports(name):
        assert target in FACES - {"panel.api"} or ORDER.index(stage(target)) <= ORDER.index(
            stage(name)
        ), f"{name} imports {target}, which comes later"


def test_there_is_no_import_cycle_even_among_deferred_imports():
    order = TopologicalSorter({n: own_imports(n) - FACES for n in MODULES if n not in FACES})
    assert len(list(order.static_order())) == len(MODULES) - len(FACES & set(MODULES))


@pytest.mark.parametrize("name", MODULES)
def test_an_outside_library_is_imported_behind_its_boundary_only(name):
    for target in imports_of(name):
        allowed = BOUNDARIES.get(target.split(".")[0])
        if allowed is not None and not target.startswith("panel"):
            assert any(name == a or name.startswith(a + ".") for a in allowed), (
                f"{name} imports {target}"
            )


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_a_docstring_and_at_most_500_lines(name):
    assert ast.get_docstring(TREES[name])
    assert len(MODULES[name].read_text().splitlines()) <= 500


def functions():
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                doc = ast.get_docstring(node) is not None
                told = first.end_lineno - first.lineno + 1 if doc else 0
                yield f"{name}.{node.name}", node.end_lineno - node.lineno + 1 - told, node


def test_functions_are_short():
    assert [where for where, lines, _ in functions() if lines > 50] == []
    assert statistics.median(lines for _, lines, _ in functions()) <= 12


def test_functions_take_at_most_five_positional_parameters():
    def positional(node):
        names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        return len([n for n in names if n not in ("self", "cls")])

    commands = ("panel.cli.",)  # click passes options by name
    crowded = [w for w, _, n in functions() if positional(n) > 5 and not w.startswith(commands)]
    assert crowded == []


def test_no_module_is_named_for_leftovers():
    leftovers = {"utils", "util", "helpers", "common", "misc", "core", "base"}
    assert not leftovers & {part for name in MODULES for part in name.split(".")}


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
    names = [n for n in MODULES if n not in ("panel.__main__", "panel.local.child")]
    subprocess.run([sys.executable, "-c", HOOK, *names], check=True, timeout=60)


@pytest.mark.parametrize("name", MODULES)
def test_no_module_reads_the_environment_on_import(name):
    for node in TREES[name].body:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and node.value:
            text = "" if isinstance(node.value, ast.Constant) else ast.unparse(node.value)
            assert "environ" not in text
            assert "Path.cwd()" not in text
            assert "Path.home()" not in text


HEAVY = (
    "aiohttp", "huggingface_hub", "rich", "jinja2", "sqlite3", "pydantic", "yaml", "openai",
    "tenacity", "xllamacpp", "markdown_it", "docutils", "pyarrow", "trafilatura", "lxml", "pypdf",
    "krippendorff", "numpy", "sqlalchemy", "alembic", "fastapi", "starlette", "uvicorn", "PIL",
)  # fmt: skip


@pytest.mark.parametrize(
    "program",
    ["import panel", "import sys; sys.argv = ['panel', '--help']\nfrom panel.cli.main import main"
     "\ntry: main()\nexcept SystemExit as end: assert not end.code, end.code"],
    ids=["import", "help"],
)  # fmt: skip
def test_importing_panel_and_its_help_load_no_sdk_client_renderer_or_database(program):
    check = f"import sys\nloaded = set(sys.modules) & set({HEAVY!r})\nassert not loaded, loaded"
    subprocess.run(
        [sys.executable, "-c", f"{program}\n{check}"], check=True, timeout=30, capture_output=True
    )


def test_the_public_names_are_listed_sorted_and_importable():
    import panel

    assert sorted(panel.__all__) == list(panel.__all__)
    for name in panel.__all__:
        assert getattr(panel, name) is not None
    with pytest.raises(AttributeError):
        panel.nothing_of_that_name  # noqa: B018


def test_the_order_is_the_one_the_design_draws():
    drawn = ["tools", "evidence", "personas", "providers", "reviews", "verdict", "runs", "engine",
             "batch", "render", "cli"]  # fmt: skip
    assert all(ORDER.index(a) < ORDER.index(b) for a, b in pairwise(drawn))
