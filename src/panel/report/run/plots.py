"""The plots of a run's page, as inline SVG: scores, criteria, time. Each has a table beside it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from panel.report.plots import LEFT, RIGHT, WIDTH, across, axis, dot, line, svg, text
from panel.report.run.view import STEP, CriterionCounts
from panel.reviews.review import Answer

_TOP: Final = 14
_HIGH: Final = 150
"""Units of the tallest column."""
_ROW: Final = 18
_LABEL: Final = 148
_LANE: Final = 40
_ANSWERS: Final[tuple[Answer, ...]] = ("yes", "unclear", "no")


def distribution(bins: Mapping[str, Sequence[int]], mark: float, label: str) -> str:
    """Draw how many tools have which score, as columns stacked by outcome.

    Args:
        bins: counts by outcome, which is also the CSS class; from 0 to 100 in steps of `STEP`.
        mark: the score from which a reviewer ships, drawn as a line.
        label: what the picture shows, for those who do not see it.
    """
    totals = [sum(counts) for counts in zip(*bins.values(), strict=True)]
    most, base = max([*totals, 1]), _TOP + _HIGH
    parts = [
        line(LEFT, base, WIDTH - RIGHT, base, "axis"),
        line(LEFT, _TOP, WIDTH - RIGHT, _TOP, "axis"),
        text(LEFT - 8, base + 4, "0", "end"),
        text(LEFT - 8, _TOP + 4, f"{most:,}", "end"),
        *_columns(bins, base, _HIGH / most),
    ]
    x = across(mark, 0, 100)
    parts.append(line(x, _TOP - 6, x, base, "mark"))
    parts += axis(base, [0, 20, 40, 60, 80, 100], (0, 100))
    return svg(base + 30, parts, label)


def _columns(bins: Mapping[str, Sequence[int]], base: float, unit: float) -> Iterator[str]:
    wide = (WIDTH - LEFT - RIGHT) * STEP / 100 - 1
    tops = [base] * (100 // STEP)
    for outcome, counts in bins.items():
        for place, count in enumerate(counts):
            if count:
                tall = count * unit
                tops[place] -= tall
                x = across(place * STEP, 0, 100) + 0.5
                yield (
                    f'<rect class="column {outcome}" x="{x:.1f}" y="{tops[place]:.1f}"'
                    f' width="{wide:.1f}" height="{tall:.1f}"/>'
                )


def heat_map(criteria: Sequence[CriterionCounts], titles: Mapping[str, str], label: str) -> str:
    """Draw a row a criterion, grouped by reviewer: shares of yes, unclear and no as shades."""
    wide = (WIDTH - _LABEL) / len(_ANSWERS)
    places = [_LABEL + wide * n for n in range(len(_ANSWERS))]
    parts, y, seen = [], 0.0, ""
    for counts in criteria:
        if counts.persona != seen:
            seen = counts.persona
            y += _ROW * (1.5 if y else 1.0)
            parts.append(text(0, y - 5, titles[seen], "start", "head"))
            parts += [
                text(x + wide / 2, y - 5, answer, "middle")
                for x, answer in zip(places, _ANSWERS, strict=True)
            ]
        parts.append(text(0, y + 13, _cut(counts.label), "start"))
        for x, answer in zip(places, _ANSWERS, strict=True):
            share = counts.answers.get(answer, 0) / max(counts.total, 1)
            parts.append(
                f'<rect class="cell {answer}" x="{x + 1:.1f}" y="{y + 1:.1f}"'
                f' width="{wide - 2:.1f}" height="{_ROW - 2}" fill-opacity="{0.6 * share:.3f}"/>'
            )
            parts.append(text(x + wide / 2, y + 13, f"{100 * share:.0f}%", "middle", "count"))
        y += _ROW
    return svg(y + 4, parts, label)


def spans(rows: Sequence[tuple[str, float, float, float]], label: str) -> str:
    """Draw who answered in how many seconds: from the 5th to the 95th percentile, median dotted."""
    reach = max((high for *_, high in rows), default=0.0) or 1.0
    parts = []
    for place, (name, low, middle, high) in enumerate(rows):
        y = _LANE * place + 30
        parts.append(text(LEFT, y - 12, _cut(name, 48), "start"))
        parts.append(line(across(low, 0, reach), y, across(high, 0, reach), y, "span"))
        parts.append(dot(across(middle, 0, reach), y, 5, "after"))
    bottom = _LANE * len(rows) + 6
    parts.insert(0, line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis"))
    ticks = [float(f"{reach * n / 4:.2g}") for n in range(5)]
    parts += axis(bottom, ticks, (0, reach))
    return svg(bottom + 30, parts, label)


def _cut(words: str, limit: int = 24) -> str:
    return words if len(words) <= limit else f"{words[: limit - 1]}…"
