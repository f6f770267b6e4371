"""Images for link previews: a name, its verdict and its votes as a small palette PNG.

Drawn straight into a palette of few colours, each text a ramp from the ground to its own colour:
converting from true colour afterwards would take most of the time. A name with letters that the
built-in font lacks is shown by its key, which has plain letters only.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from panel.publish.site.tool_summary import tool_summary
from panel.report import figures
from panel.runs.history.entry import History

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
}
_GREY: Final = frozenset({"abstain", "missing"})
_BOLD: Final = 2
"""Stroke that makes the one built-in weight bold."""


@dataclass(frozen=True)
class ImageSide:
    """What is shown of one tool."""

    name: str
    key: str
    outcome: str
    numbers: str
    """Ship % and score as text."""
    votes: Sequence[tuple[str, int]]


def tool_picture(side: ImageSide, site: str) -> bytes:
    """Return the picture of one tool's verdict."""
    return _png(_painted([(side, _MARGIN, WIDTH - 2 * _MARGIN, 84)], site))


def pair_picture(one: ImageSide, two: ImageSide, site: str) -> bytes:
    """Return the picture of two tools side by side."""
    half = (WIDTH - 3 * _MARGIN) // 2
    return _png(_painted([(one, _MARGIN, half, 56), (two, 2 * _MARGIN + half, half, 56)], site))


def page_picture(title: str, description: str, site: str) -> bytes:
    """Return the picture of a page about no single verdict: its title and what it is about."""
    picture, wide = _blank(), WIDTH - 2 * _MARGIN
    _write(picture, (_MARGIN, 70, wide), site, "quiet", size=30)
    _write(picture, (_MARGIN, 160, wide), title, "ink", size=84, rows=2, bold=True)
    _write(picture, (_MARGIN, 400, wide), description, "quiet", size=38, rows=3)
    for place, outcome in enumerate(("ship", "split", "hold", "skip")):
        _glyph(picture, outcome, (_MARGIN + 64 * place, 548, 36), outcome)
    return _png(picture)


def _painted(sides: Sequence[tuple[ImageSide, int, int, int]], site: str) -> Image.Image:
    picture = _blank()
    _write(picture, (_MARGIN, 70, WIDTH - 2 * _MARGIN), site, "quiet", size=30)
    for side, left, wide, size in sides:
        _side(picture, side, left, wide, size)
    return picture


def _blank() -> Image.Image:
    picture = Image.new("P", (WIDTH, HEIGHT), 0)
    picture.putpalette(_palette())
    return picture


def _side(picture: Image.Image, side: ImageSide, left: int, wide: int, size: int) -> None:
    drawable = all(c.isspace() or _drawable(c) for c in side.name)
    name = side.name if drawable else side.key
    _write(picture, (left, 132, wide), name, "ink", size=size, rows=2, bold=True)
    outcome = side.outcome
    _glyph(picture, outcome, (left, 382, 40), outcome)
    _write(picture, (left + 60, 370, wide - 60), outcome.upper(), outcome, size=56, bold=True)
    _write(picture, (left, 452, wide), side.numbers, "quiet", size=34)
    _votes(picture, side.votes, left, wide)


def _votes(picture: Image.Image, votes: Sequence[tuple[str, int]], left: int, wide: int) -> None:
    """Draw a block for each vote, with its shape in it: colour must not be the only difference."""
    voters = [vote for vote, count in votes for _ in range(count)]
    if not voters or len(voters) > 16:
        return
    gap = 10
    width = (wide - gap * (len(voters) - 1)) / len(voters)
    pen = ImageDraw.Draw(picture)
    for place, vote in enumerate(voters):
        start = left + round(place * (width + gap))
        box = (start, 520, start + round(width), 576)
        pen.rounded_rectangle(box, 10, fill=_full("incomplete" if vote in _GREY else vote))
        _glyph(picture, vote, (start + round(width / 2) - 12, 536, 24), None)


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
    stroke = _BOLD if bold else 0
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
    picture.save(out, "PNG", compress_level=4)
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


def preview(tools: Sequence[History], title: str) -> bytes | None:
    """Return the picture of the page of one tool or two, None for any other page."""
    match [_image_side(history) for history in tools]:
        case [side]:
            return tool_picture(side, title)
        case [first, second]:
            return pair_picture(first, second, title)
    return None


def _image_side(history: History) -> ImageSide:
    shown = tool_summary(history)
    score = "no score" if shown.score is None else f"score {figures.score(shown.score)}"
    ship = "" if shown.ship_percent is None else f"{figures.percent(shown.ship_percent)} ship, "
    return ImageSide(shown.name, shown.key, shown.outcome, ship + score, shown.votes)
