"""Images for link previews: a name, its verdict and who voted how, as a small palette PNG.

Drawn straight into a palette of few colours, each text a ramp from the ground to its own colour:
converting from true colour afterwards would take most of the time. A name with letters that the
built-in font lacks is shown by its key, which has plain letters only.
"""

import io
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from panel.publish.site.tool_summary import ReviewerVote, ToolSummary
from panel.report import figures

WIDTH: Final = 1200
HEIGHT: Final = 630

_MARGIN: Final = 80
_STEPS: Final = 8
"""Shades between the ground and a colour, for smooth edges."""
_GROUND: Final = (251, 250, 248)
_TONES: Final = {
    "ink": (28, 27, 25),
    "quiet": (95, 91, 84),
    "line": (226, 222, 214),
    "ship": (11, 107, 55),
    "skip": (179, 38, 30),
    "split": (138, 83, 0),
    "hold": (107, 63, 160),
    "incomplete": (90, 95, 102),
    "builder": (29, 95, 174),
    "skeptic": (168, 40, 111),
    "business": (10, 106, 116),
    "futurist": (92, 99, 0),
    "guest": (81, 86, 94),
}
"""The colours of the style sheet in light."""
_BOLD: Final = 2
"""Stroke that makes the one built-in weight bold; half as much in small text."""


@dataclass(frozen=True)
class _Layout:
    """Where a tool's verdict stands in the picture, and how large its name is."""

    left: int
    wide: int
    top: int
    name: int
    rows: int
    outcome: int
    """Size of the outcome's word."""


_WHOLE: Final = _Layout(_MARGIN, WIDTH - 2 * _MARGIN, 132, name=84, rows=2, outcome=56)
_HALF: Final = (WIDTH - 3 * _MARGIN) // 2
_HALVES: Final = tuple(
    _Layout(left, _HALF, 322, name=34, rows=1, outcome=40)
    for left in (_MARGIN, 2 * _MARGIN + _HALF)
)


def tool_picture(tool: ToolSummary, site: str) -> bytes:
    """Return the picture of one tool's verdict."""
    picture = _blank(site)
    _verdict(picture, tool, _WHOLE)
    return _png(picture)


def pair_picture(one: ToolSummary, two: ToolSummary, answer: str, ahead: bool, site: str) -> bytes:
    """Return the picture of two tools: their names, the answer, and the verdict on each.

    Args:
        one: one tool.
        two: the other.
        answer: which one to ship with.
        ahead: whether the answer names one of them.
        site: the site's name.
    """
    picture, wide = _blank(site), WIDTH - 2 * _MARGIN
    heading = f"{_drawn_name(one)} vs {_drawn_name(two)}"
    size = next((size for size in (76, 60) if _font(size).getlength(heading) <= wide), 46)
    _write(picture, (_MARGIN, 120, wide), heading, "ink", size=size, bold=True)
    _write(picture, (_MARGIN, 220, wide), answer, "ship" if ahead else "ink", size=46, bold=True)
    for tool, layout in zip((one, two), _HALVES, strict=True):
        _verdict(picture, tool, layout)
    return _png(picture)


def page_picture(title: str, description: str, site: str) -> bytes:
    """Return the picture of a page about no single verdict: its title and what it is about."""
    picture, wide = _blank(site), WIDTH - 2 * _MARGIN
    _write(picture, (_MARGIN, 160, wide), title, "ink", size=84, rows=2, bold=True)
    _write(picture, (_MARGIN, 400, wide), description, "quiet", size=38, rows=3)
    for place, outcome in enumerate(("ship", "split", "hold", "skip")):
        _glyph(picture, outcome, (_MARGIN + 64 * place, 548, 36), outcome)
    return _png(picture)


def _blank(site: str) -> Image.Image:
    picture = Image.new("P", (WIDTH, HEIGHT), 0)
    picture.putpalette(_palette())
    _write(picture, (_MARGIN, 60, WIDTH - 2 * _MARGIN), site, "quiet", size=30)
    return picture


