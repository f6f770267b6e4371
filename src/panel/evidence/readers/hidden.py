"""What hides an element from a reader: attributes, inline styles, and simple style sheet rules.

Knows attributes and declarations, not documents.
"""

import re
from collections.abc import Mapping
from typing import Final

SILENT_TAGS: Final = frozenset({
    "script", "style", "head", "template", "svg", "nav", "button", "select", "option",
    "textarea", "datalist", "object", "iframe", "audio", "video", "canvas",
})  # fmt: skip
"""Elements whose contents are no text of the page: dropped, but not counted as hidden."""

HIDDEN_TAGS: Final = frozenset({"noscript", "noembed", "noframes"})

_HIDING_CLASSES: Final = frozenset({
    "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "d-none",
    "is-hidden", "hidden",
})  # fmt: skip
_RESPONSIVE_CLASS: Final = re.compile(r"^\w+:(?:not-sr-only|block|flex|grid|table|inline)")
_SIMPLE_SELECTOR: Final = re.compile(r"^[.#]?[\w-]+$")
_ESCAPE: Final = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_NUMBER: Final = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(px|pt|em|rem|vw|vh|ex|ch|cm|mm|in|%)?$")
_WHITE: Final = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "hsl(0,0%,100%)"})


def hides(
    tag: str, attributes: Mapping[str, str], selectors: Mapping[str, str], *, on_background: bool
) -> str:
    """Return what makes this element and all it holds invisible; empty where it is seen.

    `selectors` come from `hiding_selectors`; `on_background` says that it or an element around it
    sets a background, so that white text may well be readable.
    """
    if tag in HIDDEN_TAGS:
        return f"<{tag}>"
    if "hidden" in attributes:
        return "attribute hidden"
    if tag == "dialog" and "open" not in attributes:
        return "closed dialog"
    classes = attributes.get("class", "").split()
    hiding = sorted(_HIDING_CLASSES.intersection(classes))
    if hiding and not any(map(_RESPONSIVE_CLASS.match, classes)):
        return f"class {hiding[0]}"
    names = (tag, f"#{attributes.get('id', '')}", *(f".{name}" for name in classes))
    if reason := next((selectors[name] for name in names if name in selectors), ""):
        return f"{reason}, by the style sheet"
    style = attributes.get("style", "")
    return hiding_style(style, on_background=on_background) if style else ""


def sets_background(style: str) -> bool:
    """Tell whether an inline style sets a background."""
    return "background" in style.lower()


def hiding_selectors(sheet: str) -> dict[str, str]:
    """Return the simple selectors (`.x`, `#x`, `x`) of a sheet whose rules hide, and by what."""
    reasons: dict[str, str] = {}
    for rule in _uncommented(sheet).split("}"):
        *_, selectors, declarations = ["", "", *rule.split("{")]
        if reason := hiding_style(declarations, on_background=True):
            names = (name.strip() for name in selectors.split(","))
            reasons.update((name, reason) for name in names if _SIMPLE_SELECTOR.match(name))
    return reasons


def hiding_style(style: str, *, on_background: bool) -> str:
    """Return which of these declarations makes text invisible; empty where none does."""
    css = _declarations(style)
    return (
        _switched_off(css)
        or _too_small(css)
        or _off_page(css)
        or _same_colour(css, on_background=on_background)
    )


def _switched_off(css: Mapping[str, str]) -> str:
    return _first({
        "display:none": css.get("display") == "none",
        "visibility:hidden": css.get("visibility") in {"hidden", "collapse"},
        "content-visibility:hidden": css.get("content-visibility") == "hidden",
        "opacity near zero": _at_most(css.get("opacity"), 0.05)
        or "opacity(0" in css.get("filter", ""),
    })  # fmt: skip


def _too_small(css: Mapping[str, str]) -> str:
    clipped = css.get("overflow", "") in {"hidden", "clip"}
    sides = ("width", "height", "max-width", "max-height")
    return _first({
        "zero size": _tiny_font(css.get("font-size"))
        or (clipped and any(_at_most(css.get(side), 1) for side in sides))
        or "scale(0" in css.get("transform", "").replace("scale(0.", "")
        or _at_most(css.get("zoom"), 0.05),
        "clipped to nothing": css.get("clip", "").startswith(("rect(0", "rect(1px"))
        or css.get("clip-path", "").startswith(("inset(50", "inset(100", "circle(0")),
    })  # fmt: skip


def _off_page(css: Mapping[str, str]) -> str:
    offsets = ["text-indent", "margin-left", "margin-top"]
    if css.get("position") in {"absolute", "fixed"}:
        offsets += ["left", "top", "right", "bottom"]
    return _first({"moved off the page": any(_at_most(css.get(name), -300) for name in offsets)})


def _same_colour(css: Mapping[str, str], *, on_background: bool) -> str:
    colour = css.get("color", "")
    background = css.get("background-color") or css.get("background", "")
    if colour == "transparent" or re.fullmatch(r"(?:rgba|hsla)\(.*,0(?:\.0+)?\)", colour):
        return "transparent letters"
    if colour in _WHITE:
        return _first(
            {"white on white": background in _WHITE or (not background and not on_background)}
        )
    return _first({"letters in the colour behind them": bool(colour) and colour == background})


def _first(ways: Mapping[str, bool]) -> str:
    return next((way for way, holds in ways.items() if holds), "")


def _tiny_font(size: str | None) -> bool:
    match = _NUMBER.match(size or "")
    if not match:
        return False
    per_unit = {"em": 16, "rem": 16, "%": 0.16, "vw": 10, "vh": 8, "cm": 38, "mm": 4, "in": 96}
    return float(match[1]) * per_unit.get(match[2] or "px", 1) <= 2


def _at_most(value: str | None, limit: float) -> bool:
    match = _NUMBER.match(value or "")
    if not match:
        return False
    scale = {"em": 16, "rem": 16, "vw": 10, "vh": 8}.get(match[2] or "", 1)
    return float(match[1]) * scale <= limit


def _declarations(style: str) -> dict[str, str]:
    css: dict[str, str] = {}
    for declaration in _uncommented(style).split(";"):
        name, _, value = declaration.partition(":")
        value = value.replace("!important", "").strip().lower()
        css[name.strip().lower()] = re.sub(r"\s*([,()])\s*", r"\1", value)
    return css


def _uncommented(css: str) -> str:
    parts: list[str] = []
    place = 0
    while (start := css.find("/*", place)) >= 0:
        parts.append(css[place:start])
        end = css.find("*/", start + 2)
        place = len(css) if end < 0 else end + 2
    plain = "".join((*parts, css[place:]))
    return _ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), plain)
