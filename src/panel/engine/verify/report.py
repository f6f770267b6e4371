"""The result of a verification: checks counted by kind, and the faults."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = {
    "journal": "rows that are as they were written",
    "reviewers": "reviewers and calibration that are those of the manifest",
    "evidence": "sources that are as they were gathered",
    "facts": "facts, known or unknown, that the evidence gives",
    "citations": "citations of stored passages",
    "quotes": "quotes found in their passage word for word",
    "findings": "findings that the stored replies give",
    "words": "written parts that the stored replies give",
    "scores": "scores and votes that follow from the findings",
    "verdicts": "verdicts that follow from the votes",
    "canaries": "hidden orders, obeyed or not, as the stored replies say",
    "files": "files that say what the journal says",
}
"""Kinds of checks in their order, each with the meaning of its count."""


@dataclass(frozen=True)
class VerifyFault:
    """One check that failed; an empty field does not apply."""

    kind: str
    what: str
    tool: str = ""
    persona: str = ""
    criterion: str = ""

    def __str__(self) -> str:
        where = " / ".join(part for part in (self.tool, self.persona, self.criterion) if part)
        return f"{where}: {self.what}" if where else self.what


@dataclass
class VerifyReport:
    """Counts by kind, and the faults."""

    run: str
    checked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    faults: list[VerifyFault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Things that could not be checked."""

    @property
    def holds(self) -> bool:
        """Whether no check failed."""
        return not self.faults

    def check(
        self,
        kind: str,
        holds: bool,
        what: str,
        *,
        tool: str = "",
        persona: str = "",
        criterion: str = "",
    ) -> None:
        """Count one check and record a fault, described by `what`, where it does not hold."""
        self.checked[kind] += 1
        if not holds:
            self.faults.append(VerifyFault(kind, what, tool, persona, criterion))

    def rows(self) -> Iterable[tuple[str, str, int, int]]:
        """Yield kind, meaning, number of checks and number of faults."""
        for kind, meaning in KINDS.items():
            wrong = sum(fault.kind == kind for fault in self.faults)
            yield kind, meaning, self.checked[kind], wrong

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "schema": "panel.verify/1",
            "run": self.run,
            "holds": self.holds,
            "checked": [
                {"kind": kind, "meaning": meaning, "checked": count, "not_backed": wrong}
                for kind, meaning, count, wrong in self.rows()
            ],
            "faults": [vars(fault) for fault in self.faults],
            "notes": self.notes,
        }
