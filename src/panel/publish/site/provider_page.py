"""What verdicts cost and how long they took, by provider and model. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from panel.report import figures
from panel.report.citations import line
from panel.runs.history.entry import Entry, History


@dataclass(frozen=True)
class Judge:
    """One model at one provider, over all its verdicts; figures are medians a verdict."""

    provider: str
    model: str
    verdicts: int
    asked: int
    """Verdicts for which every answer was asked for and none reused: the figures are theirs."""
    tokens: str
    seconds: float | None
    """None where no verdict was asked for in full."""
    time: str
    cost: float | None
    """Dollars; None where no verdict's price is known whole."""
    money: str
    priced: int
    """Verdicts of those of which every call had a price."""
    slow: float
    """Share of the slowest judge's time, 0–100."""
    dear: float
    """Share of the dearest judge's cost, 0–100."""


def judges(histories: Iterable[History]) -> tuple[Judge, ...]:
    """Return the judges, those with most verdicts first."""
    grouped: dict[tuple[str, str], list[Entry]] = {}
    for history in histories:
        for entry in history.entries:
            grouped.setdefault((line(entry.provider), line(entry.model)), []).append(entry)
    fresh = {who: [entry for entry in all_ if _fresh(entry)] for who, all_ in grouped.items()}
    times = {who: _middle([e.usage.seconds for e in all_]) for who, all_ in fresh.items()}
    costs = {who: _middle(_costs(all_)) for who, all_ in fresh.items()}
    slowest = max((seconds for seconds in times.values() if seconds), default=1.0)
    dearest = max((cost for cost in costs.values() if cost), default=1.0)
    rows = [
        Judge(
            provider=provider,
            model=model,
            verdicts=len(entries),
            tokens=_tokens(fresh[provider, model]),
            seconds=(took := times[provider, model]),
            time=figures.UNKNOWN if took is None else figures.duration(took),
            cost=(paid := costs[provider, model]),
            money=figures.money(paid),
            asked=len(fresh[provider, model]),
            priced=len(_costs(fresh[provider, model])),
            slow=100 * (took or 0) / slowest,
            dear=100 * (paid or 0) / dearest,
        )
        for (provider, model), entries in grouped.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.verdicts, row.provider, row.model)))


def _fresh(entry: Entry) -> bool:
    # Reused answers took no time and no money: such a verdict says nothing of the provider.
    return entry.usage.calls > 0 and not entry.usage.reused_calls


def _costs(entries: Iterable[Entry]) -> list[float]:
    return [
        entry.usage.cost_usd
        for entry in entries
        if entry.usage.cost_usd is not None and not entry.usage.unpriced_calls
    ]


def _middle(values: list[float]) -> float | None:
    return median(values) if values else None


def _tokens(entries: list[Entry]) -> str:
    if not entries:
        return figures.UNKNOWN
    counted = [entry.usage for entry in entries if not entry.usage.uncounted_calls]
    if not counted:
        return figures.UNKNOWN
    parts = ("input_tokens", "cached_tokens", "output_tokens")
    read, cached, out = (
        round(median(getattr(usage, part) or 0 for usage in counted)) for part in parts
    )
    return figures.tokens(read, cached, out)
