"""What type checkers and importers see of the public names."""

import importlib.metadata
import inspect
import subprocess
import sys

import pytest

import panel
from tests.support.command import ROOT


@pytest.mark.timeout(180)
def test_a_users_code_type_checks_and_its_errors_are_found(pytestconfig):
    # What mypy learnt of modules that are still the same is kept from run to run.
    kept = pytestconfig.cache.mkdir("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", kept,
         "--follow-imports", "silent", ROOT / "tests" / "typing" / "api.py"],
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_is_documented_in_the_python_page():
    page = (ROOT / "docs" / "python.md").read_text()
    assert [
        name for name in panel.__all__ if f"`{name}" not in page and f".{name}" not in page
    ] == []


def test_every_public_function_and_class_has_a_docstring():
    names = [name for name in panel.__all__ if name not in ("Event", "__version__")]
    assert [name for name in names if not inspect.getdoc(getattr(panel, name))] == []


def test_the_version_is_that_of_the_distribution():
    assert panel.__version__ == importlib.metadata.version("panel-verdict")


def test_review_is_the_function_also_after_its_room_was_imported():
    program = (
        "import panel, panel.engine.session, panel.reviews.personas\n"
        "from panel.reviews import prompts\n"
        "from panel import review\n"
        "assert callable(panel.review) and panel.review is review, panel.review"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_the_names_are_listed_without_importing_them():
    program = "import sys, panel\nassert set(dir(panel)) == set(panel.__all__)\n" \
              "assert 'panel.api' not in sys.modules"  # fmt: skip
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
