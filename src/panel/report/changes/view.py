"""What a comparison of two runs shows, computed once: pure, and ignorant of any format."""

from dataclasses import dataclass
from typing import Final

from panel.report import figures
from panel.report.citations import line
from panel.report.scorecard.remarks import label
from panel.runs.diff import DiffAgreement, RunDiff, RunSide, ToolDiff

NOTHING: Final = "–"


@dataclass(frozen=True)
class AnswerChange:
    """A criterion that got another answer."""

    persona: str
    question: str
    before: str
    after: str


@dataclass(frozen=True)
class ToolChange:
    """One tool in both runs."""

    name: str
    before: str
    after: str
    """Outcomes."""
    score: str
    """`66.6 → 61.0 (−5.6)`."""
    changed: bool
    votes: tuple[tuple[str, str, str], ...]
    """Persona, vote before, vote after."""
    answers: tuple[AnswerChange, ...]


@dataclass(frozen=True)
class Changes:
    """Two runs side by side."""

    headline: str
    sides: tuple[tuple[str, str, str], ...]
    """Label, before, after."""
    agreement: tuple[tuple[str, str], ...]
    """What is compared, and how much of it is equal."""
    tools: tuple[ToolChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def changes(diff: RunDiff) -> Changes:
    """Compute what is shown of a comparison."""
    moved = sum(t.outcome_before != t.outcome_after for t in diff.tools)
    unmoved = sum(t.changed for t in diff.tools) - moved
    return Changes(
        headline=f"{moved} of {len(diff.tools)} verdicts changed"
        + (f"; {unmoved} more tools differ in votes or answers only" if unmoved else ""),
        sides=_sides(diff.before, diff.after),
        agreement=_agreement(diff.agreement),
        tools=tuple(_tool(tool) for tool in diff.tools),
        only_before=tuple(line(slug) for slug in diff.only_before),
        only_after=tuple(line(slug) for slug in diff.only_after),
    )


def _sides(before: RunSide, after: RunSide) -> tuple[tuple[str, str, str], ...]:
    old, new = _side(before), _side(after)
    return tuple((name, old[name], new[name]) for name in old)


def _side(side: RunSide) -> dict[str, str]:
    return {
        "Run": _several(side.runs),
        "Provider": _several(side.providers),
        "Model": _several(side.models),
        "Asked": _several(side.asked),
        "Tools": f"{side.tools:,}",
        "Calls": f"{side.calls:,}",
        "Tokens": figures.tokens(
            side.input_tokens,
            side.cached_tokens,
            side.output_tokens,
            uncounted=side.uncounted_calls,
        ),
        "Cost": figures.money(side.cost_usd),
        "Time": figures.duration(side.seconds),
    }


def _several(values: tuple[str, ...]) -> str:
    shown = [line(value) for value in values[:3]]
    more = [f"{len(values) - 3} more"] if len(values) > 3 else []
    return ", ".join(shown + more) or NOTHING


def _agreement(agreement: DiffAgreement) -> tuple[tuple[str, str], ...]:
    return (
        ("verdicts", _share(agreement.outcomes, agreement.outcomes_of)),
        ("votes", _share(agreement.votes, agreement.votes_of)),
        ("answers", _share(agreement.findings, agreement.findings_of)),
    )


def _share(share: float | None, total: int) -> str:
    if share is None:
        return "nothing to compare"
    return f"{round(share * total)} of {total} equal ({100 * share:.0f}%)"


def _tool(tool: ToolDiff) -> ToolChange:
    return ToolChange(
        name=line(tool.name) or line(tool.slug),
        before=tool.outcome_before,
        after=tool.outcome_after,
        score=_score(tool),
        changed=tool.changed,
        votes=tuple((label(v.persona), _vote(v.before), _vote(v.after)) for v in tool.votes),
        answers=tuple(
            AnswerChange(
                label(f.persona),
                line(f.question) or line(f.criterion),
                f.before or NOTHING,
                f.after or NOTHING,
            )
            for f in tool.findings
        ),
    )


def _vote(vote: str | None) -> str:
    return vote or "missing"


def _score(tool: ToolDiff) -> str:
    before, after = figures.score(tool.score_before), figures.score(tool.score_after)
    if before == after:
        return before
    change = tool.score_change
    by = "" if change is None else f" ({change:+.1f})".replace("-", "−")
    return f"{before} → {after}{by}"
