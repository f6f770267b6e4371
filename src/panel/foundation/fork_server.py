"""A fork server: a process that has imported what others need, and forks one for each request.

Importing is most of the CPU time of a short process. A fork starts with everything imported, and
with nothing of what another fork has read. The server itself never looks into what its forks read.

A request is one message on a socket, with descriptors: first that of a status socket, then those
that the fork receives. The status socket says the fork's process id and, once it has ended, its
exit code (minus the signal's number where one ended it), a line each. Closing its other end kills
the fork; closing the requests' socket, as the end of the asking process does, kills all and ends
the server. Needs Unix sockets that keep messages apart: Linux.
"""

import atexit
import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

_REQUEST_LIMIT: Final = 1 << 20
_MOST_DESCRIPTORS: Final = 8
_PATIENCE: Final = 2.0
"""Seconds that a server is given to end."""


def ask(server: socket.socket, request: bytes, descriptors: Sequence[int]) -> socket.socket:
    """Have a connected server fork a process for a request; return its status socket.

    Raises `OSError` where no server is there any more.
    """
    status, theirs = socket.socketpair()
    with theirs:
        try:
            socket.send_fds(server, [request], [theirs.fileno(), *descriptors])
        except BaseException:
            status.close()
            raise
    return status


class ForkServer:
    """The asking process's end of a server, which starts with the first request."""

    def __init__(
        self,
        module: str,
        *,
        variables: Callable[[], Mapping[str, str]] = lambda: os.environ,
        folder: Path | None = None,
        quiet: bool = False,
    ) -> None:
        """Begin with no process.

        Args:
            module: What is run as `python -P -m MODULE FD`; it calls `serve` with the socket FD.
            variables: Says its environment when it starts.
            folder: Its current folder; None: that of this process.
            quiet: It holds neither standard output nor standard error of this process.
        """
        self._module = module
        self._variables = variables
        self._folder = folder
        self._quiet = quiet
        self._lock = threading.Lock()
        self._server: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave)

    def fork(self, request: bytes, descriptors: Sequence[int]) -> socket.socket:
        """Have a process forked for a request; return its status socket.

        Raises `OSError` where no server can be started.
        """
        with self._lock:
            try:
                return ask(self._server or self._started(), request, descriptors)
            except (BrokenPipeError, ConnectionResetError):
                self._end()  # it was killed, for want of memory for one
                return ask(self._started(), request, descriptors)

    def close(self) -> None:
        """End the server and its forks; a later request starts another one."""
        with self._lock:
            self._end()

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output = subprocess.DEVNULL if self._quiet else None
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(theirs.fileno())],
                    cwd=self._folder, env=dict(self._variables()), pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=True,
                )  # fmt: skip
            except OSError:
                ours.close()
                raise
        self._server = ours
        return ours

    def _end(self) -> None:
        server, process = self._server, self._process
        self._server = self._process = None
        if server is not None:
            server.close()
        if process is not None:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _leave(self) -> None:
        """Leave the server to the process that this one is a fork of."""
        self._lock = threading.Lock()
        if self._server is not None:
            self._server.close()
        if self._process is not None:
            self._process.returncode = 0  # no child of this process: nothing to wait for
        self._server = self._process = None


class _Forks:
    """The running forks of a server: their status sockets, and the selector that watches them."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._status_of: dict[int, socket.socket] = {}

    def add(self, pid: int, status: socket.socket) -> None:
        _say(status, pid)
        self._status_of[pid] = status
        self._selector.register(status, selectors.EVENT_READ, pid)

    def kill(self, pid: int) -> None:
        """Kill one whose status nobody reads any more; `report` hears of its end."""
        self._selector.unregister(self._status_of[pid])
        os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        for pid in self._status_of:
            os.kill(pid, signal.SIGKILL)

    def report(self) -> None:
        """Say the exit codes of those that have ended."""
        while self._status_of:
            pid, result = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._status_of.pop(pid) as status:
                if status in self._selector.get_map():
                    self._selector.unregister(status)
                _say(status, os.waitstatus_to_exitcode(result))

    def close(self) -> None:
        """Close in a fork what is the server's."""
        self._selector.close()
        for status in self._status_of.values():
            status.close()


def _say(status: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody waits for it any more
        status.sendall(f"{number}\n".encode())


def serve(
    server: socket.socket,
    run: Callable[[bytes, list[int]], object],
    *,
    prepare: Callable[[bytes], object] = lambda request: None,
) -> None:
    """Fork a process for each request until the other end is closed.

    Args:
        server: Where requests arrive.
        run: What a fork does with its request and its descriptors; it ends the process.
        prepare: What is done here, before the fork: importing what the request needs.
    """
    wake, wake_end = os.pipe()
    os.set_blocking(wake_end, False)
    signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    with selectors.DefaultSelector() as selector:
        forks = _Forks(selector)
        selector.register(server, selectors.EVENT_READ, "request")
        selector.register(wake, selectors.EVENT_READ, "ended")
        while True:
            ready = [key.data for key, _ in selector.select()]
            for pid in [data for data in ready if isinstance(data, int)]:
                forks.kill(pid)
            if "ended" in ready:
                os.read(wake, 4096)
                forks.report()
            if "request" not in ready:
                continue
            request, descriptors, _, _ = socket.recv_fds(server, _REQUEST_LIMIT, _MOST_DESCRIPTORS)
            if not request:
                forks.kill_all()
                return
            status = socket.socket(fileno=descriptors[0])
            prepare(request)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                forks.close()
                for descriptor in (wake, wake_end):
                    os.close(descriptor)
                server.close()
                status.close()
                run(request, descriptors[1:])
                return
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            forks.add(pid, status)
