"""Driving a session from the terminal: progress, signals, and the exit code."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from panel.cli.progress import Progress
from panel.cli.talk import say
from panel.errors import PanelError
from panel.session.session import Session
from panel.verdict.scorecard import Scorecard

GRACE = 10.0
"""Seconds that answers already asked for are waited for after the first signal."""


class Interrupted(PanelError):
    """A signal stopped the run; `exit_code` is 128 plus its number, as shells expect."""

    def __init__(self, number: int, run: str | None) -> None:
        said = "stopped; what was answered is kept" if run else "stopped before anything was asked"
        super().__init__(said, hint=run)
        self.exit_code = 128 + number  # type: ignore[misc]


def perform(opening: Awaitable[Session]) -> list[Scorecard]:
    """Open a session, work it with progress on stderr, and return its scorecards.

    The last lines name the run and, where reviews are missing, the command that asks them again.
    """
    return asyncio.run(_perform(opening))


def exit_code(cards: Sequence[Scorecard], fail_on: frozenset[str]) -> int:
    """Return 4 when an outcome matches `fail_on`, 1 when something is missing, else 0."""
    if any(card.verdict.outcome in fail_on for card in cards):
        return 4
    return int(any(card.missing or card.verdict.outcome == "incomplete" for card in cards))


@dataclass
class _Watched:
    """What a signal has to do with: the task to stop, and its session once there is one."""

    task: "asyncio.Task[list[Scorecard]]"
    session: Session | None = None
    received: list[int] = field(default_factory=list)

    def stop(self, number: int) -> None:
        if self.received:
            os._exit(128 + number)
        self.received.append(number)
        if self.session is not None:
            self.session.stop()
            say(
                f"stopping: waiting up to {GRACE:.0f} s for answers under way; again to end at once"
            )
        self.task.cancel()


async def _perform(opening: Awaitable[Session]) -> list[Scorecard]:
    watched = _Watched(asyncio.ensure_future(_opened(opening, lambda: watched)))
    with _handlers(asyncio.get_running_loop(), watched.stop):
        try:
            return await watched.task
        except asyncio.CancelledError:
            if not watched.received:
                raise
            again = watched.session.go_on if watched.session else None
            raise Interrupted(watched.received[0], again) from None


async def _opened(opening: Awaitable[Session], watched: Callable[[], _Watched]) -> list[Scorecard]:
    async with await opening as session:
        watched().session = session
        _introduce(session)
        try:
            cards = await _worked(session)
        except asyncio.CancelledError:
            await session.drain(GRACE)
            raise
        if session.caution:
            say(f"warning: {session.caution}")
        say(f"run: {session.run.path}")
        for line in session.lacks:
            say(line)
        return cards


async def _worked(session: Session) -> list[Scorecard]:
    await session.gather()
    for line in session.left_out:
        say(f"warning: left out: {line}")
    with Progress(session.panel, len(session.tools)) as progress:
        return await session.work(watch=progress.watch)


def _introduce(session: Session) -> None:
    for note in session.run.notes:
        say(f"note: {note}")
    target = session.panel.target
    why = f" ({target.why})" if target.why else ""
    say(f"provider: {target.provider}{why}, model: {target.model}, asked: {target.ask}")
    for warning in session.panel.warnings:
        say(f"warning: {warning}")
    if session.panel.judge:
        say(f"judge: {session.panel.judge}")


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
