"""What every format of an edition shows, computed once. Pure; knows no format.

All text of others is on one line, short, and links to nothing. It is still untrusted: a format
escapes it for its own language.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from panel.publish.newsletter.edition import UNDECIDED, Boldest, Change, Closest, Edition, Turn
from panel.publish.page_urls import PageURLs
from panel.report import figures
from panel.report.citations import cut, line, parts
from panel.report.scorecard.answer import share_told, weights_told
from panel.report.scorecard.remarks import KINDS
from panel.reviews.verdict.scorecard import Outcome
from panel.runs.history.entry import Entry

AT_MOST: Final = 20
"""Verdicts shown of each kind: a mail above 100 kB is cut by the large mail services."""

ANSWER: Final = 260
"""Characters of an answer at most, for the same reason."""

# Mail programs make links of whatever looks like one, in text and HTML alike: a blank goes in.
_LINKED: Final = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w)(?=@\w)|(?<=\w@)(?=\w)", re.I)

_REMARKS: Final = {
    "hold": "Suspicious evidence: a person must look before this counts.",
    "incomplete": "Too few votes for a verdict.",
}


@dataclass(frozen=True)
class ItemView:
    """One tool's verdict."""

    name: str
    link: str | None
    outcome: Outcome
    tagline: str
    category: str
    score: float | None
    """None where the verdict does not count yet, so that no number speaks for the tool."""
    answer: str
    """The verdict in one sentence with its reasons; empty where it is not known."""
    numbers: str
    """Share of ship and score, with its range where there is one; likewise empty."""
    votes: str
    remark: str


@dataclass(frozen=True)
class ChangeView:
    """A changed verdict."""

    item: ItemView
    was: Outcome
    before: str
    """The score before, and when."""
    turns: tuple[str, ...]
    judge: str
    """A note where another model answered; else empty."""
    why: str
    """What changed in the evidence, where that is why it was reviewed again; else empty."""


@dataclass(frozen=True)
class ClosestView:
    """The closest comparison."""

    title: str
    category: str
    first: ItemView
    second: ItemView
    verdict: str
    link: str | None


@dataclass(frozen=True)
class BoldestView:
    """The boldest forecast."""

    claim: str
    chance: str
    by: str
    title: str
    name: str
    link: str | None


@dataclass(frozen=True)
class EditionView:
    """One edition."""

    week: str
    title: str
    """The week and its days."""
    headline: str
    preview: str
    """What it brings in one line, shown beside the subject."""
    new: tuple[ItemView, ...]
    more_new: int
    changed: tuple[ChangeView, ...]
    more_changed: int
    closest: ClosestView | None
    boldest: BoldestView | None
    remark: str
    """A sentence on confirmed verdicts, or that nothing was reviewed; else empty."""
    sure: str
    """How sure the numbers are, and whose vote counts more; empty where there are none."""
    page: str | None
    """The edition's own page, which is there once its week is over; mails are sent then."""
    home: str | None
    method: str | None

    @property
    def subject(self) -> str:
        """The mail's subject."""
        return f"Panel, {self.title.partition(':')[0].lower()}: {self.headline.lower()}"


def view(edition: Edition, places: PageURLs | None) -> EditionView:
    """Compute what is shown of one edition; with `places`, linked to its pages."""
    answers = edition.answers
    shown = [_item(entry, places, answers) for entry in edition.new[:AT_MOST]]
    changed = [_change(change, places, answers) for change in edition.changed[:AT_MOST]]
    return EditionView(
        week=str(edition.week),
        title=f"Week {edition.week.number} of {edition.week.year}: {edition.week.days}",
        headline=_headline(edition),
        preview=_preview([*shown, *(change.item for change in changed)]),
        new=tuple(shown),
        more_new=len(edition.new) - len(shown),
        changed=tuple(changed),
        more_changed=len(edition.changed) - len(changed),
        closest=_closest(edition.closest, places) if edition.closest else None,
        boldest=_boldest(edition.boldest, places) if edition.boldest else None,
        remark=_remark(edition),
        sure=_sure([*edition.new, *(change.now for change in edition.changed)]),
        page=places.edition(str(edition.week)) if places else None,
        home=f"{places.base}/" if places else None,
        method=places.method if places else None,
    )


def words(text: str | None, limit: int = 160) -> str:
    """Return untrusted text on one line of at most `limit` characters that links to nothing."""
    return cut(_LINKED.sub(" ", line(text)), limit)


def day(moment: date) -> str:
    """Write a day as people do: `22 November 2026`."""
    return f"{moment.day} {moment:%B} {moment.year}"


