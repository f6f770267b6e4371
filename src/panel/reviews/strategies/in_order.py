"""Asking several reviewers: at once, or in turn where the judge takes one call at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from panel.reviews.plan import ReviewPlan

T = TypeVar("T")


async def each(plan: ReviewPlan, work: Mapping[str, Callable[[], Awaitable[T]]]) -> dict[str, T]:
    """Do work by persona: at once, or in turn where the judge takes one call at a time.

    In turn, one slot's prompt cache serves all questions of a persona.
    """
    if plan.judge.concurrency == 1:
        return {name: await begin() for name, begin in work.items()}

    async def run(begin: Callable[[], Awaitable[T]]) -> T:
        return await begin()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(run(begin)) for name, begin in work.items()}
    except BaseExceptionGroup as errors:
        # The run stops, so that every task fails for the same reason: one is raised.
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in tasks.items()}
