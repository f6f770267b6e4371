"""Runs with forecasts on a tool of the forge, made on a day that the test names."""

import asyncio
from datetime import UTC, datetime, time

from panel.engine.options import Options
from panel.engine.resolve import rule_all
from panel.evidence.collect import collect
from panel.evidence.tools.tool import Tool
from panel.foundation.settings import Settings
from panel.reviews.propositions import PROPOSITIONS, resolve_date
from panel.reviews.review import Forecast, PropositionForecast
from panel.reviews.verdict.scorecard import CardTool
from panel.runs.forecasts.made import made_forecasts
from panel.runs.forecasts.resolutions import known_forecasts, read_resolutions
from panel.runs.history.archive import Archive
from tests.support.cards import card, review
from tests.support.forge import Forge
from tests.support.shelf import shelve

REPO = "https://github.com/acme/widget"
TODAY = datetime.now(UTC).date()


def moment(day):
    return datetime.combine(day, time(9), UTC)


def dated(evidence, day):
    """The evidence as if it had been read on that day."""
    sources = tuple(
        source.model_copy(update={"retrieved": moment(day)}) for source in evidence.sources
    )
    return evidence.model_copy(update={"sources": sources})


async def _gathered(over):
    async with Forge(over) as forge:
        client = forge.internet()
        try:
            tool = Tool(name="Widget", url=REPO)
            return (await collect(tool, client, now=datetime.now(UTC))).evidence
        finally:
            await client.close()


def gathered(over=None):
    """What is read of the tool from a forge with other answers."""
    return asyncio.run(_gathered(over))


def reviewer(name, made, chance=0.2, *, model="m-1", claim="Initech runs it by 2030", **chances):
    """A review with a forecast for a year and all propositions, made on a day."""
    given = tuple(
        PropositionForecast(
            proposition=each.id,
            probability=chances.get(each.id, chance),
            resolve_by=resolve_date(made, each.months),
        )
        for each in PROPOSITIONS
    )
    free = Forecast(claim=claim, probability=chance, resolve_by=resolve_date(made, 12))
    return review(
        name, f"The {name.title()}", "ship", 70.0, forecast=free, propositions=given, model=model
    )


def store(runs, made, evidence, reviews=None, name="Widget"):
    """Store one verdict on the tool, made on a day by that evidence; return the run's name."""
    scorecard = card(
        tool=CardTool(name=name, slug=name.lower(), url=REPO),
        evidence=dated(evidence, made).sources,
        reviews=(reviewer("builder", made), reviewer("skeptic", made))
        if reviews is None
        else reviews,
        missing=(),
    )
    return shelve(runs, [scorecard], created=moment(made))


def known(runs):
    archive = Archive.open(runs)
    return known_forecasts(made_forecasts(archive.histories()), read_resolutions(runs))


def ruled(runs, over=None, *, today=TODAY, **changes):
    """Rule on what is open, by a forge with other answers; return rulings by id, and the forge."""

    async def work():
        async with Forge(over) as forge:
            options = Options(
                settings=Settings(runs=runs), environ={}, hosts=forge.hosts(named=False), **changes
            )
            every = await rule_all(options, Archive.open(runs), known(runs), today=today)
            return every, forge

    every, forge = asyncio.run(work())
    return {each.forecast.id: each for each in every}, forge


def ids(made):
    """The ids of the propositions of verdicts of a day, by proposition."""
    return {p.id: f"{p.id}-{resolve_date(made, p.months)}" for p in PROPOSITIONS}
