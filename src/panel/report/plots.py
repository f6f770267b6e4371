"""Plots as inline SVG, drawn from numbers alone: no script, no style attribute.

Sizes are those of a narrow screen, so that a phone shows them whole; a wide one scales them up.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import escape

WIDTH: Final = 360
LEFT: Final = 66
RIGHT: Final = 12
STEP: Final = 5
"""Points of score to a bar."""

_ROW: Final = 46
_TALL: Final = 30
_LANE: Final = 44
_TOP: Final = 12
_BOTTOM: Final = 292


@dataclass(frozen=True)
class Plot:
    """A picture and its numbers."""

    title: str
    svg: str
    caption: str
    legend: tuple[tuple[str, str], ...]
    """CSS class and meaning of each mark."""
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def histogram(rows: Mapping[str, Sequence[float]], mark: float, label: str) -> str:
    """Draw one row of bars a class over scores of 0–100, and the threshold as a line.

    Args:
        rows: scores by the name of their row, which is also its CSS class.
        mark: where the threshold is drawn.
        label: what the picture shows, for those who do not see it.
    """
    bins = {name: Counter(min(int(x // STEP), 19) for x in scores) for name, scores in rows.items()}
    most = max((n for counts in bins.values() for n in counts.values()), default=1)
    height = _ROW * len(rows) + 30
    parts = []
    for place, (name, counts) in enumerate(bins.items()):
        base = _ROW * (place + 1)
        parts.append(text(LEFT - 8, base - 6, name, "end"))
        parts.append(line(LEFT, base, WIDTH - RIGHT, base, "axis"))
        parts += _bars(counts, base, _TALL / most, name)
    x = across(mark, 0, 100)
    parts.append(line(x, 6, x, _ROW * len(rows), "mark"))
    parts += axis(_ROW * len(rows), [0, 20, 40, 60, 80, 100], (0, 100))
    return svg(height, parts, label)


def reliability(
    before: Sequence[tuple[float, float, int]],
    after: Sequence[tuple[float, float, int]],
    label: str,
) -> str:
    """Draw given against true share of yes: rings before the fit, discs after, diagonal ideal.

    A point is (mean probability given, share that should be yes, answers); area goes by answers.
    """
    most = max((n for *_, n in (*before, *after)), default=1)
    parts = [*_square()]
    for kind, points in (("before", before), ("after", after)):
        for probability, yes, answers in points:
            size = 2.5 + 9 * math.sqrt(answers / most)
            parts.append(dot(across(probability, 0, 1), _up(yes), size, kind))
    return svg(_BOTTOM + 30, parts, label)


def roc(corners: Sequence[tuple[float, float]], label: str) -> str:
    """Draw a ROC curve through its corners, (share of the lower class, share of the higher one).

    The diagonal is chance.
    """
    points = " ".join(f"{across(false, 0, 1):.1f},{_up(true):.1f}" for false, true in corners)
    parts = [*_square(), f'<polyline class="curve" points="{points}"/>']
    return svg(_BOTTOM + 30, parts, label)


def _square() -> Iterator[str]:
    """Yield the diagonal and the axes of two shares."""
    yield line(across(0, 0, 1), _BOTTOM, across(1, 0, 1), _TOP, "ideal")
    for share in (0, 0.5, 1):
        yield line(LEFT, _up(share), WIDTH - RIGHT, _up(share), "axis")
        yield text(LEFT - 8, _up(share) + 4, f"{100 * share:.0f}%", "end")
    yield from axis(_BOTTOM, [0, 0.25, 0.5, 0.75, 1], (0, 1), percent=True)


def _up(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)


def shifts(rows: Mapping[str, Sequence[tuple[float, bool]]], label: str) -> str:
    """Draw one row of dots a kind of injection over score differences; filled: verdict changed."""
    largest = max((abs(by) for dots in rows.values() for by, _ in dots), default=0.0)
    reach = max(10.0, 10 * math.ceil(largest / 10))
    parts = []
    for place, (name, dots) in enumerate(rows.items()):
        middle = _LANE * place + 24
        parts.append(text(LEFT - 8, middle + 4, name, "end"))
        parts.append(line(LEFT, middle, WIDTH - RIGHT, middle, "axis"))
        parts += _swarm(dots, middle, reach)
    bottom = _LANE * len(rows) + 12
    zero = across(0, -reach, reach)
    parts.insert(0, line(zero, 6, zero, bottom, "ideal"))
    parts += axis(bottom, [-reach, -reach / 2, 0, reach / 2, reach], (-reach, reach), sign=True)
    return svg(bottom + 30, parts, label)


def _swarm(dots: Sequence[tuple[float, bool]], middle: float, reach: float) -> Iterator[str]:
    """Set dots that would hide each other off up and down in turn."""
    at: Counter[int] = Counter()
    for by, changed in sorted(dots):
        x = across(by, -reach, reach)
        number = at[round(x / 9)]
        at[round(x / 9)] += 1
        off = ((number + 1) // 2) * (8 if number % 2 else -8)
        yield dot(x, middle + max(-16, min(16, off)), 4, "changed" if changed else "same")


def _bars(counts: Counter[int], base: float, unit: float, name: str) -> Iterator[str]:
    wide = (WIDTH - LEFT - RIGHT) * STEP / 100
    for place, count in sorted(counts.items()):
        x, tall = across(place * STEP, 0, 100), count * unit
        yield (
            f'<rect class="column {name}" x="{x + 0.5:.1f}" y="{base - tall:.1f}"'
            f' width="{wide - 1:.1f}" height="{tall:.1f}"/>'
        )
        yield text(x + wide / 2, base - tall - 2, str(count), "middle", "count")


def axis(
    y: float,
    ticks: Sequence[float],
    span: tuple[float, float],
    *,
    percent: bool = False,
    sign: bool = False,
) -> Iterator[str]:
    """Yield the ticks of the axis below a plot, with their numbers."""
    for tick in ticks:
        x = across(tick, *span)
        shown = f"{100 * tick:.0f}%" if percent else f"{tick:+g}" if sign and tick else f"{tick:g}"
        shown = shown.replace("-", "−")
        yield line(x, y, x, y + 4, "axis")
        anchor = "end" if tick == ticks[-1] else "middle"
        yield text(x + (6 if anchor == "end" else 0), y + 17, shown, anchor)


def across(value: float, low: float, high: float) -> float:
    """Return where a value stands on the axis from `low` to `high`."""
    inside = min(max(value, low), high)
    return LEFT + (WIDTH - LEFT - RIGHT) * (inside - low) / (high - low)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a line; `kind` is its CSS class, as below."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def dot(x: float, y: float, size: float, kind: str) -> str:
    """Return a disc of this radius."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'


def text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    """Return a text, escaped, that begins, has its middle or ends at x."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def svg(height: float, parts: Sequence[str], label: str) -> str:
    """Return the plot; `label` says what it shows to those who do not see it."""
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        f' aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
