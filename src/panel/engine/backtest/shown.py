"""What a backtest shows its reviewers: each tool's own files, as of the day that its row names.

Nothing is fetched. Outcomes, pairs and days of outcomes stay outside of tools and evidence.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from panel.engine.backtest.masking import Mask
from panel.engine.backtest.outcomes import BacktestCase
from panel.engine.gather_evidence import own_evidence
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.foundation.text import printable
from panel.runs.compatibility import evidence_fingerprint
from panel.runs.run import Run

AS_LISTED: Final = "as listed"

_DAY: Final = re.compile(r"\b(20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))\b")


@dataclass(frozen=True)
class Showing:
    """How tools are shown."""

    masks_names: bool = False
    without: tuple[str, ...] = ()
    """Names of evidence files that are left out."""

    @property
    def words(self) -> str:
        """The same as the run stores it."""
        parts = ["names masked"] if self.masks_names else []
        parts += [f"without {name}" for name in sorted(set(self.without))]
        return ", ".join(parts) or AS_LISTED

    def cases(self, cases: Sequence[BacktestCase]) -> tuple[BacktestCase, ...]:
        """Return the cases without evidence files that are left out.

        Raises:
            ToolError: no tool has a file of such a name, or nothing else is known of one.
        """
        names = Counter(path.name for case in cases for path in case.tool.evidence)
        for name in self.without:
            if name not in names:
                held = ", ".join(name for name, _ in names.most_common(5)) or "none"
                raise ToolError(
                    f"--without {printable(name)[:80]}: no tool has an evidence file of that name",
                    hint=f"there are {held}",
                )
        return tuple(replace(case, tool=self._left(case.tool)) for case in cases)

    def _left(self, tool: Tool) -> Tool:
        files = tuple(path for path in tool.evidence if path.name not in self.without)
        if not (files or tool.description):
            raise ToolError(
                f"nothing is known about {printable(tool.name)} but its address, and a backtest"
                " fetches nothing",
                hint="evidence: [README.md], or description: TEXT, of the day in question",
            )
        return tool.model_copy(update={"evidence": files})

    def tool(self, tool: Tool) -> Tool:
        """Return the tool as reviewers see it."""
        return Mask.of(tool).tool(tool) if self.masks_names else tool

    def gathered(
        self, cases: Iterable[BacktestCase], *, replayed: Run | None = None
    ) -> list[tuple[Tool, Evidence]]:
        """Return tools and evidence as reviewers see them; raises `ToolError` as reading does.

        Evidence that the run `replayed` holds as well is that of the run, with its day: its
        answers were given on it.
        """
        return [self._gathered(case, replayed) for case in cases]

    def _gathered(self, case: BacktestCase, replayed: Run | None) -> tuple[Tool, Evidence]:
        now = datetime.now(UTC)
        if case.as_of is not None:
            now = datetime(case.as_of.year, case.as_of.month, case.as_of.day, tzinfo=UTC)
        collected = own_evidence(case.tool, now)
        tool, evidence = collected.tool, collected.evidence
        if self.masks_names:
            mask = Mask.of(tool)
            tool, evidence = mask.tool(tool), mask.evidence(evidence)
        stored = replayed.evidence(tool.slug) if replayed is not None else None
        if stored and evidence_fingerprint(stored) == evidence_fingerprint(evidence):
            return tool, stored.offline
        return tool, evidence


def cautions(
    cases: Iterable[BacktestCase], gathered: Collection[tuple[Tool, Evidence]]
) -> tuple[str, ...]:
    """Return one line on each way in which evidence is not of the day that its row names."""
    as_of = {case.tool.slug: case.as_of for case in cases}
    read_later, names_later = [], []
    for tool, evidence in gathered:
        if (day := as_of[tool.slug]) is None:
            continue
        if evidence.day and evidence.day > day:
            read_later.append(tool.slug)
        texts = (passage.text for passage in evidence.passages.values())
        if any(found > day.isoformat() for text in texts for found in _DAY.findall(text)):
            names_later.append(tool.slug)
    lines = []
    if read_later:
        lines.append(
            f"{_counted(read_later)}: asked `whole`, reviewers are told the day on which the"
            " replayed run read the evidence, which is after as_of"
        )
    if names_later:
        lines.append(f"{_counted(names_later)}: the evidence names a day after as_of")
    return tuple(lines)


def _counted(slugs: Sequence[str]) -> str:
    more = f" and {len(slugs) - 3} more" if len(slugs) > 3 else ""
    return f"{', '.join(slugs[:3])}{more}"


def replayed_run(provider: str | None, runs: Path) -> Path | None:
    """Return the folder of the run that a provider `replay:RUN` answers from; None of another."""
    from panel.runs.folders import find_folder

    if provider is None or not provider.startswith("replay:"):
        return None
    return find_folder(runs, provider.removeprefix("replay:"))
