"""After a journal was repaired: what it lost is stored again, read again, or asked again."""

from datetime import UTC, datetime

from panel.engine.open_panel import persona_folders
from panel.engine.verify.run import unbacked
from panel.evidence.gather import gather
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.reviews.plan import ReviewPlan
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.metadata import answered_canaries, store_canaries, store_panel, stored_canaries
from panel.runs.pending import drop_tools, expect_tools
from panel.runs.run import Run


async def after_repair(
    run: Run, plan: ReviewPlan
) -> tuple[frozenset[tuple[str, str]], tuple[str, ...]]:
    """Complete a run whose journal was repaired as far as that takes no request.

    Returns tool and persona of every review whose replies are lost, and one line for each tool
    that is left out because its evidence is lost. A tool whose address can be read again becomes
    pending.
    """
    await store_panel(run, plan)
    await _restore_canaries(run)
    doubted: set[tuple[str, str]] = set()
    left_out = []
    for tool in run.tools():
        if run.evidence(tool.slug) is not None:
            continue
        evidence = _read(tool)
        stored = run.stored.evidence_fingerprint(tool.slug)
        if evidence is not None and stored in (None, evidence_fingerprint(evidence)):
            await run.journal.put_tools([(tool, evidence, evidence_fingerprint(evidence))])
            continue
        # The evidence of the answers is lost: the tool is reviewed anew, by the evidence of today.
        await run.journal.drop_answers(tool.slug)
        doubted |= {(tool.slug, persona.name) for persona in plan.personas}
        if evidence is not None and tool.url is None:
            await run.journal.put_tools([(tool, evidence, evidence_fingerprint(evidence))])
            continue
        await expect_tools(run, [tool])
        if tool.url is None:
            await drop_tools(run, [tool.slug])
            left_out.append(f"{tool.name}: its evidence is lost; review it again: panel review")
    return frozenset(doubted | await unbacked(run, folders=persona_folders())), tuple(left_out)


def _read(tool: Tool) -> Evidence | None:
    if not (tool.evidence or tool.description):
        return None
    try:
        return gather(tool, now=datetime.now(UTC))
    except ToolError:
        return None


async def _restore_canaries(run: Run) -> None:
    """Store what the stored replies say; a canary whose reply is lost is asked again."""
    answered = answered_canaries(run)
    slugs = [tool.slug for tool in run.tools() if tool.slug in answered.obeyed]
    in_order = {slug: answered.obeyed[slug] for slug in slugs}
    canaries = answered.model_copy(update={"obeyed": in_order})
    if canaries != stored_canaries(run):
        await store_canaries(run, canaries)
