"""The example tools: they read without a note, and their evidence is of a README's size."""

from datetime import UTC, datetime
from pathlib import Path

from panel.evidence.budget import choose
from panel.evidence.gather import gather
from panel.evidence.tools.tool_list import read_tools

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_list_and_the_single_files_say_the_same():
    tool_list = read_tools(EXAMPLES / "tools.yaml")
    single = [read_tools(path) for path in sorted((EXAMPLES / "tools").glob("*.yaml"))]
    assert len(tool_list.tools) >= 4
    assert sorted(tool_list.tools, key=lambda tool: tool.slug) == sorted(
        (tool for single_list in single for tool in single_list.tools), key=lambda tool: tool.slug
    )
    assert not tool_list.notes
    assert not any(single_list.notes for single_list in single)


def test_their_evidence_is_clean_and_fits_a_small_model():
    for tool in read_tools(EXAMPLES / "tools.yaml").tools:
        [source] = gather(tool, now=NOW).sources
        assert (source.flags, source.removed_hidden) == ((), 0)
        assert 2_000 < tool.evidence[0].stat().st_size < 6_000
        passages = choose(gather(tool, now=NOW), 1000).passages
        headings = {passage.heading.rpartition(" › ")[2] for passage in passages}
        assert {"Status", "Install", "Limits", "Price and licence"} <= headings
