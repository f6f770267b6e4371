"""After a journal was repaired: what it lost is put back, read again, or asked again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from panel.engine.open_panel import persona_folders
from panel.engine.verify.run import unbacked
from panel.evidence.gather import gather
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.review.canary import Canaries
from panel.review.plan import ReviewPlan
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.expected import expect_tools
from panel.runs.metadata import answered_canaries, store_canaries, store_panel, stored_canaries
from panel.runs.run import Run


async def after_repair(
    run: Run, plan: ReviewPlan
) -> tuple[frozenset[tuple[str, str]], tuple[str, ...]]:
    """Complete a run whose journal was repaired as far as it can be without asking anybody.

    Returns tool and persona of every review whose replies are lost, and one line for each tool
    that had to be left out because its evidence is lost. A tool whose address can be read again
    is awaited then.
    """
    await store_panel(run, plan.personas, plan.calibration)
    await _recall_canaries(run)
    doubted: set[tuple[str, str]] = set()
    left_out = []
    for tool in run.tools():
        if run.evidence(tool.slug) is not None:
            continue
        told = run.stored.evidence_fingerprint(tool.slug)
        found = _read(tool)
        if found is not None and told in (None, evidence_fingerprint(found)):
            await run.journal.put_tools([(tool, found, evidence_fingerprint(found))])
            continue
        # What it was judged by is gone: it is judged anew by what there is today.
        await run.journal.drop_answers(tool.slug)
        doubted |= {(tool.slug, persona.name) for persona in plan.personas}
        if tool.url is not None:
            await expect_tools(run, [tool])
        elif found is not None:
            await run.journal.put_tools([(tool, found, evidence_fingerprint(found))])
        else:
            await expect_tools(run, [tool])
            await run.journal.drop_expected([tool.slug])
            left_out.append(f"{tool.name}: its evidence is lost; review it again: panel review")
    return frozenset(doubted | await unbacked(run, folders=persona_folders())), tuple(left_out)


def _read(tool: Tool) -> Evidence | None:
    if not (tool.evidence or tool.description):
        return None
    try:
        return gather(tool, now=datetime.now(UTC))
    except ToolError:
        return None


async def _recall_canaries(run: Run) -> None:
    """Keep what the stored replies say; a canary without its reply is asked again."""
    heard = answered_canaries(run).obeyed
    order: Sequence[str] = [tool.slug for tool in run.tools() if tool.slug in heard]
    known = Canaries(obeyed={slug: heard[slug] for slug in order})
    if known != stored_canaries(run):
        await store_canaries(run, known)
