"""Rules of a written review, checked by code: length, citations, words of its own, its vote.

A fault is told to the writer once, in words of code: a problem repeats nothing that a model or a
page said. Pure; knows no provider.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple

from panel.evidence.source import Passage
from panel.reviews.own_claims import figures, names, unknown_names
from panel.reviews.prose import contents, is_finished, repeats, sentences, unmarked
from panel.reviews.review import Vote

RuleName = Literal[
    "length", "cites", "rival", "repeated", "copied", "forecast", "vote", "cut", "chances"
]

WORDS: Final = (80, 150)
"""Fewest and most words of a review; it is asked for in 90 to 130."""
FEWEST_CITES: Final = 2
LONGEST_COPY: Final = 8
"""So many words in a row of one passage are a quotation, and must be marked as one."""
RIVAL: Final = "rival"
"""The id of the step that names a rival."""

_CITE: Final = re.compile(r"\s*\[(E\d+\.\d+)\]")
_QUOTED: Final = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»|`[^`]*`")
_WORD: Final = re.compile(r"\w+")
_CODE: Final = re.compile(r"`([^`\n]{2,60})`")
_NONE_KNOWN: Final = re.compile(
    r"\b(?:know|see|name|find|can think)\b[^.!?]{0,20}\b(?:no|none|nothing)\b|\bno (?:\w+ )?"
    r"(?:rival|competitor|alternative)s?\b",
    re.IGNORECASE,
)
_WILL: Final = r"\bI(?:['’](?:d|ll)| would| will| can| do)?(?: \w+ly| still)?"
_WONT: Final = (
    r"\bI(?: (?:do|would|will|can|could|shall)(?: not|not|n['’]t| never)"
    r"| (?:can|won)['’]t| never)"
)
_DEED: Final = r"(?: vote)?(?: to| for)? (?:ship|sign|adopt|build on|recommend)\b"
_FOR: Final = re.compile(
    rf"{_WILL}{_DEED}|\b(?:earns|gets|deserves|is) (?:a|my|the) ship\b", re.IGNORECASE
)
_AGAINST: Final = re.compile(
    rf"{_WILL}(?: vote)?(?: to)? (?:skip|reject|pass on|decline)\b"
    rf"|{_WONT}(?: \w+ly)?{_DEED}|\b(?:earns|gets|deserves|is) (?:a|my|the) skip\b",
    re.IGNORECASE,
)
_OPENERS: Final = frozenset(
    re.findall(
        r"\w+",
        "a an and as at both but by direct even for here i if in it its many most my no nobody none"
        " nothing on one other rival rivals since so some teams that the then there these they this"
        " today what when where who with yes you",
    )
)
"""First words of sentences that are no names."""


class TextFault(NamedTuple):
    """A rule that a text breaks."""

    rule: RuleName
    problem: str
    """What the writer is told."""


@dataclass(frozen=True)
class WrittenText:
    """The texts of a written review as the model gave them, unknown citations dropped."""

    beats: Mapping[str, str]
    claim: str
    """The forecast."""
    chances: Mapping[str, int] = field(default_factory=dict)
    """Whole percent by the id of a proposition; what was no such number is left out."""

    @cached_property
    def paragraph(self) -> str:
        """The steps joined, without Markdown."""
        return " ".join(unmarked(text) for text in self.beats.values())


@dataclass(frozen=True)
class Grounds:
    """What a text is checked against."""

    vote: Vote
    passages: Sequence[Passage]
    tool: str
    """The tool's name."""
    others: Sequence[str] = ()
    """Paragraphs of other reviewers."""
    chances: Sequence[str] = ()
    """Ids of the propositions that a probability was asked for."""


def text_faults(text: WrittenText, grounds: Grounds) -> list[TextFault]:
    """Return every rule that a text breaks, each once."""
    problems = ((rule, check(text, grounds)) for rule, check in _CHECKS.items())
    return [TextFault(rule, problem) for rule, problem in problems if problem]


def _length(text: WrittenText, grounds: Grounds) -> str:
    words = len(_CITE.sub("", text.paragraph).split())
    low, high = WORDS
    return "" if low <= words <= high else f"the review has {words} words, not 90 to 130"


def _cites(text: WrittenText, grounds: Grounds) -> str:
    cited = len(set(_CITE.findall(text.paragraph)))
    fewest = min(FEWEST_CITES, len(grounds.passages))
    return "" if cited >= fewest else f"it cites {cited} of the passages by id, not {fewest}"


