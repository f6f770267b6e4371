"""HTML parsed as browsers parse it: elements and words in order, without what is hidden.

`hidden` decides which element is hidden; subclasses decide what the visible rest means.
"""

from collections import Counter
from html.parser import HTMLParser
from typing import Final

from panel.evidence.readers.hidden import SILENT_TAGS, hides, hiding_selectors, sets_background


class Markup(HTMLParser):
    """HTML in one piece: call `feed` once, then `close`."""

    rawdata: str

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def parse_comment(self, i: int, report: bool = True) -> int:
        """Take the comment at `i` and return where it ends."""
        for empty in ("<!-->", "<!--->"):
            if self.rawdata.startswith(empty, i):
                return i + len(empty)
        return self._take(i + 4, "-->")

    def parse_html_declaration(self, i: int) -> int:
        """Take `<!…>`: a doctype, or what browsers read as a comment."""
        if self.rawdata.startswith("<!--", i):
            return self.parse_comment(i)
        if self.rawdata[i + 2 : i + 9].lower() == "doctype":
            end = self.rawdata.find(">", i)
            return len(self.rawdata) if end < 0 else end + 1
        return self._take(i + 2, ">")

    def parse_pi(self, i: int) -> int:
        """Take `<?…>`, which browsers read as a comment."""
        return self._take(i + 2, ">")

    def parse_starttag(self, i: int) -> int:
        """Take a start tag; one that never ends takes the rest of the page with it."""
        end = super().parse_starttag(i)
        return len(self.rawdata) if end < 0 else end

    def parse_endtag(self, i: int) -> int:
        """Take an end tag; one that never ends takes the rest of the page with it."""
        end = super().parse_endtag(i)
        return len(self.rawdata) if end < 0 else end

    def _take(self, start: int, closing: str) -> int:
        end = self.rawdata.find(closing, start)
        self.handle_comment(self.rawdata[start:] if end < 0 else self.rawdata[start:end])
        return len(self.rawdata) if end < 0 else end + len(closing)


class Sheets(Markup):
    """Collects style sheets in `texts`, before the page is read: a rule may follow its element."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note whether a style sheet begins."""
        self.inside = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """Note that it ends."""
        self.inside = False

    def handle_data(self, data: str) -> None:
        """Collect the text of a style sheet."""
        if self.inside:
            self.texts.append(data)


VOID_TAGS: Final = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
    "track", "wbr",
})  # fmt: skip


class Visible(Markup):
    """Walks over a page: `begin`, `end` and `say` are called for what is not hidden."""

    def __init__(self, text: str) -> None:
        """Read the style sheets of the page `text` first: a rule may follow its element."""
        super().__init__()
        self.selectors = _selectors(text)
        self.hidden: list[str] = []
        self.why: list[str] = []
        """How each of the hidden texts was hidden."""
        self.removed = 0
        self.open: list[tuple[str, bool]] = []
        self.inside: Counter[str] = Counter()
        self.unseen: list[str] | None = None
        self.unseen_depth = 0
        self.unseen_why = ""
        self.silent = False

    def begin(self, tag: str, attributes: dict[str, str], *, hidden: bool) -> None:
        """An element starts; where it is `hidden`, its contents and its end are not reported."""

    def end(self, tag: str) -> None:
        """An element ends; it still counts as open."""

    def say(self, words: str) -> None:
        """Words are seen."""

    def hide(self, text: str, why: str) -> None:
        """Note a text that no reader sees, and what hides it."""
        if text.strip():
            self.hidden.append(text)
            self.why.append(why)
            self.removed += 1

    def finish(self) -> None:
        """Close what the page left open."""
        self.close()
        while self.open:
            self._pop()

    # What the parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Tell whether an element is seen."""
        attributes = {name: value or "" for name, value in attrs}
        background = sets_background(attributes.get("style", ""))
        has_background = background or self.inside["background"] > 0
        why = hides(tag, attributes, self.selectors, on_background=has_background)
        hidden = bool(why) or tag in SILENT_TAGS
        if self.unseen is None:
            self.unseen_why = why
            self.begin(tag, attributes, hidden=hidden)
        if tag in VOID_TAGS:
            return
        self.open.append((tag, background))
        self.inside[tag] += 1
        self.inside["background"] += background
        if self.unseen is None and hidden:
            self.unseen, self.unseen_depth = [], len(self.open)
            self.silent = tag in SILENT_TAGS

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A slash does not close `<p/>` in HTML."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close the element and those left open in it."""
        if not self.inside[tag]:
            return
        while self._pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take words, seen or not."""
        if self.unseen is not None:
            self.unseen.append(data)
        else:
            self.say(data)

    def handle_comment(self, data: str) -> None:
        """Hide a comment, except inside a script."""
        if not self.silent or self.unseen is None:
            self.hide(data, "comment")

    def _pop(self) -> str:
        depth = len(self.open)
        tag, background = self.open[-1]
        if self.unseen is None:
            self.end(tag)
        elif depth == self.unseen_depth:
            if not self.silent:
                self.hide("".join(self.unseen), self.unseen_why)
            self.unseen = None
        self.open.pop()
        self.inside[tag] -= 1
        self.inside["background"] -= background
        return tag


def _selectors(text: str) -> dict[str, str]:
    if "<style" not in text.lower():
        return {}
    sheets = Sheets()
    sheets.feed(text)
    sheets.close()
    return hiding_selectors("\n".join(sheets.texts))
