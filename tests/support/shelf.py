"""Runs made from ready scorecards, as `panel batch` would have left them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.run import Run
from tests.support.runs_samples import manifest


def shelve(
    runs: Path,
    cards: Sequence[Scorecard],
    *,
    created: datetime | None = None,
    decided: datetime | None = None,
    **fields: Any,
) -> str:
    """Store the cards as one run, made at `created` (else the first card's); return its name.

    `decided` is the time on the cards; None: that of the run.
    """
    when = created or cards[0].created

    async def work() -> str:
        run = await Run.create(runs, "shelved", manifest(created=when, tools=len(cards), **fields))
        with run:
            await run.add_tools([(_tool(c), Evidence(sources=c.evidence)) for c in cards])
            for card in cards:
                changed = card.model_copy(update={"run": run.name, "created": decided or when})
                await run.save_scorecard(changed)
            await run.finish(now=when)
        return run.name

    return asyncio.run(work())


def _tool(card: Scorecard) -> Tool:
    fields = card.tool.model_dump()
    return Tool(**fields | {"description": fields["description"] or "nothing said"})
