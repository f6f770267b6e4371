"""The worker: one review request at a time, by the same engine as the command line.

It runs in a thread with a loop of its own, so that a review's work never delays a page. A review
under way when the server ends stays in the queue, and the next server resumes its run. No handler
imports this module.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool_list import single_tool
from panel.foundation.errors import DatabaseError, InputError, PanelError, RunError, ToolError
from panel.publish.community.requests import Request, Requests
from panel.publish.server.review_progress import ProgressTracker, Step
from panel.publish.server.review_request import ReviewRequest, known_in, same_name, settled
from panel.reviews.events import Event
from panel.reviews.strategies.ask import steps
from panel.runs.folders import find_folder
from panel.runs.history.archive import Archive

PATIENCE: Final = 2.0
"""Seconds between two looks at the queue, where no new request is announced."""
REVIEW_SECONDS: Final = 3600.0
DRAIN_SECONDS: Final = 3.0

NOT_ASKED: Final = "The reviewers could not be asked. Whoever runs this site was told why."


class ReviewWorker:
    """Takes requests from the queue until it is stopped."""

    def __init__(
        self,
        requests: Requests,
        options: Options,
        progress: ProgressTracker,
        *,
        archive: Archive,
        new_request: threading.Event,
        refresh: Callable[[], Awaitable[object]],
        on_trouble: Callable[[str], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Take the queue and the rest; `start` begins.

        Args:
            requests: The queue.
            options: How tools are reviewed.
            progress: Shows how far the review is.
            archive: The verdicts of every run.
            new_request: Set by others when the queue has something new; cleared here.
            refresh: Has the archive read new verdicts; awaited in the loop that serves.
            on_trouble: Takes a line on what the visitor is not shown.
            on_down: Takes a line when the database failed.
        """
        self._requests = requests
        self._options = replace(options, command=("panel", "serve"), discreet=True)
        self._progress = progress
        self._archive = archive
        self._new_request = new_request
        self._refresh = refresh
        self._on_trouble = on_trouble
        self._on_down = on_down
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin, with what an earlier server left first; call it in the loop that serves."""
        self._serving = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a review under way is left to the next server."""
        self._ending.set()
        self._new_request.set()
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread is not None:
            self._thread.join(DRAIN_SECONDS + 5)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._work())

    async def _work(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        recovered = False
        while not self._ending.is_set():
            self._new_request.clear()
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
            await asyncio.to_thread(self._new_request.wait, PATIENCE)

    async def _take(self, request: Request) -> None:
        self._progress.begin(request.id, "what is known about the tool is read")
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
            self._progress.forget(request.id)

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
            self._progress.begin(request.id, "the reviewers read the evidence", rows)

            def watch(event: Event) -> None:
                self._progress.happened(request.id, event)

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
        sent = ReviewRequest(request.name, request.url, request.description)
        checked = settled(sent, known_in(self._archive, sent.name))
        tool = single_tool(checked.name, url=checked.url, description=checked.description)
        options = replace(self._options, fetch=checked.url is not None)
        session = await Session.start(options, [tool])
        name = session.run.tools()[0].name
        if not same_name(name, checked.name):
            # The page gave the tool its name: it must not take a known one's.
            try:
                settled(ReviewRequest(name, checked.url, None), known_in(self._archive, name))
            except ToolError:
                async with session:
                    raise
        return session

    def _key_of(self, run: str) -> str | None:
        """Return the key of a run's one tool once the site shows its verdict; from a thread."""
        assert self._serving is not None

        async def refresh() -> None:
            await self._refresh()

        asyncio.run_coroutine_threadsafe(refresh(), self._serving).result(60)
        entries = self._archive.entries()
        return next((entry.key for entry in entries if entry.run == run), None)
