"""The structure of the code in figures: rooms and their order, sizes, names, what a vote imports.

usage: python -m benchmarks.house [--diagram]
`tests/test_architecture.py` holds the rules with the same functions; this prints the figures.
"""

import ast
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
PACKAGE = SRC / "panel"
TESTS = SRC.parent / "tests"

ROOMS = (
    "foundation", "evidence", "llm", "reviews", "runs", "report", "engine", "publish", "cli",
)  # fmt: skip
"""In the order of the flow: a room imports only rooms before it."""

FACES = {
    "panel", "panel.__main__", "panel.testing", "panel.api", "panel.api.arguments",
    "panel.api.blocking", "panel.api.client", "panel.api.stored",
}  # fmt: skip
"""The public face: it imports from anywhere, lazily."""

VOTE_HANDLER = "panel.publish.server.pages.votes"
REVIEW_COMMAND = "panel.cli.review"


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, Path]:
    """Return every module's file by its dotted name."""
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def trees() -> dict[str, ast.Module]:
    """Return every module's syntax tree by its dotted name."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in sources().items()}


def room(name: str) -> str:
    """Return the room of a module: the first folder under `panel`."""
    return name.split(".")[1]


@cache
def imports(name: str) -> tuple[tuple[str, bool], ...]:
    """Return every module that a module imports, and whether only inside a function."""
    top = set(map(id, trees()[name].body))
    found: list[tuple[str, bool]] = []
    for node in ast.walk(trees()[name]):
        deferred = id(node) not in top
        if isinstance(node, ast.Import):
            found += [(alias.name, deferred) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found.append((base, deferred))
            found += [(f"{base}.{alias.name}", deferred) for alias in node.names]
    return tuple(found)


def own_imports(name: str) -> set[str]:
    """Return the modules of panel that a module imports, anywhere in its file."""
    return {target for target, _ in imports(name) if target in sources() and target != name}


def back_edges() -> list[str]:
    """Return the imports of a later room, or of a module that is in no room."""
    edges = []
    for name in sources():
        if name in FACES:
            continue
        for target in own_imports(name) - {"panel"}:
            if target in FACES or ROOMS.index(room(target)) > ROOMS.index(room(name)):
                edges.append(f"{name} imports {target}")
    return sorted(edges)


def cycle() -> list[str]:
    """Return one import cycle, deferred imports included; empty where there is none."""
    graph = {n: own_imports(n) - FACES for n in sources() if n not in FACES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def deferred_imports() -> int:
    """Return how many import statements of panel's own modules stand inside functions."""
    return sum(
        target in sources() and deferred
        for name in sources()
        for target, deferred in set(imports(name))
    )


def functions() -> Iterator[tuple[str, int, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield every function: its name, its lines without the docstring, its node."""
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                doc = ast.get_docstring(node) is not None
                docs = (first.end_lineno or 0) - first.lineno + 1 if doc else 0
                yield f"{name}.{node.name}", (node.end_lineno or 0) - node.lineno + 1 - docs, node


def lines(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def lines_before_code(name: str) -> int:
    """Return how many lines stand before a module's first statement that is no import."""
    for node in trees()[name].body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, ast.Import | ast.ImportFrom):
            return node.lineno - 1
    return lines(sources()[name])


def public_classes() -> dict[str, list[str]]:
    """Return the modules that define each public class name."""
    modules: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(name)
    return modules


def file_names() -> dict[tuple[str, str], list[str]]:
    """Return the modules of each folder and file name, one level of folders below a room."""
    modules: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sources():
        if name not in FACES and sources()[name].name != "__init__.py":
            modules[room(name), name.rpartition(".")[2]].append(name)
    return modules


def closure(module: str) -> set[str]:
    """Return the modules of panel that importing one module loads, in a process of its own."""
    program = f"import sys, {module}\nprint(*(m for m in sys.modules if m.startswith('panel')))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    return set(done.stdout.decode().split())


def tests() -> int:
    """Return how many test functions the suite has."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    return sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        for tree in trees
        for node in ast.walk(tree)
    )


def diagram() -> str:
    """Return the rooms and their imports as Mermaid; all use `foundation`: no arrows to it."""
    counts: Counter[tuple[str, str]] = Counter()
    for name in sources():
        if name not in FACES:
            counts.update((room(name), room(target)) for target in own_imports(name) - FACES)
    rows = ["flowchart BT", f"  {ROOMS[0]}"]
    for importer in ROOMS[1:]:
        for imported in ROOMS[1 : ROOMS.index(importer)]:
            if count := counts[importer, imported]:
                rows.append(f"  {importer} -->|{count}| {imported}")
    return "\n".join(rows)


def main() -> None:
    """Print the figures, the rooms first."""
    sizes = {name: lines(path) for name, path in sources().items()}
    for room_name in ROOMS:
        room_sizes = [
            size for name, size in sizes.items() if name not in FACES and room(name) == room_name
        ]
        print(f"{room_name:12} {len(room_sizes):4} files {sum(room_sizes):7,} lines")
    lengths = [length for _, length, _ in functions()]
    print(f"back edges: {len(back_edges())}, deferred imports: {deferred_imports()}")
    print(f"longest module: {max(sizes.values())} lines; longest function: {max(lengths)}")
    print(f"functions: {len(lengths):,}, {statistics.median(lengths):.0f} lines in the middle")
    twice = {name: where for name, where in public_classes().items() if len(where) > 1}
    print(f"class names with two meanings: {len(twice)}", *sorted(twice))
    print(f"import closure: a vote {len(closure(VOTE_HANDLER))} modules,", end=" ")
    print(f"panel review {len(closure(REVIEW_COMMAND))}")
    print(f"test functions: {tests():,}")
    before = sum(lines_before_code(name) for name in sources())
    total = sum(sizes.values())
    middle = statistics.median(sizes.values())
    print(f"{total:,} lines in {len(sizes)} files, {middle:.0f} in the middle;", end=" ")
    print(f"{100 * before / total:.0f} % of the lines stand before a file's first statement")


if __name__ == "__main__":
    print(diagram()) if "--diagram" in sys.argv else main()
