"""Two tools' latest verdicts for `panel compare`: stored, or reviewed first."""

from collections.abc import Sequence
from pathlib import Path

from panel.cli import run_session
from panel.cli.console import say
from panel.cli.options import GatheringOptions, ToolOptions
from panel.cli.tool_argument import find_tool, is_address
from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.foundation.slug import slug
from panel.report.comparison import lookup
from panel.report.comparison.comparison import NearestTool
from panel.report.comparison.lookup import LookupResult
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.folders import find_folder
from panel.runs.history.archive import Archive
from panel.runs.run import Run


class ToolPair:
    """Looks two tools up by name, and reviews what has no verdict yet where that is allowed."""

    def __init__(self, plan: Options, *, review: bool, allow_outside: bool) -> None:
        """Take how tools without a verdict are reviewed, and whether they are.

        `allow_outside` is that of tool lists.
        """
        self.plan = plan
        self.review = review
        self.allow_outside = allow_outside

    def in_run(self, run: str, names: tuple[str, str]) -> tuple[LookupResult, LookupResult]:
        """Return both tools' verdicts in one run."""
        path = find_folder(self.plan.settings.runs, run)
        return lookup.in_run(path, names[0]), lookup.in_run(path, names[1])

    def nearest(self, a: Scorecard, b: Scorecard) -> NearestTool | None:
        """Return what the panel ships in the category of both, by the stored runs."""
        return lookup.nearest(Archive.open(self.plan.settings.runs).histories(), a, b)

    def latest(self, names: tuple[str, str]) -> tuple[LookupResult, LookupResult]:
        """Return both tools' latest verdicts.

        Raises:
            ToolError: one has no verdict and is not to be reviewed, or could not be.
        """
        archive = Archive.open(self.plan.settings.runs)
        for note in archive.notes:
            say(f"note: {note}")
        results = [self._named(archive, name) for name in names]
        unreviewed = [tool for tool in results if isinstance(tool, Tool)]
        reviewed = self._review(unreviewed) if unreviewed else {}
        a, b = (reviewed[id(x)] if isinstance(x, Tool) else x for x in results)
        return a, b

    def _named(self, archive: Archive, name: str) -> LookupResult | Tool:
        """Return a tool's latest verdict, or the tool that is to be reviewed."""
        if history := lookup.in_archive(archive, name):
            return lookup.latest(archive, history)
        is_file = bool(Path(name).suffix) and Path(name).is_file()
        # Of a word that is neither a file nor an address nothing is known: a near name helps more.
        if not is_file and not (self.review and (is_address(name) or self.plan.offline)):
            raise lookup.unknown(archive, name)
        gathering = GatheringOptions(fetch=self.plan.fetch, offline=self.plan.offline)
        runs = self.plan.settings.runs
        tool = find_tool(ToolOptions(tool=name), gathering, runs, allow_outside=self.allow_outside)
        if history := lookup.in_archive(archive, tool.name):
            return lookup.latest(archive, history)
        if not self.review:
            raise lookup.unknown(archive, tool.name)
        return tool

    def _review(self, tools: Sequence[Tool]) -> dict[int, LookupResult]:
        """Review tools as one run; returns each one's verdict by the tool's identity."""
        distinct: list[Tool] = []
        for tool in tools:
            taken = {earlier.slug for earlier in distinct}
            distinct.append(tool.model_copy(update={"slug": slug(tool.name, taken=taken)}))
        path = run_session.perform(Session.start(self.plan, distinct)).path
        with Run.open(path) as run:
            done = run.judged_tools()
        if lost := [tool.name for tool in distinct if tool.slug not in done]:
            raise ToolError(f"{lost[0]} could not be reviewed", hint=f"panel review {lost[0]!r}")
        return {
            id(tool): lookup.in_run(path, named.slug)
            for tool, named in zip(tools, distinct, strict=True)
        }
