"""`Panel`, the blocking twin of `AsyncPanel`, and `review`: also where an event loop is running.

Coroutines run in a loop of its own thread, so a notebook's or a server's loop is never entered
twice. An interrupt reaches the caller, who cancels the coroutine and waits for it to clean up.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import update_wrapper, wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from panel.api.arguments import ToolLike
from panel.api.client import AsyncPanel, Watcher, areview
from panel.foundation.errors import InputError
from panel.reviews.verdict.scorecard import Scorecard

P = ParamSpec("P")
T = TypeVar("T")


class LoopThread:
    """An event loop in a daemon thread: an unfinished call does not keep the interpreter alive."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="panel", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for its result; raises what it raises.

        Raises `InputError` once the loop is closed.
        """
        if self.closed:
            work.close()
            raise InputError("the panel is closed", hint="with panel.Panel(…) as p: …")
        begun: Future[None] = Future()
        task: list[asyncio.Task[T]] = []

        async def settled() -> T:
            task.append(asyncio.create_task(work))
            begun.set_result(None)
            await asyncio.wait(task)
            return task[0].result()

        future = asyncio.run_coroutine_threadsafe(settled(), self._loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                begun.result()
                self._loop.call_soon_threadsafe(task[0].cancel)
                wait([future])
            raise

    def close(self) -> None:
        """End the loop and wait for its thread. May be called twice."""
        if self.closed:
            return
        for end in (self._loop.shutdown_asyncgens, self._loop.shutdown_default_executor):
            self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine in a thread of its own and return its result."""
    with LoopThread() as thread:
        return thread.run(work)


def _like(
    init: Callable[Concatenate[AsyncPanel, P], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate["Panel", P], None]]:
    """Give an `__init__` the arguments of `AsyncPanel`, for type checkers, `help` and editors."""
    return wraps(init)


def _blocking(
    method: Callable[Concatenate[AsyncPanel, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Panel", P], T]:
    """Return a method that runs a method of `AsyncPanel` to its end."""

    def blocking(self: "Panel", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._thread.run(method(self._client, *args, **kwargs))

    return update_wrapper(blocking, method)


class Panel:
    """Reviews tools from code that is not asynchronous, also where an event loop is running.

    Takes the arguments of `AsyncPanel`, but no client, and has its methods. Use it in `with`, or
    `close()` it.
    """

    @_like(AsyncPanel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("client") is not None:  # it could not be closed: this loop ends with it open
            raise InputError(
                "Panel takes no client: its event loop is its own",
                hint="async with panel.AsyncPanel(client=…) as p: …",
            )
        self._client = AsyncPanel(*args, **kwargs)
        self._thread = LoopThread()

    review = _blocking(AsyncPanel.review)
    refresh = _blocking(AsyncPanel.refresh)

    def review_many(
        self,
        tools: str | Path | Iterable[ToolLike],
        *,
        fetch: bool = False,
        allow_outside: bool = False,
        max_cost: float | None = None,
        max_calls: int | None = None,
        deadline: float | None = None,
        allow_unpriced: bool = False,
        on_event: Watcher | None = None,
    ) -> Iterator[Scorecard]:
        """Review many tools as one run and yield each scorecard as soon as it is decided.

        See `AsyncPanel.review_many`. `on_event` is called in another thread.
        """
        cards = self._client.review_many(
            tools, fetch=fetch, allow_outside=allow_outside, max_cost=max_cost,
            max_calls=max_calls, deadline=deadline, allow_unpriced=allow_unpriced,
            on_event=on_event,
        )  # fmt: skip

        async def following() -> Scorecard | None:
            return await anext(cards, None)

        try:
            while (card := self._thread.run(following())) is not None:
                yield card
        finally:
            self._thread.run(cards.aclose())

    def close(self) -> None:
        """Close connections, the local model and the loop; the panel cannot be used after it."""
        if not self._thread.closed:
            self._thread.run(self._client.close())
            self._thread.close()

    def __enter__(self) -> Self:
        """Return the panel; nothing is opened yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close connections, the local model and the loop."""
        self.close()


def _plain(
    call: Callable[P, Coroutine[Any, Any, Scorecard]],
) -> Callable[P, Scorecard]:
    @wraps(call)
    def plain(*args: P.args, **kwargs: P.kwargs) -> Scorecard:
        return run_blocking(call(*args, **kwargs))

    plain.__name__ = plain.__qualname__ = "review"
    plain.__doc__ = "Review one tool from code that is not asynchronous; see `areview`."
    return plain


review = _plain(areview)
