"""Fixtures shared by all tests, and --update-golden."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.browser import chromium
from tests.command import Desk, answering
from tests.databases import database, database_url, postgres

__all__ = ["chromium", "database", "database_url", "postgres"]  # fixtures, found here by pytest

# No example is judged by the clock of a busy machine; CI tries the same examples every time.
settings.register_profile("panel", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("panel")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="Rewrite tests/golden.")


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
