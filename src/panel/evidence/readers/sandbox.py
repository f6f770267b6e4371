"""The sandbox: an untrusted document is read in a child process with limits.

The child is `sandbox_child`; this module starts it, waits for it, ends it, and checks its answer.
On Linux it is a fork of a process in which the readers are imported already.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from typing import Any, Final

from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.sandbox_child import OUTPUT, READY
from panel.foundation.errors import Unparseable
from panel.foundation.fork_server import ForkServer

SECONDS: Final = 5.0
"""From the child's start to its answer."""
START_SECONDS: Final = 60.0
"""For a process to start and import the readers: no fault of the document."""
CHILD: Final = "panel.evidence.readers.sandbox_child"

_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""More children than cores only slow each other down."""

PASSED_ON: Final = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")
"""Variables that a child process needs: no key is among them."""


class _NotStarted(Exception):
    """The process that reads, or that forks readers, does not answer."""


def parse(
    raw: bytes, media_type: str, *, name: str, charset: str | None = None, whole: bool = False
) -> Extract:
    """Return what a document shows and hides; blocks for SECONDS or more, so call it in a thread.

    Args:
        raw: Its bytes, 2 MB at most.
        media_type: One that `document.is_known`.
        name: What errors call it: a host or a file name.
        charset: As its server names it.
        whole: Keep menus, side columns and footers of a web page.

    Raises:
        Unparseable: too much time or memory, damaged, encrypted.
    """
    arguments = [media_type, *([charset] if charset else []), *(["--whole"] if whole else [])]
    try:
        with _AT_ONCE:
            code, text = _answered(arguments, raw)
    except _NotStarted:
        raise Unparseable(f"{name}: the reader has not started in {START_SECONDS:.3g} s") from None
    except (TimeoutError, subprocess.TimeoutExpired):
        raise Unparseable(f"{name}: not read within {SECONDS:.3g} s") from None
    except OSError as error:
        reason = (error.strerror or "error").lower()
        raise Unparseable(f"{name}: the reader cannot be started: {reason}") from None
    if code < 0:
        raise Unparseable(f"{name}: reading it took too much time or memory")
    return _extract(text, name)


def _answered(arguments: list[str], raw: bytes) -> tuple[int, bytes]:
    """Return the exit code of the child that reads a document, and what it wrote."""
    with tempfile.TemporaryFile() as document, tempfile.TemporaryFile() as answer:
        document.write(raw)
        document.seek(0)
        read = _read_by_fork if _FORKS else _read_by_process
        code = read(arguments, document.fileno(), answer.fileno())
        answer.seek(0)
        return code, answer.read(OUTPUT)


def _read_by_fork(arguments: list[str], document: int, answer: int) -> int:
    """Have a fork of a process with imported readers read a document; return its exit code."""
    with _server().fork(json.dumps(arguments).encode(), [document, answer]) as status:
        status.settimeout(START_SECONDS)
        try:
            said = status.recv(64)  # its process id
        except TimeoutError:
            raise _NotStarted from None
        end = time.monotonic() + SECONDS
        while True:
            status.settimeout(max(0.001, end - time.monotonic()))
            if not (more := status.recv(64)):
                break
            said += more
    lines = said.split()
    return int(lines[1]) if len(lines) == 2 else 1  # without a code, the server itself was killed


def _read_by_process(arguments: list[str], document: int, answer: int) -> int:
    """Have a new process read a document; return its exit code."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", CHILD, *arguments],
        stdin=document, stdout=answer, stderr=subprocess.PIPE,
        env=_passed_on(), start_new_session=True,
    ) as process:  # fmt: skip
        ended = threading.Event()

        def end() -> None:
            ended.set()
            process.kill()

        late = threading.Timer(START_SECONDS, end)
        late.start()
        try:
            assert process.stderr is not None
            if process.stderr.readline() != READY and ended.is_set():
                raise _NotStarted
            late.cancel()
            return process.wait(SECONDS)
        finally:
            late.cancel()
            process.kill()


def _passed_on() -> dict[str, str]:
    return {key: os.environ[key] for key in PASSED_ON if key in os.environ}


_FORKS: bool = sys.platform == "linux"
"""Elsewhere each document gets a new process: system libraries there do not bear a fork."""


@cache
def _server() -> ForkServer:
    return ForkServer(CHILD, variables=_passed_on, quiet=True)


def _extract(text: bytes, name: str) -> Extract:
    try:
        data: dict[str, Any] = json.loads(text)
        if error := data.get("error"):
            raise Unparseable(f"{name}: {error}")
        return Extract(
            blocks=tuple(Block(kind, words, heading) for kind, heading, words in data["blocks"]),
            hidden=tuple(data["hidden"]), removed=data["removed"], flags=tuple(data["flags"]),
            aside=data["aside"], links=tuple((url, text) for url, text in data["links"]),
            title=data["title"], why=tuple(data["why"]),
            characters=tuple((kind, count) for kind, count in data["characters"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unparseable(f"{name}: the reader broke off") from None
