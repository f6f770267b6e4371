"""What an agreement of runs shows, computed once: pure, and ignorant of any format."""

from collections.abc import Iterator
from typing import Final

from panel.report.citations import line
from panel.runs.agreement import Alpha, RunsAgreement

NOTHING: Final = "–"
HEAD: Final = ("What", "Tools", "Same", "Alpha", "95 % of resamples")


def runs(agreement: RunsAgreement) -> Iterator[tuple[str, str]]:
    """Yield each run with its judge: provider, model and way of asking."""
    for name, judge in zip(agreement.runs, agreement.judges, strict=True):
        yield line(name), line(judge)


def rows(agreement: RunsAgreement) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield one row of `HEAD` for each thing that is compared."""
    for alpha in (agreement.outcomes, agreement.score, agreement.votes, *agreement.personas):
        what = f"{alpha.what} (within 5 points)" if alpha.level == "interval" else alpha.what
        yield (
            line(what),
            str(alpha.tools),
            _percent(alpha.equal),
            _number(alpha.alpha),
            _span(alpha),
        )


def disputed(agreement: RunsAgreement) -> Iterator[str]:
    """Yield one line for each disputed criterion."""
    for criterion in agreement.disputed:
        yield (
            f"{_percent(criterion.differ)} of {criterion.pairs}: {line(criterion.persona)} / "
            f"{line(criterion.criterion)}: {line(criterion.question)}"
        )


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.0f}%"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _span(alpha: Alpha) -> str:
    return NOTHING if alpha.low is None else f"{_number(alpha.low)} to {_number(alpha.high)}"
