"""What the calls of a journal took, added up: known figures are summed, unknown ones counted."""

from collections.abc import Sequence
from typing import Any, Final

from panel.review.verdict.scorecard import RunUsage

USAGE: Final = """
SELECT count(*) FILTER (WHERE reused = 0),
    sum(1.0 * input_tokens) FILTER (WHERE reused = 0),
    sum(1.0 * cached_tokens) FILTER (WHERE reused = 0),
    sum(1.0 * output_tokens) FILTER (WHERE reused = 0),
    sum(cost_usd) FILTER (WHERE reused = 0),
    count(*) FILTER (WHERE reused = 0 AND cost_usd IS NULL AND status <> 'failed'),
    count(*) FILTER (WHERE reused = 0 AND output_tokens + input_tokens IS NULL
        AND status <> 'failed'), count(*) FILTER (WHERE reused = 1)
FROM calls"""
"""A `WHERE` may follow. Answers reused from an earlier run are counted apart."""


def run_usage(row: Sequence[Any], seconds: float) -> RunUsage:
    """Return the usage in one row of `USAGE`; what no call told is None, never 0."""
    calls, *tokens, cost, unpriced, uncounted, reused = row
    # Added up as floats, which no sum of what servers claim can overflow.
    read, cached, written = (
        None if n is None and uncounted else int(n or 0) for n in tokens
    )
    return RunUsage(
        calls=calls, input_tokens=read, cached_tokens=cached, output_tokens=written,
        cost_usd=None if cost is None else round(cost, 9), unpriced_calls=unpriced,
        uncounted_calls=uncounted, reused_calls=reused, seconds=seconds,
    )  # fmt: skip
