"""A thread pool for work that blocks, with a limit on how much may wait and how long.

Not anyio's `to_thread.run_sync`, which Starlette uses: its limiter counts a call that was given up
as ended, so that every timeout on a database that hangs would start one more thread, and its
threads have to end before the interpreter does.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class PoolBusy(Exception):
    """Too many calls wait already, or this one took too long; it may still finish."""


class ThreadPool:
    """A few threads for one kind of work.

    Daemon threads: a hung call does not block interpreter exit.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        """Start no thread yet.

        Args:
            name: What the threads are called.
            threads: How many there are at most.
            waiting: How many calls may be under way or waiting; more raise `PoolBusy`.
        """
        self._name = name
        self._most = threads
        self._waiting = waiting
        self._under_way = 0
        self._threads = 0
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()

    async def do(self, call: Callable[[], T], *, seconds: float) -> T:
        """Return what `call` returns, from a thread.

        Raises:
            PoolBusy: too many calls wait, or `seconds` have passed.
        """
        if self._under_way >= self._waiting:
            raise PoolBusy
        future: Future[T] = Future()
        self._under_way += 1
        loop = asyncio.get_running_loop()
        # Counted until it has really ended: a call that hangs keeps its place.
        future.add_done_callback(lambda _: _notify(loop, self._ended))
        self._queue.put((future, call))
        if self._threads < min(self._under_way, self._most):
            self._threads += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise PoolBusy from None

    def close(self) -> None:
        """Start no further call; calls under way end by themselves."""
        for _ in range(self._threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as fault:
                future.set_exception(fault)

    def _ended(self) -> None:
        self._under_way -= 1


def _notify(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return  # the loop has ended before the call did
