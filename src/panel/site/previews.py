"""What the pictures for link previews show of a page. Pure but for drawing."""

from panel.archive.entry import History
from panel.render import figures
from panel.site.picture import Side, pair_picture, tool_picture
from panel.site.subject import Subject
from panel.site.tile import tile


def preview(subject: Subject, path: str) -> bytes | None:
    """Return the picture of the page at `path`, None where that has none."""
    folder, _, name = path.partition("/")
    known = subject.catalogue.histories
    key = name.removesuffix(".html")
    if folder == "tools" and key in known:
        return tool_picture(_side(known[key]), subject.title)
    if folder == "compare" and (pair := subject.catalogue.pair(path)):
        return pair_picture(_side(known[pair.one]), _side(known[pair.two]), subject.title)
    return None


def _side(history: History) -> Side:
    shown = tile(history)
    score = "no score" if shown.score is None else f"score {figures.score(shown.score)}"
    ship = "" if shown.ship_percent is None else f"{figures.percent(shown.ship_percent)} ship, "
    return Side(shown.name, shown.key, shown.outcome, ship + score, shown.votes)
