"""How a scorecard was made, as rows of label and text. Pure, and ignorant of any format."""

from collections.abc import Iterator
from typing import Final

from panel.report import figures
from panel.report.citations import line
from panel.review.verdict.scorecard import Scorecard

ASKED: Final = {"whole": "one reply a reviewer", "stepwise": "one question at a time"}


def provenance(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield provider, model, asking, calls, tokens, cost, time, run and day."""
    usage = card.usage
    reused = f", {usage.reused_calls} answers reused" if usage.reused_calls else ""
    yield "Provider", line(card.provider)
    yield "Model", line(card.model)
    yield "Asked", f"{card.asked}: {ASKED[card.asked]}"
    yield "Calls", f"{usage.calls}{reused}"
    yield (
        "Tokens",
        figures.tokens(
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            uncounted=usage.uncounted_calls,
        ),
    )
    yield "Cost", figures.money(usage.cost_usd, unpriced=usage.unpriced_calls)
    yield "Time", figures.duration(usage.seconds)
    yield "Run", line(card.run)
    yield "Made", figures.moment(card.created)
