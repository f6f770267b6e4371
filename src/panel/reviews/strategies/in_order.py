"""Asking several reviewers: at once, or in turn where a judge takes one call at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from panel.reviews.plan import ReviewPlan

T = TypeVar("T")
Work = Callable[[], Awaitable[T]]


async def each(plan: ReviewPlan, work: Mapping[str, Work[T]]) -> dict[str, T]:
    """Do work by persona: at once, or in turn where its judge takes one call at a time.

    In turn, one slot's prompt cache serves all questions of a persona.
    """

    async def in_turn(rows: Mapping[str, Work[T]]) -> dict[str, T]:
        return {name: await begin() for name, begin in rows.items()}

    groups = _groups(plan, work)
    if len(groups) == 1:
        return await in_turn(work)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(in_turn(rows)) for rows in groups]
    except BaseExceptionGroup as errors:
        # The run stops, so that every task fails for the same reason: one is raised.
        raise errors.exceptions[0] from None
    results = {name: value for task in tasks for name, value in task.result().items()}
    return {name: results[name] for name in work}


def _groups(plan: ReviewPlan, work: Mapping[str, Work[T]]) -> list[dict[str, Work[T]]]:
    """Return the work that is done in turn, group by group: by judge, or each persona alone."""
    groups: dict[tuple[str, ...], dict[str, Work[T]]] = {}
    for name, begin in work.items():
        judge = plan.of(name).judge
        alone = () if judge.concurrency == 1 else (name,)
        groups.setdefault((judge.provider, judge.wire_model, *alone), {})[name] = begin
    return list(groups.values())
