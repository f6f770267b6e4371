"""Commands in processes of their own without the price of importing panel for each: a fork server.

One process has every module of panel imported and does nothing else, for all workers of a session;
each command is a fork of it, with its own arguments, folder, environment and standard streams.
Importing is most of the CPU time of a short command, and the suite starts many hundreds of them.

    python -P -m tests.support.fork_server FD    (serves the socket FD; started by `ForkServer`)
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

if TYPE_CHECKING:
    from panel.foundation.fork_server import ForkServer

T = TypeVar("T")

ROOT = Path(__file__).parents[2]

MODULES: Final = (
    "panel.__main__", "tests.support.faultd", "tests.support.judges", "tests.support.list_run",
)  # fmt: skip
"""What can be run; each has a `main` that reads `sys.argv`."""

USED_LATER: Final = (
    "_strptime", "anyio._backends._asyncio", "h11", "httpcore2", "krippendorff",
    "openai.resources.chat.completions", "rich._emoji_codes", "truststore",
)  # fmt: skip
"""Modules of others that a command imports when it first uses them: 0.1 to 1 s of CPU each time."""


class ForkedProcess:
    """A running command with the part of `subprocess.Popen` that tests use; streams are text."""

    def __init__(self, status: socket.socket, out: int, err: int | None) -> None:
        """Read the pid; `out` and `err` are the reading ends of pipes."""
        self._status = status.makefile("r")
        status.close()
        self.pid = int(self._status.readline())
        self.returncode: int | None = None
        self.stdout: TextIO = os.fdopen(out, encoding="utf-8")
        self.stderr: TextIO | None = None if err is None else os.fdopen(err, encoding="utf-8")

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number for a killed one; None while it runs."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if selector.select(0):
                    self._reap()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0)
            self._reap()
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return all that it prints from here on, once it has ended."""
        texts = self._read(lambda stream: stream.read(), timeout)
        return texts.get("out", ""), texts.get("err", "")

    def output(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Return the same as bytes, whatever their encoding."""
        held = self._read(lambda stream: stream.buffer.read(), timeout)
        return held.get("out", b""), held.get("err", b"")

    def _read(self, whole: Callable[[TextIO], T], timeout: float | None) -> dict[str, T]:
        end = None if timeout is None else time.monotonic() + timeout
        held: dict[str, T] = {}

        def read(name: str, stream: TextIO) -> None:
            with stream:
                held[name] = whole(stream)

        streams = {"out": self.stdout, "err": self.stderr}
        threads = [
            threading.Thread(target=read, args=(name, stream), daemon=True)
            for name, stream in streams.items()
            if stream is not None and not stream.closed
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if end is None else max(0, end - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0)
        self.wait(None if end is None else max(1, end - time.monotonic()))
        return held

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _reap(self) -> None:
        line = self._status.readline()
        self._status.close()
        self.returncode = int(line) if line else -signal.SIGKILL  # the server itself was killed


_WORKER: Final = b"worker"
"""The request for a fork that serves the connection of a worker."""

_shared: list[str] = []
"""The address of the server of the whole session; empty where this process is all of it."""


@functools.cache
def _server() -> "ForkServer":
    """Return the server of this process; panel is imported once its surroundings are laid."""
    from panel.foundation.fork_server import ForkServer

    return ForkServer("tests.support.fork_server", folder=ROOT, variables=_variables)


def _variables() -> dict[str, str]:
    """Return the environment of the server: a benchmark has none in which it finds the tests."""
    path = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))}


@functools.cache
def _connection(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(address)
    return connection  # closed with this process, which ends the server


class SharedServer:
    """A server of all workers of a session: what it imports is imported once, not by each.

    A worker that connects gets a fork of it, which forks again for each of the worker's requests.
    The first one that connects has it started.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Wait for workers; `variables` are the environment that panel is imported in."""
        from panel.foundation.fork_server import ForkServer

        self._server = ForkServer(
            "tests.support.fork_server", folder=ROOT, variables=lambda: variables
        )
        self._folder = tempfile.mkdtemp(prefix="panel-forks-")  # the paths of sockets are short
        self.address = f"{self._folder}/socket"
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(self.address)
        self._listening.listen()
        self._forks: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self._forks.append(self._server.fork(_WORKER, [connection.fileno()]))

    def close(self) -> None:
        """End the server, its forks, and what these have forked."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        for fork in self._forks:
            fork.close()
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def share(address: str) -> None:
    """Use the server of the session instead of one of this process."""
    _shared.append(address)


def start_module(
    module: str,
    args: Sequence[object],
    *,
    folder: Path = ROOT,
    env: dict[str, str] | None = None,
    stdout: int | None = None,
    stderr: bool = True,
) -> ForkedProcess:
    """Run the `main` of one of `MODULES` in a process of its own.

    Args:
        module: Its name.
        args: Its arguments.
        folder: Its current folder.
        env: Its environment; None: that of the session.
        stdout: The descriptor of its standard output; None: a pipe that is read.
        stderr: Whether its standard error is read; else it is the session's.
    """
    from panel.foundation.fork_server import ask

    request = {
        "module": module, "args": [*map(str, args)], "folder": str(folder),
        "environment": dict(os.environ) if env is None else env,
    }  # fmt: skip
    out, out_end = os.pipe()
    if stdout is not None:
        os.dup2(stdout, out_end)
    err, err_end = os.pipe() if stderr else (None, None)
    ends = [out_end, *([] if err_end is None else [err_end])]
    text = json.dumps(request).encode()
    status = ask(_connection(_shared[0]), text, ends) if _shared else _server().fork(text, ends)
    for end in ends:
        os.close(end)
    return ForkedProcess(status, out, err)


_READ_AT_START: Final = (
    "COVERAGE_PROCESS_START", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONUTF8",
    "SSL_CERT_DIR", "SSL_CERT_FILE",
)  # fmt: skip


def needs_own_interpreter(env: dict[str, str]) -> bool:
    """Tell whether an environment says something that is read while Python starts or imports."""
    return any(env.get(name) != os.environ.get(name) for name in _READ_AT_START)


def serve_commands(server: socket.socket) -> None:
    """Fork a process for each request until the other end is closed."""
    from panel.foundation import collector
    from panel.foundation.fork_server import serve

    import_all()
    compile_templates()
    read_entry_points()
    gc.freeze()  # what every fork shares is never searched for garbage
    with collector.seldom_collected():
        pass  # sees that: counting it is a seventh of the CPU time of a short command
    serve(server, _become)


def import_all() -> None:
    """Import every module of panel, what it imports later, and the servers of the tests."""
    import panel

    names = [module.name for module in pkgutil.walk_packages(panel.__path__, "panel.")]
    for name in (*names, *USED_LATER, *MODULES):
        importlib.import_module(name)


def compile_templates() -> None:
    """Compile the templates that most commands fill: half of the CPU time of a short one."""
    from panel.report import templating

    for file in templating.FOLDER.iterdir():
        if file.suffix == ".html":
            templating.html_template(file.name)
        elif file.suffix == ".md":
            templating.markdown_template(file.name)


def read_entry_points() -> None:
    """Read what installed packages add; a command with other packages has its own interpreter."""
    from panel.foundation import plugins

    plugins.plugin_names("formats")


def _become(text: bytes, streams: list[int]) -> None:
    """Make this fork the process that was asked for, and run it."""
    from panel.foundation.fork_server import serve

    if text == _WORKER:
        return serve(socket.socket(fileno=streams[0]), _become)
    request = json.loads(text)
    sys.stdout.flush()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    # As an interpreter opens them at its start.
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    sys.stdout = os.fdopen(1, "w", encoding=encoding, errors=errors or "strict", closefd=False)
    sys.stderr = os.fdopen(
        2, "w", buffering=1, encoding=encoding, errors="backslashreplace", closefd=False
    )
    module = sys.modules["__main__"] = importlib.import_module(request["module"])
    sys.argv = [module.__file__ or "", *request["args"]]
    try:
        module.main()
        code = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    _exit(code)


def _exit(code: int) -> None:
    """End as an interpreter does, but for taking every module apart: most of a short command."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()  # what is left open says so
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(code)  # the interpreter has words and a code for it
    os._exit(code)


if __name__ == "__main__":
    serve_commands(socket.socket(fileno=int(sys.argv[1])))
