"""The text part of the mail: lines of at most 72 characters, but links, which stay whole."""

from collections.abc import Iterator

from panel.publish.newsletter.view import (
    BoldestView,
    ChangeView,
    ClosestView,
    EditionView,
    ItemView,
)
from panel.publish.newsletter.wrap import wrapped
from panel.report.scorecard.view import GLYPHS


def body(shown: EditionView) -> str:
    """Return everything but the mail's foot."""
    blocks = [f"PANEL WEEKLY\n{shown.title}", wrapped(shown.headline)]
    blocks += [wrapped(shown.remark)] if shown.remark else []
    if shown.new:
        blocks += ["NEW VERDICTS", *("\n".join(_item(each)) for each in shown.new)]
        blocks += _more(shown.more_new, shown)
    if shown.changed:
        blocks += ["CHANGED VERDICTS", *("\n".join(_change(each)) for each in shown.changed)]
        blocks += _more(shown.more_changed, shown)
    if shown.closest:
        blocks += ["CLOSEST COMPARISON", "\n".join(_closest(shown.closest))]
    if shown.boldest:
        blocks += ["BOLDEST FORECAST", "\n".join(_boldest(shown.boldest))]
    return "\n\n".join(blocks)


def _item(item: ItemView) -> Iterator[str]:
    yield _head(item)
    yield from _facts(item)
    yield from _link(item.link)


def _head(item: ItemView) -> str:
    stamp = f"{GLYPHS[item.outcome]} {item.outcome.upper()}  "
    return wrapped(item.name, first=stamp, indent="  ")


def _facts(item: ItemView) -> Iterator[str]:
    votes = f"Votes: {item.votes}" + (f" · {item.category}" if item.category else "")
    yield from (_inset(each) for each in (item.tagline, item.remark, item.numbers, votes) if each)


def _change(change: ChangeView) -> Iterator[str]:
    item = change.item
    yield _head(item)
    yield _inset(f"Before: {change.before}")
    yield from _facts(item)
    yield from (_inset(turn) for turn in change.turns)
    if change.judge:
        yield _inset(change.judge)
    yield from _link(item.link)


def _closest(found: ClosestView) -> Iterator[str]:
    yield wrapped(found.verdict)
    yield wrapped(found.category)
    for item in (found.first, found.second):
        yield _head(item)
        yield _inset(item.numbers)
    yield from _link(found.link)


def _boldest(found: BoldestView) -> Iterator[str]:
    yield wrapped(f"“{found.claim}”")
    yield wrapped(f"{found.chance} by {found.by}")
    yield wrapped(f"{found.title} on {found.name}")
    yield from _link(found.link)


def _more(count: int, shown: EditionView) -> list[str]:
    if not count:
        return []
    return [f"And {count} more" + (f":\n{shown.home}" if shown.home else ".")]


def _inset(text: str) -> str:
    return wrapped(text, first="  ", indent="  ")


def _link(link: str | None) -> Iterator[str]:
    if link:
        yield f"  {link}"
