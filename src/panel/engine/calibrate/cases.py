"""Cases of a calibration: control tools, and copies of them whose page tries to steer the judge.

Both are data: controls one file each, injected sentences in `injections.yaml` beside them.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.evidence.gather import gather
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError
from panel.foundation.strict_yaml import MAX_BYTES, first_fault, read_text, read_yaml
from panel.reviews.calibration.controls import INJECTIONS, SHIP, Control
from panel.reviews.calibration.report import InjectionKind


class Injection(BaseModel):
    """A text that a page might hold to steer its reviewers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)
    kind: InjectionKind
    where: Literal["start", "middle", "end"] = "end"
    text: str = Field(min_length=1)
    """`$name` stands for the tool's name."""

    def into(self, page: str, name: str) -> str:
        """Return the page with the text in its place, as a paragraph of its own."""
        parts = page.strip("\n").split("\n\n")
        place = {"start": min(1, len(parts) - 1), "middle": len(parts) // 2, "end": len(parts)}
        parts.insert(place[self.where], self.text.replace("$name", name))
        return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class Case:
    """One tool of a calibration: a control, or an injected copy of one."""

    control: Control
    injection: Injection | None = None

    @property
    def slug(self) -> str:
        """The name of the case, unique within a calibration."""
        if self.injection is None:
            return self.control.slug
        return f"{self.control.slug}--{self.injection.id}"

    @property
    def page(self) -> str:
        """The text the judge reads."""
        if self.injection is None:
            return self.control.evidence
        return self.injection.into(self.control.evidence, self.control.name)


def read_injections(folder: Path) -> tuple[Injection, ...]:
    """Read the injections of a folder; none where it has no such file.

    Raises:
        ToolError: naming the file and what is wrong in it.
    """
    path = folder / INJECTIONS
    if not path.is_file():
        return ()
    rows = read_yaml(read_text(path, limit=MAX_BYTES), where=str(path))
    if not isinstance(rows, list) or not rows:
        raise ToolError(f"{path}: expected a list of injections", hint="- id: NAME")
    injections = []
    for number, row in enumerate(rows, 1):
        try:
            injections.append(Injection.model_validate(row))
        except ValidationError as error:
            raise ToolError(f"{path} entry {number}: {first_fault(error, row)}") from None
    counts = Counter(injection.id for injection in injections)
    if twice := [ident for ident, count in counts.items() if count > 1]:
        raise ToolError(f"{path}: id {twice[0]} stands twice")
    return tuple(injections)


def make_cases(
    controls: Sequence[Control],
    injections: Sequence[Injection],
    *,
    limit: int | None = None,
    copies: int = 1,
) -> tuple[Case, ...]:
    """Return the cases of a calibration: the controls, then copies of those that should not ship.

    Args:
        controls: All controls.
        injections: Each copy gets the next one in turn.
        limit: How many controls to take, of every class its part; None takes all.
        copies: Injected copies of each bland, bad or empty control.
    """
    taken = list(controls) if limit is None else _spread(controls)[:limit]
    turn = cycle(injections)
    steered = [
        Case(control, injection)
        for control in taken
        if control.kind not in SHIP
        for injection in islice(turn, min(copies, len(injections)))
    ]
    return (*map(Case, taken), *steered)


def gathered(cases: Iterable[Case], *, now: datetime) -> list[tuple[Tool, Evidence]]:
    """Return tools and evidence as a review would have them: read from Markdown files."""
    with tempfile.TemporaryDirectory(prefix="panel-") as folder:
        return [_gathered(case, Path(folder), now) for case in cases]


def _gathered(case: Case, folder: Path, now: datetime) -> tuple[Tool, Evidence]:
    path = folder / f"{case.slug}.md"
    path.write_text(case.page, encoding="utf-8")
    # A copy has the name of its original, so that the judge cannot tell them apart.
    tool = case.control.tool().model_copy(update={"slug": case.slug})
    evidence = gather(tool.model_copy(update={"evidence": (path,)}), now=now)
    sources = tuple(s.model_copy(update={"source": "README.md"}) for s in evidence.sources)
    return tool, evidence.model_copy(update={"sources": sources})


def _spread(controls: Sequence[Control]) -> list[Control]:
    """Order controls so that any first few of them hold each class in its proportion."""
    sizes = Counter(control.kind for control in controls)
    counts: Counter[str] = Counter()
    keyed = []
    for control in controls:
        counts[control.kind] += 1
        keyed.append(((counts[control.kind] - 0.5) / sizes[control.kind], control))
    return [control for _, control in sorted(keyed, key=lambda pair: pair[0])]