def _verdict(picture: Image.Image, tool: ToolSummary, at: _Layout) -> None:
    left, wide, size, outcome = at.left, at.wide, at.outcome, tool.outcome
    _write(
        picture,
        (left, at.top, wide),
        _drawn_name(tool),
        "ink",
        size=at.name,
        rows=at.rows,
        bold=True,
    )
    _glyph(picture, outcome, (left, 430 - round(size * 0.9), round(size * 0.72)), outcome)
    word = (left + size + 4, 430 - round(size * 1.12), wide - size)
    _write(picture, word, outcome.upper(), outcome, size=size, bold=True)
    score = "no score" if tool.score is None else f"score {figures.score(tool.score)}"
    ship = "" if tool.ship_percent is None else f"{figures.percent(tool.ship_percent)} ship, "
    _write(picture, (left, 444, wide), ship + score, "quiet", size=32)
    if tool.score is not None:
        _score_bar(picture, tool.score, tool.ship_at, outcome, (left, 494, wide))
    _votes(picture, tool, left, wide)


def _drawn_name(tool: ToolSummary) -> str:
    return tool.name if all(c.isspace() or _drawable(c) for c in tool.name) else tool.key


def _score_bar(
    picture: Image.Image, score: float, ship_at: float, tone: str, place: tuple[int, int, int]
) -> None:
    """Draw a score at (x, y, width), with a mark where a reviewer ships."""
    x, y, wide = place
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((x, y, x + wide, y + 16), 8, fill=_full("line"))
    if score:
        end = x + max(16, round(wide * score / 100))
        pen.rounded_rectangle((x, y, end, y + 16), 8, fill=_full(tone))
    mark = x + round(wide * ship_at / 100)
    pen.rectangle((mark - 5, y - 4, mark + 5, y + 20), fill=0)
    pen.rectangle((mark - 2, y - 4, mark + 2, y + 20), fill=_full("ink"))


def _votes(picture: Image.Image, tool: ToolSummary, left: int, wide: int) -> None:
    """Draw a block for each reviewer: sign, colour, and the shape of the vote, full where it ships.

    A missing review is a cross without a block.
    """
    voters: list[ReviewerVote | None] = [
        *tool.reviewer_votes,
        *[None] * dict(tool.votes).get("missing", 0),
    ]
    if not voters or len(voters) > 8:
        return
    gap = 10
    width = (wide - gap * (len(voters) - 1)) / len(voters)
    pen = ImageDraw.Draw(picture)
    for place, voter in enumerate(voters):
        start = left + round(place * (width + gap))
        middle = start + round(width / 2)
        if voter is None:
            _glyph(picture, "missing", (middle - 12, 546, 24), "incomplete")
            continue
        ships = voter.vote == "ship"
        box = (start, 532, start + round(width), 584)
        tone = "incomplete" if voter.vote == "abstain" else voter.hue
        fill = _full(tone) if ships else 0
        pen.rounded_rectangle(box, 10, fill=fill, outline=_full(tone), width=3)
        _sign(picture, voter.sign, (middle - 8, 558), tone, on_tone=ships)
        _glyph(picture, voter.vote, (middle + 12, 549, 18), None if ships else tone)


def _sign(
    picture: Image.Image, sign: str, end: tuple[int, int], tone: str, *, on_tone: bool
) -> None:
    """Write a reviewer's sign up to (x, y of the middle), in the ground's colour if `on_tone`."""
    mask = Image.new("L", (90, 44), 0)
    pen = ImageDraw.Draw(mask)
    pen.text((86, 22), sign, fill=255, font=_font(32), anchor="rm", stroke_width=1)
    shades = mask.point(_shades(tone)[::-1] if on_tone else _shades(tone))
    picture.paste(shades, (end[0] - 86, end[1] - 22), mask.point(_INKED))


