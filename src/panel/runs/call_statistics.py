"""What the calls of a run took, by who answered: counts, time, tokens, cost, failures."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from panel.runs.run import Run


@dataclass
class CallStatistics:
    """The calls that one model answered or failed to answer."""

    provider: str
    """As the user named it; with ` → ` and the provider behind it, where a router told it."""
    model: str
    calls: int = 0
    """Requests that this run sent, repeats included."""
    reused: int = 0
    """Answers taken from an earlier run."""
    failures: Counter[str] = field(default_factory=Counter)
    """Requests without a usable answer, by reason."""
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    """Of each request that was answered."""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    uncounted: int = 0
    cost_usd: float | None = None
    unpriced: int = 0

    def percentile(self, share: float) -> float | None:
        """Return the seconds in which this share of answers, 0–1, had come; by nearest rank."""
        if not self.seconds:
            return None
        ranked = sorted(self.seconds)
        return ranked[min(len(ranked) - 1, max(0, -int(-share * len(ranked) // 1) - 1))]


def call_statistics(run: Run) -> tuple[CallStatistics, ...]:
    """Return the statistics of a run's calls, by provider and model, most calls first."""
    manifest = run.manifest
    own = (manifest.provider, manifest.model)
    judges = {name: (judge.provider, judge.model) for name, judge in manifest.judges.items()}
    fallbacks = {record.provider: (record.provider, record.model) for record in manifest.fallbacks}
    by_name: dict[tuple[str, str], CallStatistics] = {}
    for persona, fallback, served_by, *figures in run.stored.call_figures(
        fallbacks=bool(fallbacks)
    ):
        provider, model = fallbacks.get(fallback) or judges.get(persona, own)
        name = f"{provider} → {served_by}" if served_by else provider
        row = by_name.setdefault((name, model), CallStatistics(name, model))
        _add(row, figures)
    return tuple(sorted(by_name.values(), key=lambda row: (-row.calls, row.provider, row.model)))


def asked_models(run: Run) -> tuple[str, str]:
    """Return the providers and the models that a run asked, each with commas between them."""
    manifest = run.manifest
    names = run.stored.asked_fallbacks() if manifest.fallbacks else ()
    asked = [record for record in manifest.fallbacks if record.provider in names]
    providers = [manifest.all_providers, *(record.provider for record in asked)]
    models = [manifest.all_models, *(record.model for record in asked)]
    return _joined(providers), _joined(models)


def _joined(texts: Sequence[str]) -> str:
    """Return lists with commas as one, each item once."""
    return ", ".join(dict.fromkeys(item for text in texts for item in text.split(", ")))


def _add(row: CallStatistics, figures: Sequence[Any]) -> None:
    status, reason, reused, seconds, read, cached, written, cost = figures
    if reused:
        row.reused += 1
        return
    row.calls += 1
    if status != "ok":
        row.failures[reason or "unknown"] += 1
    if status == "failed":
        return
    row.seconds.append(seconds or 0.0)
    row.input_tokens = _plus(row.input_tokens, read)
    row.cached_tokens = _plus(row.cached_tokens, cached)
    row.output_tokens = _plus(row.output_tokens, written)
    row.uncounted += read is None and written is None
    row.unpriced += cost is None
    if cost is not None:
        row.cost_usd = (row.cost_usd or 0.0) + cost


def _plus(total: int | None, count: int | None) -> int | None:
    return total if count is None else (total or 0) + count
