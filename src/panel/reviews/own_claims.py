"""Own claims: figures and names in a reviewer's own words that occur in no passage it was shown.

They need not be wrong: a reviewer may know a competitor. The card marks them as the reviewer's own
claims. Pure code; text and passages only, no votes or formats.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Final

from panel.evidence.source import Passage

_CITE: Final = re.compile(r"\s*\[E\d+\.\d+\]")
_NUMBER: Final = r"\d(?:[\d,.'’\u202f\u00a0]*\d)?"
_NOUNS: Final = (
    "star fork user download contributor maintainer developer engineer person company customer"
    " token line issue commit release version language model parameter point seat request test"
    " file package dependency employee team project repository reviewer"
)
_UNITS: Final = {
    "%": "% percent per-cent", "‰": "‰", "$": "$ dollar usd", "€": "€ euro eur", "£": "£ gbp",
    "¥": "¥ yen", "ms": "ms millisecond", "s": "s sec second", "min": "min minute",
    "h": "h hr hour", "day": "day", "week": "week", "month": "month", "year": "yr year",
    "kB": "kb kib", "MB": "mb mib", "GB": "gb gib", "TB": "tb tib", "k": "k thousand",
    "M": "m million", "B": "b bn billion", "x": "x times",
    **{noun: noun for noun in _NOUNS.split()},
}  # fmt: skip
_UNIT: Final = {word: unit for unit, words in _UNITS.items() for word in words.split()}
_IRREGULAR: Final = {"companies": "company", "dependencies": "dependency", "repositories":
                     "repository", "people": "person"}  # fmt: skip
_MONTH_NAMES: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS: Final = _MONTH_NAMES.split()
_MONTH: Final = rf"(?i:{'|'.join(_MONTHS)})[a-z]*"
_FIGURE: Final = re.compile(
    # What a figure may begin with, so that most places are passed over at once.
    r"(?:(?=[\d$€£¥])|(?<!\w)(?=[vjfmasondJFMASOND]))(?:"
    r"(?P<iso>(?<!\d)\d{4}-\d\d-\d\d(?!\d))"
    rf"|(?<!\d)(?P<day>\d\d?)\.?\s(?P<month>{_MONTH}),?\s(?P<year>\d{{4}})"
    rf"|\b(?P<month2>{_MONTH})\s(?P<day2>\d\d?)(?:st|nd|rd|th)?,?\s(?P<year2>\d{{4}})"
    rf"|(?P<sign>[$€£¥])\s?(?P<price>{_NUMBER})(?P<scale>\s?(?:k|m|bn|b|million|billion)\b)?"
    rf"|(?<![\w.])v?(?P<number>{_NUMBER})"
    rf"(?:\s?(?P<mark>[%‰$€£¥])|[\s-]?(?P<unit>[A-Za-z]+)(?:\s(?P<noun>[a-z]+))?)?\+?)",
)
_DIGIT: Final = re.compile(r"\d")
_DIGITS: Final = re.compile(_NUMBER)
_GROUP: Final = re.compile(r"(?<=\d)[,'’\u202f\u00a0](?=\d{3}(?!\d))")
_SMALL: Final = "zero one two three four five six seven eight nine ten eleven twelve"
_SPELLED: Final = {word: str(number) for number, word in enumerate(_SMALL.split())}
_WORD: Final = r"[^\W\d_][\w&'’+#-]*"
_DOMAIN: Final = r"(?:\.(?:js|io|ai|com|org|net|dev|py|rs)\b)?"
_NAME: Final = re.compile(rf"(?<![\w@/.-]){_WORD}{_DOMAIN}")
_CAPITAL: Final = r"(?=[\w&'’+#-]*[^\Wa-z\d_])"
_LARGE_NAME: Final = re.compile(rf"(?<![\w@/.-]){_CAPITAL}{_WORD}{_DOMAIN}")
"""The same with a letter that is not a small one of ASCII: most words have none."""
_PART: Final = re.compile(r"\w+")
_IN_WORDS: Final = re.compile(rf"\b(?:{'|'.join(_SPELLED)})\b", re.IGNORECASE)
_POSSESSIVE: Final = re.compile(r"['’]s?$|['’]s(?=\W|$)")
_NO_LETTER: Final = re.compile(r"[\W_]")
_LAST: Final = re.compile(r"['’]s?$|[-&]$")
_LAST_SIGNS: Final = "s'’-&"
_CENTS: Final = re.compile(r"\.0+$")
_START: Final = re.compile(r"(?:[.!?…:;]|[\"“(•–—]|\n)[\s\"'“”’)(\]]*$")
_BEFORE: Final = 8
"""Characters in which a sentence's end must stand for the next word to be its first."""
_LARGE: Final = (
    "I I'd I'll I'm I've OK AI API APIs CLI SDK SDKs UI UX URL HTTP HTTPS HTML CSS JSON YAML TOML"
    " CSV XML SQL GPU CPU RAM PR PRs CI CD CI/CD ML LLM LLMs OSS SaaS IDE ORM REST RPC SLA PDF FAQ"
    " README DX MVP ROI B2B B2C IP VC CTO CEO CFO US EU UK English English-language Internet Web"
    " January February March April May June July August September October November December"
    " Monday Tuesday Wednesday Thursday Friday Saturday Sunday Ship Skip Yes No Unclear"
    " Builder Skeptic Business Futurist Reviewer Panel Forecast Summary Evidence"
)
"""Letters and acronyms that name no product, and words written large by habit."""

