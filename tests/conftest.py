"""Fixtures shared by all tests, --update-golden, and the last line: what was not checked."""

import functools
import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import fork_server, guard
from tests.support.browser import chromium
from tests.support.command import Desk, answering
from tests.support.databases import database, database_url, postgres
from tests.support.surroundings import Surroundings
from tests.support.wires import wire

__all__ = [
    "chromium",
    "database",
    "database_url",
    "postgres",
    "wire",
]  # fixtures, found here by pytest

# No example is judged by the clock of a busy machine; CI tries the same examples every time.
settings.register_profile("panel", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("panel")


surroundings = Surroundings()  # here, before a test module imports panel

# Modules and tests stay to the end: searching them for garbage again and again while they are
# collected costs a third of collecting. From then on they are left out of every search.
gc.disable()


LONG = (
    "engine/test_calibrate", "publish/test_site_pages", "engine/test_interrupted",
    "evidence/test_gather_online", "test_network", "engine/test_resume", "engine/test_batch_jobs",
    "publish/test_serve_browser", "engine/test_ray", "cli/test_long_runs", "llm/test_local_engine",
    "evidence/test_gather_stopped", "evidence/test_gather_session", "engine/test_faults_bench",
    "publish/test_community_votes", "engine/test_injection", "publish/test_serve_trouble",
    "llm/test_local_child", "cli/test_output",
)  # fmt: skip
"""Files that take longest; a worker that began one last would hold up the end of the run."""


def pytest_collection_modifyitems(items):
    order = {Path(__file__).parent / f"{name}.py": n for n, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path, len(LONG)))


def pytest_collection_finish():
    gc.freeze()
    # At Python's own 700 the searches are 7 % of the suite's CPU time.
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="Rewrite tests/golden.")


@functools.cache
def shared_server():
    return fork_server.SharedServer(surroundings.environment(surroundings.path))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Give each worker the address of one fork server for all of them."""
    node.workerinput["fork_server"] = shared_server().address


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        fork_server.share(config.workerinput["fork_server"])


def pytest_unconfigure():
    if shared_server.cache_info().currsize:
        shared_server().close()
    surroundings.remove()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """Close with what this machine could not check; skip reasons say how it could."""
    result = yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if reasons := {report.longrepr[2].removeprefix("Skipped: ") for report in skipped}:
        reporter.write_line(f"not checked: {'; '.join(sorted(reasons))}")
    return result


@pytest.fixture(scope="session", autouse=True)
def _no_surroundings():
    """Nothing of this machine's user reaches a fixture of a session or a module."""
    sys.addaudithook(guard.watch)
    with surroundings.place():
        yield


@pytest.fixture(autouse=True)
def _own_place(_no_surroundings):
    """Nothing of this machine's user, or of another test, reaches a test."""
    guard.refused.clear()
    with surroundings.place():
        yield
    assert not guard.refused, "outside of what a test may do"


@pytest.fixture
def update_golden(request):
    return request.config.getoption("--update-golden")


@pytest.fixture
def golden(update_golden):
    """Compare a text with the file of that name in tests/golden, or rewrite the file."""

    def check(name, text):
        path = Path(__file__).with_name("golden") / name
        if update_golden:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture
def desk(tmp_path):
    """An empty folder and an environment without keys, settings or caches."""
    (tmp_path / "home").mkdir()
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def answers():
    """The base URL of a server that answers whatever panel asks."""
    with answering() as url:
        yield url
