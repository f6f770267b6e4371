"""Every forecast that the verdicts of a runs folder hold: free sentences and propositions. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from panel.evidence.tools.identity import name_key
from panel.reviews.propositions import proposition
from panel.runs.history.entry import Entry, History, Opinion

_DAYS_A_MONTH: Final = 365.25 / 12


@dataclass(frozen=True, slots=True)
class MadeForecast:
    """What one reviewer predicted of one tool."""

    id: str
    """`licence-2027-11-22` of a proposition, the same for all reviewers; else
    `skeptic-2027-11-22`. Unique within a tool but for that."""
    key: str
    """The tool's key in the archive."""
    names: frozenset[str]
    """The key, and all names that verdicts call the tool by, as keys."""
    tool: str
    slug: str
    """The tool's slug in its run."""
    run: str
    made: date
    """When its verdict was made."""
    reviewer: str
    title: str
    model: str
    """The judge."""
    proposition: str
    """Its id; "" of a free sentence."""
    claim: str
    probability: float | None
    by: date

    @property
    def months(self) -> int:
        """The horizon in months: as the list says, else as its days come to."""
        if known := proposition(self.proposition):
            return known.months
        return max(1, round((self.by - self.made).days / _DAYS_A_MONTH))


def made_forecasts(histories: Iterable[History]) -> tuple[MadeForecast, ...]:
    """Return the forecasts of all verdicts by tool and day, each once.

    A rerun on the same evidence says many of them again: the same words, or the same judge's same
    probability, on the same day count once, as what was predicted first.
    """
    every = (forecast for history in histories for forecast in _of_tool(history))
    return tuple(sorted(every, key=_place))


def _place(made: MadeForecast) -> tuple[str, date, bool, str, str]:
    return made.key, made.by, not made.proposition, made.id, made.reviewer


def _of_tool(history: History) -> Iterator[MadeForecast]:
    names = frozenset({history.key, *(name_key(entry.tool.name) for entry in history.entries)})
    seen: set[tuple[object, ...]] = set()
    taken: Counter[str] = Counter()
    for entry in history.entries:
        for opinion in entry.opinions:
            for forecast in _of_opinion(history.key, names, entry, opinion):
                what: tuple[object, ...] = (forecast.reviewer, forecast.by, forecast.claim)
                if forecast.proposition:
                    what = (*what, forecast.model, forecast.probability)
                if what in seen:
                    continue
                seen.add(what)
                if forecast.proposition:
                    yield forecast
                    continue
                # Of several on one day the later ones are numbered: earlier ids never change.
                taken[forecast.id] += 1
                number = taken[forecast.id]
                ident = forecast.id if number == 1 else f"{forecast.id}-{number}"
                yield replace(forecast, id=ident)


def _of_opinion(
    key: str, names: frozenset[str], entry: Entry, opinion: Opinion
) -> Iterator[MadeForecast]:
    def made(
        ident: str, claim: str, probability: float | None, by: date, name: str = ""
    ) -> MadeForecast:
        return MadeForecast(
            id=f"{ident}-{by.isoformat()}", key=key, names=names, tool=entry.tool.name,
            slug=entry.tool.slug, run=entry.run, made=entry.created.date(),
            reviewer=opinion.persona, title=opinion.title, model=opinion.model or entry.model,
            proposition=name, claim=claim, probability=probability, by=by,
        )  # fmt: skip

    if free := opinion.forecast:
        yield made(opinion.persona, free.claim, free.probability, free.resolve_by)
    for given in opinion.propositions:
        name = given.proposition
        claim = known.claim if (known := proposition(name)) else name
        yield made(name, claim, given.probability, given.resolve_by, name)
