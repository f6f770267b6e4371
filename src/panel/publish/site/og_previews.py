"""What the pictures for link previews show of a page. Pure but for drawing."""

from panel.publish.site.context import SiteContext
from panel.publish.site.og_image import ImageSide, pair_picture, tool_picture
from panel.publish.site.tool_summary import tool_summary
from panel.report import figures
from panel.runs.history.entry import History


def preview(subject: SiteContext, path: str) -> bytes | None:
    """Return the picture of the page at `path`, None where that has none."""
    folder, _, name = path.partition("/")
    known = subject.catalogue.histories
    key = name.removesuffix(".html")
    if folder == "tools" and key in known:
        return tool_picture(_side(known[key]), subject.title)
    if folder == "compare" and (pair := subject.catalogue.pair(path)):
        return pair_picture(_side(known[pair.one]), _side(known[pair.two]), subject.title)
    return None


def _side(history: History) -> ImageSide:
    shown = tool_summary(history)
    score = "no score" if shown.score is None else f"score {figures.score(shown.score)}"
    ship = "" if shown.ship_percent is None else f"{figures.percent(shown.ship_percent)} ship, "
    return ImageSide(shown.name, shown.key, shown.outcome, ship + score, shown.votes)
