"""Progress of reviews under way: written by the worker's thread, read by pages and streams."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from panel.reviews.events import (
    Decided,
    Event,
    JobMoved,
    LeftOut,
    Reviewed,
    Started,
    Stepped,
    WentOver,
)
from panel.reviews.review import Review

KEPT: Final = 200
"""Reviews whose last state is remembered."""


@dataclass(frozen=True)
class Step:
    """How far one reviewer is."""

    persona: str
    title: str
    done: int
    total: int
    status: str = "waiting"
    """What the reviewer is doing, or its vote."""


@dataclass(frozen=True)
class ReviewProgress:
    """How far one review is; replaced, never changed."""

    version: int
    doing: str
    steps: tuple[Step, ...] = ()

    def after(self, event: Event) -> "ReviewProgress":
        """Return the progress after something has happened."""
        match event:
            case Started():
                return replace(self, doing="the reviewers read the evidence")
            case Stepped():
                return self._with(event.persona, event.done, event.total, event.step)
            case Reviewed():
                return self._through(event)
            case Decided():
                return replace(self, doing="the verdict is in")
            case LeftOut():
                return replace(self, doing=event.reason)
            case JobMoved() | WentOver():
                return self

    def _with(self, persona: str, done: int, total: int, status: str) -> "ReviewProgress":
        steps = tuple(
            replace(step, done=done, total=total, status=status)
            if step.persona == persona
            else step
            for step in self.steps
        )
        return replace(self, steps=steps)

    def _through(self, event: Reviewed) -> "ReviewProgress":
        review = event.review
        status = f"votes {review.vote}" if isinstance(review, Review) else "no review"
        total = next((s.total for s in self.steps if s.persona == review.persona), 0)
        return self._with(review.persona, total, total, status)


class ProgressTracker:
    """The newest progress of each review, by the request's number."""

    def __init__(self) -> None:
        """Begin empty; use it from the loop that serves, but for `put`."""
        self._progress: dict[int, ReviewProgress] = {}
        self.streams = 0
        """How many streams follow a review now."""
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Name the loop in which streams wait."""
        self._loop = loop

    def begin(self, number: int, doing: str, steps: Sequence[Step] = ()) -> None:
        """Set what is being done, and each reviewer's step; from any thread."""
        self._put(number, ReviewProgress(0, doing, tuple(steps)))

    def happened(self, number: int, event: Event) -> None:
        """Apply an event to a review's progress; from any thread."""
        if (now := self._progress.get(number)) is not None:
            self._put(number, now.after(event))

    def get(self, number: int) -> ReviewProgress | None:
        """Return the newest progress, None where nothing is known of the review."""
        return self._progress.get(number)

    def forget(self, number: int) -> None:
        """Drop a review that has ended, and wake all waiters."""
        self._progress.pop(number, None)
        self._wake()

    def next_change(self) -> asyncio.Event:
        """Return the event that the next change of any review sets: get it before reading."""
        return self._changed

    def _put(self, number: int, progress: ReviewProgress) -> None:
        before = self._progress.get(number)
        self._progress[number] = replace(progress, version=before.version + 1 if before else 1)
        while len(self._progress) > KEPT:
            del self._progress[next(iter(self._progress))]
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._notify_waiters)

    def _notify_waiters(self) -> None:
        # All present waiters wake up; later ones wait for the next change.
        self._changed.set()
        self._changed = asyncio.Event()