def several(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: `1 tool`, `2 tools`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _headline(edition: Edition) -> str:
    new, changed = len(edition.new), len(edition.changed)
    if new and changed:
        return f"{several(new, 'new verdict')}, {changed} changed"
    if new:
        return several(new, "new verdict")
    return several(changed, "changed verdict") if changed else "No new verdicts"


def _preview(items: Sequence[ItemView]) -> str:
    return " · ".join(f"{item.name}: {item.outcome}" for item in items[:5])


def _remark(edition: Edition) -> str:
    if edition.empty:
        return f"No tool was reviewed in the week of {edition.week.days}."
    if not edition.confirmed:
        return ""
    tools = several(edition.confirmed, "tool was", "tools were")
    stands = "its verdict stands" if edition.confirmed == 1 else "their verdicts stand"
    return f"{tools} reviewed again, and {stands}."


def _sure(entries: Sequence[Entry]) -> str:
    scored = [entry for entry in entries if entry.verdict.outcome not in UNDECIDED]
    if not scored:
        return ""
    texts = [_weighing(scored)]
    if any(entry.verdict.interval for entry in scored):
        texts.append("A range is how far a score moved when the reviewers were asked again.")
        if not all(entry.verdict.interval for entry in scored):
            texts.append("Where a score has no range, each reviewer was asked once.")
    else:
        once = "Each reviewer was asked once"
        texts.append(f"{once}, so how far a score may move by chance is not known.")
    return " ".join(filter(None, texts))


def _weighing(entries: Iterable[Entry]) -> str:
    """Say whose vote counts more; empty where all count the same or it is not known."""
    weights: dict[str, float] = {}
    for opinion in (opinion for entry in entries for opinion in entry.opinions):
        if opinion.weight is not None:
            known = weights.setdefault(words(opinion.title, 60), opinion.weight)
            if known != opinion.weight:
                return "Shares and scores are weighted, and not the same everywhere."
    if len({*weights.values()}) < 2:
        return ""
    return f"Shares and scores are weighted: {weights_told(weights)}."


def _item(
    entry: Entry, places: PageURLs | None, answers: Mapping[str, str] = MappingProxyType({})
) -> ItemView:
    verdict, tool = entry.verdict, entry.tool
    spread = f" ({figures.interval(verdict.interval)})" if verdict.interval else ""
    counts = verdict.outcome not in UNDECIDED
    return ItemView(
        name=words(tool.name, 80) or entry.key,
        link=places.tool(entry.key) if places else None,
        outcome=verdict.outcome,
        tagline=words(tool.tagline),
        category=words(tool.category, 60),
        score=verdict.score if counts else None,
        answer=words(answers.get(entry.key), ANSWER),
        numbers=f"{share_told(verdict)}, score {figures.score(verdict.score)} of 100{spread}"
        if counts
        else "",
        votes=_votes(entry),
        remark=_REMARKS.get(verdict.outcome, ""),
    )


def _votes(entry: Entry) -> str:
    counts = entry.verdict.votes.model_dump()
    words_by_vote = {"ship": "ship", "skip": "skip", "abstain": "abstained", "missing": "missing"}
    return ", ".join(
        f"{counts[vote]} {word}" for vote, word in words_by_vote.items() if counts[vote]
    )


def _change(change: Change, places: PageURLs | None, answers: Mapping[str, str]) -> ChangeView:
    before = change.before
    score = figures.score(before.verdict.score)
    return ChangeView(
        item=_item(change.now, places, answers),
        was=before.verdict.outcome,
        before=f"{before.verdict.outcome}, score {score}, {day(before.created)}",
        turns=tuple(_turn(turn) for turn in change.turns),
        judge=_judge(change) if change.judge else "",
        why=_why(change.now),
    )


def _why(entry: Entry) -> str:
    if not entry.reasons:
        return ""
    more = len(entry.reasons) - 1
    others = f", and {several(more, 'more change', 'more changes')}" if more else ""
    return f"Its evidence changed: {words(entry.reasons[0].text, 240)}{others}."


def _turn(turn: Turn) -> str:
    return f"{words(turn.title, 60)}: {turn.before or 'no review'} → {turn.now or 'no review'}"


def _judge(change: Change) -> str:
    was, now = words(change.before.model, 60), words(change.now.model, 60)
    if was == now:
        return f"Asked another way: {change.before.asked}, now {change.now.asked}."
    return f"Another model answered: {was}, now {now}."


def _closest(closest: Closest, places: PageURLs | None) -> ClosestView:
    return ClosestView(
        title="Closest comparison" if closest.close else "One category, two verdicts",
        category=words(closest.category, 60),
        first=_item(closest.first, places),
        second=_item(closest.second, places),
        verdict=_distance(closest),
        link=places.pair(closest.first.key, closest.second.key) if places else None,
    )


def _distance(closest: Closest) -> str:
    if closest.tie:
        text = f"A tie: both score {figures.score(closest.first.verdict.score)}."
    else:
        text = f"{closest.tenths / 10:.1f} points apart within one category."
        if closest.overlap:
            text += " Their ranges overlap, so this is no order."
    kinds = [KINDS[entry.tool.kind] for entry in (closest.first, closest.second) if entry.tool.kind]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        text += f" One is {kinds[0]} and the other {kinds[1]}, so not all questions were the same."
    if closest.others:
        text += f" {several(closest.others, 'more pair is', 'more pairs are')} as close."
    return text


def _boldest(boldest: Boldest, places: PageURLs | None) -> BoldestView:
    return BoldestView(
        claim=words(_uncited(boldest.forecast.claim), 280),
        chance=f"{figures.probability(boldest.probability)} likely",
        by=day(boldest.forecast.resolve_by),
        title=words(boldest.opinion.title, 60),
        name=words(boldest.entry.tool.name, 80) or boldest.entry.key,
        link=places.tool(boldest.entry.key) if places else None,
    )


def _uncited(claim: str) -> str:
    """Drop passage ids: a mail has no passages to show."""
    return "".join(part for part in parts(line(claim), ()) if isinstance(part, str))
