"""Markdown: a table, and the criteria that differ most."""

from panel.report.agreement import view
from panel.report.templating import render_markdown
from panel.runs.agreement import RunsAgreement

SUFFIX = ".md"


def render(agreement: RunsAgreement) -> str:
    """Return the agreement as Markdown."""
    return render_markdown("agreement.md", agreement=agreement, view=view)
