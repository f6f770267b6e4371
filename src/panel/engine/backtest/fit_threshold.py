"""The score from which a reviewer ships, fitted on which tools lived. Asks nothing."""

from bisect import bisect_left
from collections.abc import Sequence

from panel.engine.backtest.rescore import AnsweredTool, scores_by, verdict_by
from panel.engine.calibrate.threshold import separating_threshold
from panel.reviews.plan import ReviewPlan
from panel.reviews.score import Rule


def fit_threshold(rule: Rule, plan: ReviewPlan, tools: Sequence[AnsweredTool]) -> float:
    """Return the threshold that tells those that lived best from those that died, 0–100."""
    up_to = [(tool.case.fate, ships_up_to(rule, plan, tool)) for tool in tools]
    return separating_threshold(
        [at for fate, at in up_to if fate == "lived"],
        [at for fate, at in up_to if fate == "died"],
        usual=rule.ship_at,
    )


def ships_up_to(rule: Rule, plan: ReviewPlan, tool: AnsweredTool) -> float | None:
    """Return the highest threshold at which the panel ships the tool, None where at none.

    It is the score of one of its reviews: a higher threshold only turns votes to skip.
    """

    def skips(at: float) -> bool:
        return verdict_by(rule.model_copy(update={"ship_at": at}), plan, tool).outcome != "ship"

    marks = sorted(scores_by(rule, plan, tool))
    place = bisect_left(marks, True, key=skips)
    return marks[place - 1] if place else None
