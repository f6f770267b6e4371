"""Numbers as people read them: percent, scores, money, tokens, time. Knows no card."""

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from panel.foundation.proportion import Share

UNKNOWN = "unknown"

_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def percent(value: float | None) -> str:
    """Write a value of 0–100 as `75%`; a dash where there is none."""
    return "–" if value is None else f"{value:.0f}%"


def probability(p: float | None) -> str:
    """Write a probability of 0–1 as `93%`, never as certainty; empty where there is none."""
    if p is None:
        return ""
    if p > 0.99:
        return ">99%"
    return "<1%" if p < 0.01 else f"{100 * p:.0f}%"


def score(value: float | None) -> str:
    """Write a score of 0–100 with one decimal, cut and not rounded: 59.96 has not reached 60."""
    return "–" if value is None else f"{math.floor(value * 10 + 1e-6) / 10:.1f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """Write a range of scores as `55.0–68.0`; empty where there is none."""
    return "" if bounds is None else f"{score(bounds[0])}–{score(bounds[1])}"


def share(share: "Share") -> str:
    """Write a share with its 95 % interval: `3 of 14 (8–48%)`."""
    if not share.total:
        return "none to count"
    return f"{share} ({100 * share.low:.0f}–{100 * share.high:.0f}%)"


def apart(first: "Share", second: "Share") -> str:
    """Write how far the first share lies above the second: `17 points`."""
    if first.share is None or second.share is None:
        return UNKNOWN
    points = round(100 * (first.share - second.share))
    return f"{points} point{'' if abs(points) == 1 else 's'}".replace("-", "−")


def money(usd: float | None, *, unpriced: int = 0) -> str:
    """Write a cost in dollars; a cost that is not known is never 0.

    Args:
        usd: the sum of the priced calls, or None when no call had a price.
        unpriced: calls whose price is not known and which the sum leaves out.
    """
    if usd is None or not math.isfinite(usd):
        return UNKNOWN
    if usd >= 1:
        text = f"${usd:,.2f}"
    else:
        text = "$0" if usd == 0 else f"${usd:.2g}" if usd >= 0.0001 else "under $0.0001"
    if not unpriced:
        return text
    return f"{text} + {unpriced} call{'s' if unpriced > 1 else ''} at an unknown price"


def tokens(total_in: int | None, cached: int | None, out: int | None, *, uncounted: int = 0) -> str:
    """Write token counts as `12,480 in (71% cached), 640 out`; what is unknown is never 0.

    `uncounted` calls are those of unknown tokens, which the sums leave out.
    """
    if total_in is None and out is None:
        return UNKNOWN
    share = f" ({100 * cached / total_in:.0f}% cached)" if total_in and cached else ""
    text = f"{count(total_in)} in{share}, {count(out)} out"
    if not uncounted:
        return text
    return f"{text} + {uncounted:,} call{'s' if uncounted > 1 else ''} not counted"


def count(tokens: int | None, *, uncounted: int = 0) -> str:
    """Write one count of tokens: `12,480`, `at least 12,480` or `unknown`."""
    if tokens is None:
        return UNKNOWN
    return f"at least {tokens:,}" if uncounted else f"{tokens:,}"


def duration(seconds: float) -> str:
    """Write a time span as `4.2 s`, `41 s`, `3 min 20 s` or `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(when: datetime) -> str:
    """Write a point in time to the minute, with its offset from UTC."""
    zone = when.strftime("%z")
    return when.strftime("%Y-%m-%d %H:%M") + (" UTC" if zone in ("", "+0000") else f" {zone}")


def day(when: date) -> str:
    """Write a day as `22 Nov 2026`, in English whatever the machine's language."""
    return f"{when.day} {_MONTHS[3 * when.month - 3 : 3 * when.month]} {when.year}"
