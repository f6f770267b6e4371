"""Markdown: readable as it stands and on a forge."""

from panel.report.changes.view import changes
from panel.report.templating import render_markdown
from panel.runs.diff import RunDiff

SUFFIX = ".md"


def render(diff: RunDiff) -> str:
    """Return the difference as Markdown."""
    return render_markdown("changes.md", changes=changes(diff))
