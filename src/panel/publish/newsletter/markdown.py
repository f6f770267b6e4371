"""The edition as Markdown: words of others are escaped, links lead to the pages alone."""

from collections.abc import Iterator

from panel.publish.newsletter.view import (
    BoldestView,
    ChangeView,
    ClosestView,
    EditionView,
    ItemView,
)
from panel.report.escaping import escape
from panel.report.scorecard.view import GLYPHS


def body(shown: EditionView) -> str:
    """Return everything but the foot."""
    blocks = [f"# {shown.headline}", f"Panel weekly · {shown.title}"]
    blocks += [escape(shown.remark)] if shown.remark else []
    if shown.new:
        blocks += ["## New verdicts", "\n".join(_item(each) for each in shown.new)]
        blocks += _more(shown.more_new, shown)
    if shown.changed:
        blocks += ["## Changed verdicts", "\n".join(_change(each) for each in shown.changed)]
        blocks += _more(shown.more_changed, shown)
    if shown.closest:
        blocks += ["## Closest comparison", *_closest(shown.closest)]
    if shown.boldest:
        blocks += ["## Boldest forecast", *_boldest(shown.boldest)]
    return "\n\n".join(blocks)


def _item(item: ItemView) -> str:
    return "\n".join([f"- {_stamp(item)}: {_name(item)}", *_facts(item)])


def _change(change: ChangeView) -> str:
    item = change.item
    lines = [f"- {_stamp(item)}: {_name(item)}", f"  - Before: {change.before}", *_facts(item)]
    lines += [f"  - {escape(turn)}" for turn in change.turns]
    lines += [f"  - {escape(change.judge)}"] if change.judge else []
    return "\n".join(lines)


def _facts(item: ItemView) -> Iterator[str]:
    votes = f"Votes: {item.votes}" + (f" · {escape(item.category)}" if item.category else "")
    told = (escape(item.tagline), item.remark, item.numbers, votes)
    yield from (f"  - {each}" for each in told if each)


def _closest(found: ClosestView) -> Iterator[str]:
    yield f"**{found.verdict}** {escape(found.category)}"
    pair = (found.first, found.second)
    yield "\n".join(f"- {_stamp(each)}: {_name(each)}, {each.numbers}" for each in pair)
    if found.link:
        yield f"[See them side by side](<{found.link}>)"


def _boldest(found: BoldestView) -> Iterator[str]:
    yield f"> “{escape(found.claim)}”"
    name = f"[{escape(found.name)}](<{found.link}>)" if found.link else escape(found.name)
    yield f"**{found.chance}** by {found.by}: {escape(found.title)} on {name}"


def _more(count: int, shown: EditionView) -> list[str]:
    if not count:
        return []
    return [f"And {count} more" + (f": <{shown.home}>" if shown.home else ".")]


def _stamp(item: ItemView) -> str:
    return f"**{GLYPHS[item.outcome]} {item.outcome.upper()}**"


def _name(item: ItemView) -> str:
    return f"[{escape(item.name)}](<{item.link}>)" if item.link else escape(item.name)
