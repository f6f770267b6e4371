"""Driving a session from the terminal: progress, signals, and the exit code."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self

from panel.cli.console import say
from panel.cli.destination import Destination
from panel.cli.output import emit_run
from panel.cli.progress import ProgressDisplay
from panel.engine.options import Options
from panel.engine.session import Session
from panel.foundation.errors import PanelError, RunError, RunStopped
from panel.foundation.text import printable
from panel.llm.config import ProviderConfig
from panel.reviews.events import Event, JobMoved
from panel.reviews.plan import ReviewPlan
from panel.runs.manifest import ItemCounts, Manifest
from panel.runs.metadata import stored_jobs
from panel.runs.run import Run

GRACE = 10.0
"""Seconds that calls in flight are waited for after the first signal."""


JOB_LINE_EVERY = 600.0
"""Seconds between two lines about a batch job that does not change."""


class Interrupted(PanelError):
    """A signal stopped the run; `exit_code` is 128 plus its number, as shells expect."""

    def __init__(self, number: int, run: str | None) -> None:
        message = (
            "stopped; what was answered is kept" if run else "stopped before anything was asked"
        )
        super().__init__(message, hint=run)
        self.exit_code = 128 + number  # type: ignore[misc]


@dataclass(frozen=True)
class FinishedRun:
    """A run whose session has ended."""

    path: Path
    counts: ItemCounts
    left_out: int = 0
    """Tools about which nothing could be read."""

    @classmethod
    def read(cls, run: Run) -> Self:
        """Return a stored run that is finished."""
        return cls(run.path, run.manifest.counts or ItemCounts.of(run.each_verdict()))


def perform(opening: Awaitable[Session]) -> FinishedRun:
    """Open a session, work it with progress on stderr, and return the finished run.

    The last lines name the run and, where reviews are missing, the command that asks them again.
    """
    try:
        with _interrupted_by_signals():
            return asyncio.run(_perform(opening))
    except _Stopped as stopped:
        raise Interrupted(stopped.number, None) from None


def cancel_jobs(options: Options, path: Path) -> None:
    """End the batch jobs of the run at `path`, keep what they answered, and say so.

    Raises `RunError` where it has none.
    """
    with Run.open(path) as run:
        jobs = stored_jobs(run)
    if jobs is None or not jobs.waiting:
        raise RunError(f"run {path.name} waits for no batch job", hint=f"panel show {path.name}")
    try:
        with _interrupted_by_signals():
            lines = asyncio.run(_cancel(Session.resume(options, path, every_row=True)))
    except _Stopped as stopped:
        raise Interrupted(stopped.number, f"panel resume {path.name}") from None
    for line in lines:
        say(line)
    say(f"the rest is asked one by one: panel resume {path.name}")


async def _cancel(opening: Awaitable[Session]) -> list[str]:
    async with await opening as session:
        return await session.cancel_jobs(watch=_Jobs().watch)


def exit_code(finished: FinishedRun, fail_on: frozenset[str]) -> int:
    """Return 4 when an outcome matches `fail_on`, 1 when something is missing, else 0."""
    return outcome_code(finished.counts, fail_on) or int(finished.left_out > 0)


def outcome_code(counts: ItemCounts, fail_on: frozenset[str]) -> int:
    """Return what `exit_code` returns, of verdicts alone."""
    if counts.outcomes.keys() & fail_on:
        return 4
    return int(bool(counts.missing or counts.outcomes.get("incomplete")))


def emit(finished: FinishedRun, destination: Destination) -> None:
    """Write the scorecards of a finished run; see `emit_run`."""
    with Run.open(finished.path) as run:
        emit_run(run, destination)


async def _perform(opening: Awaitable[Session]) -> FinishedRun:
    async with await opening as session:
        _introduce(session)
        task = asyncio.ensure_future(_worked(session))
        with _stopping(session, task) as stopped:
            try:
                manifest = await task
            except (asyncio.CancelledError, RunStopped):
                # A call that waits for its turn may hear of the stop before it is cancelled.
                if not stopped:
                    raise
                await session.drain(GRACE)
                for job in session.jobs_under_way:
                    say(
                        f"note: job {job.id or job.mark} goes on at {job.provider};"
                        f" panel resume {session.run.name} --cancel ends it"
                    )
                raise Interrupted(stopped[0], session.go_on) from None
        if session.caution:
            say(f"warning: {session.caution}")
        say(f"run: {session.run.path}")
        for line in session.lacks:
            say(line)
        counts = manifest.counts or ItemCounts()
        return FinishedRun(session.run.path, counts, len(session.left_out))


async def _worked(session: Session) -> Manifest:
    for line in session.left_out:
        say(f"warning: left out: {line}")
    jobs = _Jobs()
    with ProgressDisplay(session.plan, session.total) as progress:

        def watch(event: Event) -> None:
            jobs.watch(event)
            progress.watch(event)

        heartbeat = asyncio.create_task(progress.heartbeat())
        try:
            return await session.work(watch=watch)
        finally:
            heartbeat.cancel()


class _Jobs:
    """Says how far batch jobs are: when their state changes, and once in ten minutes."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}

    def watch(self, event: Event) -> None:
        if not isinstance(event, JobMoved):
            return
        status, at = self._said.get(event.id, ("", 0.0))
        if event.status != status or time.monotonic() - at > JOB_LINE_EVERY:
            self._said[event.id] = (event.status, time.monotonic())
            answered = f", {event.done:,} of {event.total:,} answered" if event.total else ""
            say(f"job {event.id} at {event.host}: {printable(event.status)}{answered}")


def _introduce(session: Session) -> None:
    for note in session.run.notes:
        say(f"note: {note}")
    for reviewers, target in _judges(session.plan):
        why = f" ({target.why})" if target.why else ""
        say(f"{reviewers}: {target.provider}{why}, model: {target.model}, asked: {target.ask}")
    for config in (fallback.config for fallback in session.plan.fallbacks):
        say(f"fallback: {config.provider}, model: {config.model}, asked: {config.ask}")
    for warning in session.plan.warnings:
        say(f"warning: {warning}")
    if session.plan.judge_note:
        say(f"judge: {session.plan.judge_note}")


def _judges(plan: ReviewPlan) -> list[tuple[str, ProviderConfig]]:
    """Return each judge behind the reviewers that it answers for; `provider` where it is one."""
    if not plan.judges:
        return [("provider", plan.judge)]
    names: dict[tuple[str, str], list[str]] = {}
    configs = {}
    for persona in plan.personas:
        judge = plan.of(persona.name).judge
        names.setdefault((judge.provider, judge.wire_model), []).append(persona.name)
        configs[judge.provider, judge.wire_model] = judge
    return [(", ".join(reviewers), configs[key]) for key, reviewers in names.items()]


class _Stopped(KeyboardInterrupt):
    """A signal came before there was a session."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Raise on SIGINT and SIGTERM: incomplete files are removed on the way out."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _stopping(session: Session, task: "asyncio.Future[Manifest]") -> Iterator[list[int]]:
    """Stop on the first SIGINT or SIGTERM, keeping what is in flight; end at once on the second."""
    received: list[int] = []

    def stop(number: int) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        session.stop()
        task.cancel()
        say(f"stopping: waiting up to {GRACE:.0f} s for answers under way; again to end at once")

    loop = asyncio.get_running_loop()
    with _handlers(loop, stop):
        yield received


@contextlib.contextmanager
def _handlers(loop: asyncio.AbstractEventLoop, stop: Callable[[int], None]) -> Iterator[None]:
    # Loops on Windows take no handlers: there Ctrl-C stays a KeyboardInterrupt.
    numbers = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