_COMMON: Final = frozenset(_LARGE.split())


def own_claims(
    texts: Iterable[str], passages: Sequence[Passage], *, tool: str = ""
) -> tuple[str, ...]:
    """Return the figures and names of these texts that occur in no passage, each once.

    As they were written, text by text, figures before names.

    Args:
        texts: What the reviewer wrote; citations in it do not count as figures.
        passages: The passages it was shown; their headings count as shown.
        tool: The tool's own name, which is nobody's claim.
    """
    known = _known(tuple(passages), tool)
    claims: dict[str, None] = {}
    for text in texts:
        plain = _CITE.sub("", text)
        claims |= dict.fromkeys(f for f in figures(plain) if not known.has_figure(f))
        claims |= dict.fromkeys(n for n in names(plain) if not known.has_name(n))
    return tuple(claims)


def figures(text: str) -> list[str]:
    """Return every number of a text, with the sign or unit that belongs to it."""
    return [written for written, _ in _figures(text)]


def names(text: str) -> list[str]:
    """Return the words a text writes like names: capitals inside a sentence, or inside a word."""
    if _begins_large(text):
        return []
    blank = _FIGURE.sub(_blanked, text) if _DIGIT.search(text) else text
    return [" ".join(run) for run in _runs(blank, text)]


def figures_and_names(text: str) -> set[str]:
    """Return what `figures` and `names` return of a text, which is read once for both."""
    if not _DIGIT.search(text):
        return {*names(text)}
    found: list[str] = []

    def blank(match: re.Match[str]) -> str:
        found.append(_figure(match)[0])
        return _blank(match, found[-1])

    blanked = _FIGURE.sub(blank, text)
    if _begins_large(text):
        return {*found}
    return {*found, *(" ".join(run) for run in _runs(blanked, text))}


def unknown_names(text: str, passages: Sequence[Passage], *, tool: str = "") -> list[str]:
    """Return the names of a text that occur in no passage and are not the tool's own."""
    known = _known(tuple(passages), tool)
    return [name for name in names(_CITE.sub("", text)) if not known.has_name(name)]


@lru_cache(maxsize=32)
def _known(passages: tuple[Passage, ...], tool: str) -> "_Known":
    """Return what passages hold, once for all that is written about one tool."""
    return _Known(passages, tool)


class _Known:
    """What the passages hold, ready to be looked up; read when it is first asked for."""

    def __init__(self, passages: Sequence[Passage], tool: str) -> None:
        self._shown = "\n".join(f"{p.heading}\n{p.text}" for p in passages)
        self._tool = tool

    @cached_property
    def _figures(self) -> set[str]:
        counted = _IN_WORDS.sub(lambda m: _SPELLED[m.group().lower()], self._shown)
        known = {plain for _, plain in _figures(counted)}
        # A bare number may stand before any unit, and inside a word: `python3.11`.
        return known | {_ungrouped(n) for n in _DIGITS.findall(counted)}

    @cached_property
    def _words(self) -> set[str]:
        text = f"{self._shown}\n{self._tool}"
        words = {*_PART.findall(text), *_NAME.findall(text)}
        plain = {word for word in words if word.isascii() and word.isalnum()}
        lowered = {word.lower() for word in plain}
        known = lowered | {word.removesuffix("s") for word in lowered}
        return known.union(*map(_forms, words - plain))

    def has_figure(self, figure: str) -> bool:
        return all(plain in self._figures for _, plain in _figures(figure))

    def has_name(self, name: str) -> bool:
        return all(any(f in self._words for f in _forms(word)) for word in name.split())


