"""The worker: one review request at a time, by the same engine as the command line.

It runs in a thread with a loop of its own, so that a review's work never delays a page. What it is
at when the server ends stays in the queue, and its run is gone on with by the next server.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import DatabaseError, InputError, PanelError, RunError, ToolError
from panel.publish.community.requests import Request, Requests
from panel.publish.server.review_progress import ProgressBoard, Step
from panel.publish.server.review_request import ReviewRequest, same_name, settled
from panel.review.events import Event
from panel.review.strategies.ask import steps
from panel.runs.folders import find_folder
from panel.runs.history.archive import Archive
from panel.runs.history.entry import History

PATIENCE: Final = 2.0
"""Seconds between two looks at the queue, where nobody rings."""
REVIEW_SECONDS: Final = 3600.0
DRAIN_SECONDS: Final = 3.0

NOT_ASKED: Final = "The reviewers could not be asked. Whoever runs this site was told why."


class ReviewWorker:
    """Takes requests from the queue until it is stopped."""

    def __init__(
        self,
        requests: Requests,
        options: Options,
        board: ProgressBoard,
        *,
        known: Callable[[str], History | None],
        key_of: Callable[[str], str | None],
        on_trouble: Callable[[str], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Take the queue and the rest; `start` begins.

        Args:
            requests: The queue.
            options: How tools are reviewed.
            board: Told how far the review is.
            known: Finds a tool's history by its name.
            key_of: Finds the key of a run's one tool, after its verdict.
            on_trouble: Told, in one line, what the visitor is not.
            on_down: Told that the database failed.
        """
        self._requests = requests
        self._options = replace(options, command=("panel", "serve"), discreet=True)
        self._board = board
        self._known = known
        self._key_of = key_of
        self._on_trouble = on_trouble
        self._on_down = on_down
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin, with what an earlier server left first."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def ring(self) -> None:
        """Say that there is something new in the queue."""
        if self._bell is not None:
            self._call(self._bell.set)

    def stop(self) -> None:
        """End; a review under way is left to the next server."""
        self._ending.set()
        if self._task is not None:
            self._call(self._task.cancel)
        if self._thread is not None:
            self._thread.join(DRAIN_SECONDS + 5)

    def _call(self, what: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(what)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop, self._bell = asyncio.get_running_loop(), asyncio.Event()
        self._task = asyncio.current_task()
        recovered = False
        while not self._ending.is_set():
            self._bell.clear()
            try:
                if not recovered:
                    await asyncio.to_thread(self._requests.recover)
                    recovered = True
                request = await asyncio.to_thread(self._requests.next)
            except DatabaseError as fault:
                self._on_down(fault.message)
                request = None
            if request is not None:
                await self._take(request)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._bell.wait()

    async def _take(self, request: Request) -> None:
        self._board.begin(request.id, "what is known about the tool is read")
        try:
            async with asyncio.timeout(REVIEW_SECONDS):
                run = await self._review(request)
            key = await asyncio.to_thread(self._key_of, run)
            if key is None:
                await self._fail(request, NOT_ASKED, f"run {run} has no verdict")
            else:
                await self._note(lambda: self._requests.done(request.id, run=run, key=key))
        except InputError as fault:
            public = fault.message if isinstance(fault, ToolError) else NOT_ASKED
            await self._fail(request, public, fault.message)
        except TimeoutError:
            await self._fail(request, "The review took too long.", "it took too long")
        except PanelError as fault:
            await self._fail(request, NOT_ASKED, fault.message)
        except Exception as fault:
            await self._fail(request, NOT_ASKED, f"a fault in panel itself: {type(fault).__name__}")
        finally:
            self._board.forget(request.id)

    async def _fail(self, request: Request, public: str, reason: str) -> None:
        self._on_trouble(f"request {request.id}: {reason}")
        await self._note(lambda: self._requests.failed(request.id, message=public))

    async def _note(self, change: Callable[[], None]) -> None:
        """Write to the queue, however long the database is away."""
        while True:
            try:
                return await asyncio.to_thread(change)
            except DatabaseError as fault:
                self._on_down(fault.message)
                await asyncio.sleep(PATIENCE)

    async def _review(self, request: Request) -> str:
        session = await self._session(request)
        async with session:
            run = session.run.name
            await self._note(lambda: self._requests.running(request.id, run=run))
            plan = session.plan
            rows = [Step(p.name, p.title, 0, steps(plan, p)) for p in plan.personas]
            self._board.begin(request.id, "the reviewers read the evidence", rows)

            def watch(event: Event) -> None:
                self._board.happened(request.id, event)

            try:
                await session.work(watch=watch)
            except asyncio.CancelledError:
                session.stop()
                await session.drain(DRAIN_SECONDS)
                raise
        return run

    async def _session(self, request: Request) -> Session:
        """Open the request's run: the one begun before the server ended, else a new one."""
        if request.run is not None:
            with suppress(RunError):
                path = find_folder(self._options.settings.runs, request.run)
                return await Session.resume(self._options, path)
        asked = ReviewRequest(request.name, request.url, request.description)
        told = settled(asked, self._known(asked.name))
        tool = single_tool(told.name, url=told.url, description=told.description)
        options = replace(self._options, fetch=told.url is not None)
        session = await Session.start(options, [tool])
        found = session.tools[0].name
        if not same_name(found, told.name):
            # The page gave the tool its name: it must not take a known one's.
            try:
                settled(ReviewRequest(found, told.url, None), self._known(found))
            except ToolError:
                async with session:
                    raise
        return session


def known_in(archive: Archive, name: str) -> History | None:
    """Return the history of the tool of that name, None where there is none."""
    for history in archive.histories():
        if same_name(history.latest.tool.name, name):
            return history
    return None