def _rival(text: WrittenText, grounds: Grounds) -> str:
    if (beat := text.beats.get(RIVAL)) is None or _NONE_KNOWN.search(beat):
        return ""
    named = [*_inner_names(beat), *_CODE.findall(beat)]
    if unknown_names(f"like {', '.join(named)}", grounds.passages, tool=grounds.tool):
        return ""
    shown = " ".join(f"{p.heading} {p.text}" for p in grounds.passages).casefold()
    if any(name.casefold() not in shown for name in _CODE.findall(beat)):
        return ""
    return (
        f"{RIVAL} names no rival of your own knowledge, one that stands in no passage, and does"
        " not say that you know none"
    )


def _repeated(text: WrittenText, grounds: Grounds) -> str:
    theirs = contents(sentence for other in grounds.others for sentence in sentences(other))
    ours = [s for s in sentences(text.paragraph) if len(s.split()) >= _SENTENCE_WORDS]
    shared = sum(repeats(sentence, theirs) for sentence in ours)
    return f"{shared} of its sentences stand in another reviewer's review" if shared else ""


def _copied(text: WrittenText, grounds: Grounds) -> str:
    shown = _words_of(tuple(grounds.passages))
    for ident, beat in text.beats.items():
        plain = _QUOTED.sub(" | ", _CITE.sub("", beat))
        if any(map(shown.has_run_of, plain.split(" | "))):
            return (
                f"{ident} copies {LONGEST_COPY} words or more in a row from a passage without"
                " quotation marks"
            )
    return ""


def _forecast(text: WrittenText, grounds: Grounds) -> str:
    claim = _CITE.sub("", text.claim)
    named = _inner_names(claim) or _CODE.search(claim) or _stands_in(grounds.tool, claim)
    lacks = [
        *(() if figures(claim) else ("no date and no figure",)),
        *(() if named else ("no name",)),
    ]
    return f"the claim of forecast holds {' and '.join(lacks)}" if lacks else ""


def _chances(text: WrittenText, grounds: Grounds) -> str:
    lacking = ", ".join(ident for ident in grounds.chances if ident not in text.chances)
    return f"chances holds no whole percent of 0 to 100 for {lacking}" if lacking else ""


def _vote(text: WrittenText, grounds: Grounds) -> str:
    first = next(iter(sentences(text.paragraph)), "")
    against = bool(_AGAINST.search(first))
    speaks_for = not against and bool(_FOR.search(first))
    wrong = {"ship": against, "skip": speaks_for, "abstain": against or speaks_for}
    return "its first sentence speaks for another vote than yours" if wrong[grounds.vote] else ""


def _cut(text: WrittenText, grounds: Grounds) -> str:
    cut = [ident for ident, beat in text.beats.items() if not is_finished(unmarked(beat))]
    return f"{', '.join(cut)} stops inside a sentence" if cut else ""


_CHECKS: Final[dict[RuleName, Callable[[WrittenText, Grounds], str]]] = {
    "length": _length,
    "cites": _cites,
    "rival": _rival,
    "repeated": _repeated,
    "copied": _copied,
    "forecast": _forecast,
    "chances": _chances,
    "vote": _vote,
    "cut": _cut,
}
"""Each returns its problem, or "" where the rule holds."""

_SENTENCE_WORDS: Final = 5
"""Shorter sentences may be anybody's."""


def _inner_names(text: str) -> list[str]:
    """Return the names of a text, also the first word of a sentence where it is one."""
    inner = [f"like {_lowered(sentence)}" for sentence in sentences(text)]
    return names(" ".join(inner))


def _lowered(sentence: str) -> str:
    first, blank, rest = sentence.partition(" ")
    return (first.lower() if first.lower().strip("'’,.") in _OPENERS else first) + blank + rest


def _stands_in(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


class _Words(NamedTuple):
    """The words of passages: what no text may hold so many of unquoted, in their order."""

    known: frozenset[str]
    lines: str
    """A line a passage, every word between blanks."""

    def has_run_of(self, text: str) -> bool:
        """Tell whether a passage holds `LONGEST_COPY` words of a text in a row."""
        run: list[str] = []
        for word in (*_WORD.findall(text.casefold()), ""):  # which is no word of a passage
            if word in self.known:
                run.append(word)
                continue
            for start in range(len(run) - LONGEST_COPY + 1):
                if f" {' '.join(run[start : start + LONGEST_COPY])} " in self.lines:
                    return True
            run = []
        return False


@lru_cache(maxsize=32)
def _words_of(passages: tuple[Passage, ...]) -> _Words:
    """Return the words of passages, once for all reviewers of a tool."""
    words = [_WORD.findall(passage.text.casefold()) for passage in passages]
    lines = "\n".join(f" {' '.join(line)} " for line in words)
    return _Words(frozenset(word for line in words for word in line), lines)
