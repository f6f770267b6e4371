"""Sites for tests: a small archive with every kind of verdict, and archives held in memory."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from panel.foundation.paths import data_folder
from panel.publish.community.tally import Tally, VoteCount
from panel.publish.site.site import Site
from panel.reviews.personas import load_personas
from panel.reviews.verdict.scorecard import CardTool, Scorecard, Verdict, VoteTotals
from panel.runs.history.archive import Archive, _histories
from panel.runs.history.entry import Entry, entry
from tests.support.cards import BUILDER, BUSINESS, FUTURIST, NOW, SKEPTIC, batch, card
from tests.support.shelf import shelve

TODAY = date(2026, 12, 3)
PERSONAS = load_personas(folders=[data_folder("personas")])
TALLIES = {
    "quillstore": Tally(VoteCount(12, 4), VoteCount(31, 30)),
    "parley": Tally(VoteCount(0, 1), VoteCount()),
}
LONG = "An Observability and Deployment Orchestration Framework for Everything " * 2


class Held(Archive):
    """An archive of cards in memory."""

    def __init__(self, cards: Iterable[Scorecard]) -> None:
        super().__init__(Path("in memory"))
        self.hold(cards)

    def hold(self, cards: Iterable[Scorecard]) -> None:
        self._cards = {(scorecard.run, scorecard.tool.slug): scorecard for scorecard in cards}
        self._histories = _histories(entry(scorecard, "") for scorecard in self._cards.values())

    def refresh(self) -> bool:
        return False

    def card(self, entry_: Entry) -> Scorecard:
        return self._cards[entry_.run, entry_.tool.slug]


def tool(name: str, outcome: Any = "ship", score: float | None = 66.0, **more: Any) -> Scorecard:
    """A card of a tool in the category "stores"; `more` goes into the tool."""
    ship = {"ship": 3, "skip": 1, "split": 2}.get(outcome, 3)
    verdict = Verdict(
        outcome=outcome,
        ship_percent=25.0 * ship,
        score=score,
        votes=VoteTotals(ship=ship, skip=4 - ship),
    )
    fields = {"name": name, "slug": name.lower().replace(" ", "-"), "category": "stores"}
    return card(tool=CardTool.model_validate({**fields, **more}), verdict=verdict)


def later(made: Scorecard, days: float, **changes: Any) -> Scorecard:
    """The card as another run made it, days later."""
    fields = {"created": made.created + timedelta(days=days), "run": f"{made.run}-{days}"}
    return made.model_copy(update={**fields, **changes})


def site(cards: Iterable[Scorecard], **more: Any) -> Site:
    """A site of cards in memory."""
    return Site(Held(cards), **{"personas": PERSONAS, "today": TODAY, **more})


def fill(runs: Path) -> None:
    """Store every outcome, a tool that moved, odd names and tools without a category."""
    shelve(runs, in_stores(batch()), created=NOW - timedelta(days=20))
    moved = tool("Parley", "ship", 71.5, tagline="Meetings that end")
    skeptic = SKEPTIC.model_copy(update={"vote": "ship", "score": 63.0})
    moved = moved.model_copy(update={"reviews": (BUILDER, skeptic, BUSINESS, FUTURIST)})
    rtl = tool("מנוע חיפוש", "split", 55.0, category="כלים", slug="search")
    shelve(
        runs, [moved, rtl, tool(LONG, "skip", 40.0, slug="long"), *in_stores([card()])], created=NOW
    )


def in_stores(cards: Sequence[Scorecard]) -> list[Scorecard]:
    """The cards with the category "stores"."""
    fields = {"category": "stores"}
    return [c.model_copy(update={"tool": c.tool.model_copy(update=fields)}) for c in cards]
