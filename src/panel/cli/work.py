"""Driving a session from the terminal: progress, signals, and the exit code."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from panel.cli.progress import Progress
from panel.cli.talk import say
from panel.errors import PanelError, RunStopped
from panel.session.session import Session
from panel.verdict.scorecard import Scorecard

GRACE = 10.0
"""Seconds that answers already asked for are waited for after the first signal."""


class Interrupted(PanelError):
    """A signal stopped the run; `exit_code` is 128 plus its number, as shells expect."""

    def __init__(self, number: int, again: str) -> None:
        super().__init__("stopped; what was answered is kept", hint=again)
        self.exit_code = 128 + number  # type: ignore[misc]


def perform(opening: Awaitable[Session], *, again: str | None = None) -> list[Scorecard]:
    """Open a session, work it with progress on stderr, and return its scorecards.

    `again` is what to type to go on after a stop, where it is not `panel resume`.
    """
    return asyncio.run(_perform(opening, again))


def exit_code(cards: Sequence[Scorecard], fail_on: frozenset[str]) -> int:
    """Return 4 when an outcome matches `fail_on`, 1 when something is missing, else 0."""
    if any(card.verdict.outcome in fail_on for card in cards):
        return 4
    return int(any(card.missing or card.verdict.outcome == "incomplete" for card in cards))


async def _perform(opening: Awaitable[Session], again: str | None) -> list[Scorecard]:
    async with await opening as session:
        _introduce(session)
        again = again or f"panel resume {session.run.name}"
        task = asyncio.ensure_future(_worked(session))
        with _stopping(session, task) as stopped:
            try:
                cards = await task
            except asyncio.CancelledError:
                if not stopped:
                    raise
                await session.drain(GRACE)
                raise Interrupted(stopped[0], again) from None
            except RunStopped:
                say(f"to go on, once that is mended: {again}")
                raise
        for note in session.run.notes:
            say(f"note: {note}")
        if session.caution:
            say(f"warning: {session.caution}")
        say(f"run: {session.run.path}")
        return cards


async def _worked(session: Session) -> list[Scorecard]:
    await session.gather()
    for line in session.left_out:
        say(f"warning: left out: {line}")
    with Progress(session.panel, len(session.tools)) as progress:
        return await session.work(watch=progress.watch)


def _introduce(session: Session) -> None:
    target = session.panel.target
    why = f" ({target.why})" if target.why else ""
    say(f"provider: {target.provider}{why}, model: {target.model}, asked: {target.ask}")
    for warning in session.panel.warnings:
        say(f"warning: {warning}")
    if session.panel.judge:
        say(f"judge: {session.panel.judge}")


@contextlib.contextmanager
def _stopping(session: Session, task: "asyncio.Future[list[Scorecard]]") -> Iterator[list[int]]:
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
