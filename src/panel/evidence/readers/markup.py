"""The standard library's HTML parser, with comments and declarations ended where browsers end them.

What is never closed reaches to the end of the page, and is read once instead of once per `<`.
"""

from html.parser import HTMLParser


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
    """Collects style sheets in `found`: they may stand behind what they hide."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note whether a style sheet begins."""
        self.inside = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        """Note that it ends."""
        self.inside = False

    def handle_data(self, data: str) -> None:
        """Keep what stands in a style sheet."""
        if self.inside:
            self.found.append(data)