def _glyph(
    picture: Image.Image, outcome: str, place: tuple[int, int, int], tone: str | None
) -> None:
    """Draw the sign of an outcome or vote; without a tone, in the background colour."""
    x, y, size = place
    half, color = size / 2, _full(tone) if tone else 0
    pen = ImageDraw.Draw(picture)
    shapes: dict[str, list[tuple[float, float]]] = {
        "ship": [(x, y + size), (x + half, y), (x + size, y + size)],
        "skip": [(x, y), (x + size, y), (x + half, y + size)],
        "split": [(x + half, y), (x + size, y + half), (x + half, y + size), (x, y + half)],
        "hold": [(x, y), (x + size, y), (x + size, y + size), (x, y + size)],
    }
    if corners := shapes.get(outcome):
        pen.polygon(corners, fill=color)
    elif outcome == "incomplete":
        pen.ellipse((x, y, x + size, y + size), outline=color, width=max(4, size // 8))
    elif outcome == "missing":
        pen.line((x, y, x + size, y + size), fill=color, width=5)
        pen.line((x, y + size, x + size, y), fill=color, width=5)
    else:
        pen.line((x, y + half, x + size, y + half), fill=color, width=5)


def _write(
    picture: Image.Image,
    place: tuple[int, int, int],
    text: str,
    tone: str,
    *,
    size: int,
    rows: int = 1,
    bold: bool = False,
) -> None:
    """Write a text at (x, y, width), in as many rows as fit it."""
    font = _font(size)
    stroke = (_BOLD if size > 50 else 1) if bold else 0
    x, y, wide = place
    for row in _rows("".join(c for c in text if _drawable(c) or c == " "), font, wide, rows):
        mask = Image.new("L", (wide + 8, round(size * 1.35)), 0)
        ImageDraw.Draw(mask).text((stroke, 0), row, fill=255, font=font, stroke_width=stroke)
        shades = mask.point(_shades(tone))
        picture.paste(shades, (x, y), mask.point(_INKED))
        y += round(size * 1.2)


def _rows(text: str, font: ImageFont.FreeTypeFont, wide: int, rows: int) -> list[str]:
    """Break a text into rows that fit; what is left over ends in an ellipsis."""
    lines: list[str] = []
    words = text[:200].split()
    while words and len(lines) < rows:
        row = words.pop(0)
        while words and font.getlength(f"{row} {words[0]}") <= wide:
            row += f" {words.pop(0)}"
        lines.append(row)
    if words:
        lines[-1] += f" {words[0]}"
    return [_cut(row, font, wide, more=bool(words) and n == rows) for n, row in enumerate(lines, 1)]


def _cut(row: str, font: ImageFont.FreeTypeFont, wide: int, *, more: bool) -> str:
    if not more and font.getlength(row) <= wide:
        return row
    while row and font.getlength(f"{row}…") > wide:
        row = row[:-1]
    return f"{row.rstrip()}…"


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=5)
    return out.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@cache
def _drawable(letter: str) -> bool:
    """Tell whether the font has a shape for a letter."""
    font = _font(24)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))


def _palette() -> list[int]:
    """Return the ground, then for each tone its shades from faint to full."""
    colors = [_GROUND]
    for tone in _TONES.values():
        for step in range(1, _STEPS + 1):
            share = step / _STEPS
            pairs = zip(_GROUND, tone, strict=True)
            colors.append(tuple(round(g + (t - g) * share) for g, t in pairs))  # type: ignore[arg-type]
    return [value for color in colors for value in color]


def _full(tone: str) -> int:
    return (list(_TONES).index(tone) + 1) * _STEPS


@cache
def _shades(tone: str) -> list[int]:
    """Return the palette entry for each strength of a mask; 0 is the ground."""
    base = list(_TONES).index(tone) * _STEPS
    return [0 if not (step := round(v / 255 * _STEPS)) else base + step for v in range(256)]


_INKED: Final = [0] + [255] * 255
