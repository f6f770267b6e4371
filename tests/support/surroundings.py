"""What tests run in: nothing of this machine's user, and nothing of this checkout's.

An environment without keys, settings and proxies, a home and a current folder of their own for
each test, no connection but to this machine, and panel as its wheel lays it out: with the reviewers
it is shipped with, not with those that somebody has put into `personas/`.
"""

import itertools
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import guard
from tests.support.command import KEPT, ROOT

PERSONAS = ("builder", "business", "futurist", "skeptic")
"""The reviewers that come with panel."""
PASSED_ON = (*KEPT, "CI", "LD_LIBRARY_PATH", "PANEL_DATA", "PYTHONHASHSEED", "TMP", "TEMP", "TERM")


class Surroundings:
    """A folder that holds panel as installed, and a home and a current folder for each test."""

    def __init__(self) -> None:
        """Lay the package out and put it first on the path; call before panel is imported."""
        self._base = Path(tempfile.mkdtemp(prefix="panel-tests-"))
        self._numbers = itertools.count(1)
        self._unused: list[Path] = []
        """Places that tests have left as they were: most do, and removing a folder takes 3 ms."""
        self.path = self._base / "path"
        package = self.path / "panel"
        package.mkdir(parents=True)
        for part in (ROOT / "src" / "panel").iterdir():
            if part.name != "__pycache__":
                (package / part.name).symlink_to(part)
        data = package / "data"
        (data / "personas").mkdir(parents=True)
        for name in PERSONAS:
            shutil.copy(ROOT / "personas" / f"{name}.md", data / "personas")
        for kind in ("prompts", "controls"):
            (data / kind).symlink_to(ROOT / kind)
        (self.path / "sitecustomize.py").symlink_to(guard.__file__)
        sys.path.insert(0, str(self.path))

    def environment(self, home: Path) -> dict[str, str]:
        """Return all that tests and the processes they start may know of this machine."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in PASSED_ON or name.startswith("PYTEST_")  # pytest's own, of this very run
        }
        path = os.pathsep.join((str(self.path), str(ROOT)))
        return inherited | {"HOME": str(home), "PYTHONPATH": path}

    @contextmanager
    def place(self) -> Iterator[None]:
        """Go to an empty folder with an empty home and a bare environment, and come back."""
        place = self._unused.pop() if self._unused else self._new_place()
        home, here = place / "home", place / "here"
        with pytest.MonkeyPatch.context() as patch:
            environment = self.environment(home)
            for name in set(os.environ) - set(environment):
                patch.delenv(name)
            for name, value in environment.items():
                if os.environ.get(name) != value:
                    patch.setenv(name, value)
            patch.chdir(here)
            yield
        if _is_unused(place):
            self._unused.append(place)
        else:
            shutil.rmtree(place, ignore_errors=True)

    def _new_place(self) -> Path:
        place = self._base / str(next(self._numbers))
        for folder in (place / "home", place / "here"):
            folder.mkdir(parents=True)
        return place

    def remove(self) -> None:
        """Take the folder away again."""
        sys.path.remove(str(self.path))
        shutil.rmtree(self._base, ignore_errors=True)


def _is_unused(place: Path) -> bool:
    """Tell whether a place is as it was made."""
    try:
        return sorted(os.listdir(place)) == ["here", "home"] and all(
            not os.listdir(folder) and stat.S_IMODE(folder.stat().st_mode) & 0o700 == 0o700
            for folder in (place / "here", place / "home")
        )
    except OSError:
        return False