def _figures(text: str) -> Iterator[tuple[str, str]]:
    """Yield each figure as written, and as number and unit: `$1,200` and `1200$`."""
    if not _DIGIT.search(text):
        return
    yield from map(_figure, _FIGURE.finditer(text))


def _figure(match: re.Match[str]) -> tuple[str, str]:
    """Return a figure as written, and as number and unit."""
    if match["number"]:
        return _counted(match)
    part = match.groupdict()
    if date := _date(part):
        return match.group(), date
    number = _CENTS.sub("", _ungrouped(part["price"]))
    scale = _unit(part["scale"].strip()) if part["scale"] else ""
    return match.group(), f"{number}{scale}{part['sign']}"


def _counted(match: re.Match[str]) -> tuple[str, str]:
    """Return a number with its sign or unit as written, and as number and unit."""
    number, (mark, unit, noun) = _ungrouped(match["number"]), match.group("mark", "unit", "noun")
    if mark:
        return match.group().rstrip("+"), f"{number}{mark}"
    if unit and (known := _unit(unit)):
        return match.string[match.start() : match.end("unit")], number + known
    if noun and (known := _unit(noun)):  # `200 open issues`
        return match.string[match.start() : match.end("noun")], number + known
    return match.string[match.start() : match.end("number")], number


def _date(part: dict[str, str | None]) -> str:
    """Return a date of day, month and year as `2026-11-03`; "" where this is none."""
    day, month, year = (part[n] or part[f"{n}2"] for n in ("day", "month", "year"))
    if day and month and year:
        return f"{year}-{_MONTHS.index(month[:3].lower()) + 1:02}-{int(day):02}"
    return part["iso"] or ""


def _unit(word: str) -> str:
    word = _IRREGULAR.get(word.lower(), word.lower())
    return _UNIT.get(word) or _UNIT.get(word.removesuffix("s"), "")


def _ungrouped(number: str) -> str:
    return _GROUP.sub("", number)


def _runs(text: str, whole: str) -> Iterator[list[str]]:
    """Yield names as runs of words, a run ending where anything but one blank comes between."""
    run: list[str] = []
    end = -1
    opening = len(whole) - len(whole.lstrip())
    for match in _LARGE_NAME.finditer(text):
        word = match.group()
        if word.islower():
            continue
        if word[-1] in _LAST_SIGNS:
            word = _LAST.sub("", word)
        goes_on = bool(run) and text[end : match.start()] == " "
        before = whole[max(0, match.start() - _BEFORE) : match.start()]
        first = match.start() <= opening or _START.search(before) is not None
        if not (goes_on and word[0].isupper()) and not _is_name(word, first):
            continue
        if run and not goes_on:
            yield run
            run = []
        run.append(word)
        end = match.start() + len(word)
    if run:
        yield run


def _begins_large(text: str) -> bool:
    """Tell whether a text has no capital but its first letter, which any sentence may have."""
    return text.isascii() and (rest := text[1:]) == rest.lower()


def _blanked(match: re.Match[str]) -> str:
    """Blank a figure with its unit, but not a word behind it that is none."""
    return _blank(match, _figure(match)[0])


def _blank(match: re.Match[str], written: str) -> str:
    return " " * len(written) + match.group()[len(written) :]


def _is_name(word: str, first: bool) -> bool:
    if word in _COMMON or len(word) < 2 or not _has_capital(word):
        return False
    return _has_capital(word[1:]) or (word[0].isupper() and not first)


def _has_capital(word: str) -> bool:
    return word != word.lower() if word.isascii() else any(map(str.isupper, word))


def _forms(word: str) -> tuple[str, ...]:
    """Return how a name may be written elsewhere: without 's, in the singular, in parts joined."""
    plain = _POSSESSIVE.sub("", word).casefold()
    joined = _NO_LETTER.sub("", plain)
    return tuple(dict.fromkeys((plain, joined, joined.removesuffix("s"))))
