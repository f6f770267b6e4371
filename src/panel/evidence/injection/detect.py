"""Injection detection: text that addresses the reviewer instead of describing the tool.

Precision goes before recall: a flag makes the verdict `hold`, and honest pages write about prompts
too. A flag is a notice for a person, not a barrier; the barrier is that code decides the verdict.
Every flag is a sentence that names its passage.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, permutations
from typing import TYPE_CHECKING, Final

from panel.evidence.injection.benign import BenignCase, Context
from panel.evidence.injection.encodings import SPELLINGS, decodings
from panel.evidence.injection.patterns import (
    ABOUT_ATTACKS,
    ABOUT_VERDICTS,
    AIMED,
    FORGED,
    LABELLED_TURN,
    OUR_VERDICT,
    OVERRIDE,
    TURN,
    WITHOUT_BLANKS,
)
from panel.foundation.text import clean, one_line

if TYPE_CHECKING:  # the child that reads a document starts in half the time without Pydantic
    from panel.evidence.source import Evidence, Passage
    from panel.evidence.tools.tool import Tool

_WINDOW: Final = 220
_MAX_HIDDEN: Final = 1000
_BORDER: Final = 4
"""Passages at either end of a source that are read together with another source's."""

_MAX_FLAGS: Final = 12
"""Flags of one source at most."""

_PASSAGE_ID: Final = re.compile(r"\bE\d{1,6}\.\d{1,6}\b")
_TELLTALE: Final = re.compile(
    r"ship|vote|answer|ignore|disregard|verdict|\brate\b|forget|respond|repl[yi]", re.IGNORECASE
)
"""A decoded text without one of these words is not looked into any further."""

_TAG_RUN: Final = re.compile("[\U000e0020-\U000e007e]{10,}")
_SELECTOR_RUN: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{10,}")
_ZERO_WIDTH_RUN: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff]{16,}")
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)|[。！？]|\n")
_ATTACK_MENTION: Final = re.compile(
    r"\W{0,3}(?:is|are|was|were|as|in|and similar|and other|style|attacks?|prompts?|injections?"
    r"|payloads?"
    r"|strings?|patterns?|phrases?|tricks?|requests?)\b",
    re.IGNORECASE,
)
"""The text goes on about such an instruction instead of giving one."""
_QUOTED: Final = re.compile(r"[\"“'‘`«„「][^\"”'’`»“」\n]{0,300}[\"”'’`»“」]")


def find_flags(visible: str, *, hidden: Sequence[str], raw: str) -> tuple[str, ...]:
    """Return what only the document itself can tell, one sentence each; () for almost all.

    What its visible text says is looked into passage by passage: see `examine`.

    Args:
        visible: The text that goes to the model: only its length counts here.
        hidden: The texts that were taken out: comments, invisible elements.
        raw: The document as it was read, with its invisible characters.
    """
    flags = [*_in_hidden(hidden), *_in_characters(raw)]
    amount = sum(len(text) for text in hidden)
    if amount > max(_MAX_HIDDEN, len(visible)):
        flags.append(f"more text is hidden ({amount} characters) than shown ({len(visible)})")
    return tuple(dict.fromkeys(flags))


def examine(evidence: "Evidence", tool: "Tool") -> "Evidence":
    """Return the evidence with every source's flags: what its passages say to a reviewer.

    Instructions that are complete only when two sources are read together are flagged on the first
    of the two, and what the tool's own entry says on the first source.
    """
    flags = {s.id: [*s.flags, *_in_passages(s.passages)] for s in evidence.sources}
    for first, second in permutations(evidence.sources, 2):
        flags[first.id] += _between(first.passages, second.passages)
    if evidence.sources:
        flags[evidence.sources[0].id] += _in_entry(tool)
    sources = (
        s.model_copy(update={"flags": tuple(dict.fromkeys(flags[s.id]))[:_MAX_FLAGS]})
        for s in evidence.sources
    )
    return evidence.model_copy(update={"sources": tuple(sources)})


def flagged_passages(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the passages that flags name; ids that a page put there do not count."""
    return tuple(dict.fromkeys(i for f in flags for i in _PASSAGE_ID.findall(f.partition("“")[0])))


class _Joined:
    """Passages as one text that knows where each of them stands."""

    def __init__(self, passages: Sequence["Passage"], between: str = "\n") -> None:
        self.text = between.join(p.text for p in passages)
        self.passages = passages
        self.starts = [0, *accumulate(len(p.text) + 1 for p in passages)][: len(passages)]

    def ids(self, match: re.Match[str]) -> tuple[str, ...]:
        """Return the ids of the passages that a match covers, in order."""
        return tuple(self.passages[n].id for n in self._places(match))

    def in_code(self, match: re.Match[str]) -> bool:
        return all(self.passages[n].kind == "code" for n in self._places(match))

    def around(self, match: re.Match[str]) -> Context:
        """Return the context for exceptions: nothing beyond the passages of the match."""
        places = self._places(match)
        if not places:
            return _around(self.text, match)
        start = self.starts[places[0]]
        end = self.starts[places[-1]] + len(self.passages[places[-1]].text)
        context = _around(self.text[start:end], match, start)
        return replace(context, heading=self.passages[places[0]].heading)

    def _places(self, match: re.Match[str]) -> range:
        first = bisect_right(self.starts, _start(match)) - 1
        return range(first, bisect_right(self.starts, max(match.start(), match.end() - 1)))


def _around(text: str, match: re.Match[str], offset: int = 0) -> Context:
    """Return the sentence of a match, and the one before it; `offset` is where `text` begins."""
    first, last = max(0, _start(match) - offset), match.end() - offset
    ends = [sentence_end.end() for sentence_end in _SENTENCE_END.finditer(text, 0, first)]
    begin = ends[-1] if ends else 0
    before = ends[-2] if len(ends) > 1 else 0
    closing = _SENTENCE_END.search(text, max(first, last - 1))
    end = closing.end() if closing else len(text)
    return Context(match.group(), text[begin:end], text[before:begin] if ends else "")


def _in_passages(passages: Sequence["Passage"]) -> Iterator[str]:
    text = _Joined(passages)
    for meaning, match in _injections(text.text, text):
        yield _flag(meaning, text.text, match, text.ids(match))
    for passage in passages:
        for encoding, decoded, order in _encoded(passage.text):
            yield _flag(f"holds an order in {encoding}", decoded, order, (passage.id,))
    for heading, ident in _headings(passages).items():
        for meaning, match in _injections(heading):
            yield _flag(f"stands under a heading that {meaning}", heading, match, (ident,))
        for encoding, decoded, order in _encoded(heading):
            meaning = f"stands under a heading with an order in {encoding}"
            yield _flag(meaning, decoded, order, (ident,))


def _encoded(text: str) -> Iterator[tuple[str, str, re.Match[str]]]:
    plain = _aimed_at_reviewer(text)
    for encoding, decoded in decodings(text):
        if plain is not None and encoding in SPELLINGS:
            continue  # what stands there without it is judged with what stands around it
        if _TELLTALE.search(decoded) and (match := _aimed_at_reviewer(decoded)):
            yield encoding, decoded, match


def _between(first: Sequence["Passage"], second: Sequence["Passage"]) -> Iterator[str]:
    text = _Joined((*first[-_BORDER:], *second[:_BORDER]), between=" ")
    for meaning, match in _injections(text.text):
        ids = text.ids(match)
        if ids[0].partition(".")[0] != ids[-1].partition(".")[0]:
            yield _flag(meaning, text.text, match, ids)


def _in_entry(tool: "Tool") -> Iterator[str]:
    fields = (tool.name, tool.url, tool.category, tool.tagline, tool.price, tool.description)
    entry = "\n".join(filter(None, fields))
    from panel.evidence.source import Passage

    passage = Passage(id="", text=clean(entry)[0])
    for flag in (*_in_passages((passage,)), *_in_characters(entry)):
        yield f"the tool's own entry {flag}"


def _headings(passages: Sequence["Passage"]) -> dict[str, str]:
    """Return every heading, with the first passage that stands under it."""
    headings: dict[str, str] = {}
    for passage in passages:
        for part in passage.heading.split(" › "):
            headings.setdefault(part, passage.id)
    return headings


def _injections(text: str, joined: _Joined | None = None) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the meaning and first match of each pattern that applies.

    Without `joined`, the text is a heading or lies across two sources: no exception applies there.
    """
    for pattern, meaning, exception in AIMED:
        for match in pattern.finditer(text):
            if joined is None or not _is_exempt(exception, joined.around(match)):
                yield meaning, match
                break
    for match in OVERRIDE.finditer(text):
        if not _is_example(text, match, joined):
            yield "asks to ignore instructions", match
            break
    yield from _forged(text)


def _is_exempt(exception: BenignCase | None, context: Context) -> bool:
    return exception is not None and exception(context)


def _forged(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for pattern, meaning, context_pattern in (
        (TURN, "forges a chat turn", ABOUT_VERDICTS),
        (LABELLED_TURN, "forges a chat turn", OUR_VERDICT),
        (FORGED, "forges a part of the prompt", ABOUT_VERDICTS),
    ):
        for match in pattern.finditer(text):
            if context_pattern.search(text[match.end() : match.end() + _WINDOW]):
                yield meaning, match
                break


def _aimed_at_reviewer(text: str) -> re.Match[str] | None:
    patterns = (OVERRIDE, *(pattern for pattern, _, _ in AIMED), WITHOUT_BLANKS)
    return next((match for regex in patterns if (match := regex.search(text))), None)


def _in_hidden(hidden: Sequence[str]) -> Iterator[str]:
    text = clean("\n".join(hidden))[0]
    patterns = (OVERRIDE, *(pattern for pattern, _, _ in AIMED), TURN, LABELLED_TURN)
    if match := next((match for regex in patterns if (match := regex.search(text))), None):
        yield _flag("hidden text speaks to the reviewer", text, match)
        return
    for encoding, decoded in decodings(text):
        if match := _aimed_at_reviewer(decoded):
            yield _flag(f"hidden text holds an order in {encoding}", decoded, match)


def _in_characters(raw: str) -> Iterator[str]:
    if match := _TAG_RUN.search(raw):
        letters = "".join(chr(ord(letter) - 0xE0000) for letter in match.group())
        yield f"text written in invisible characters: “{_excerpt(letters)}”"
    if _SELECTOR_RUN.search(raw) or _ZERO_WIDTH_RUN.search(raw):
        yield "data written in invisible characters"


def _is_example(text: str, match: re.Match[str], joined: _Joined | None) -> bool:
    """Tell a quoted example, as pages about prompt injection give, from an instruction.

    An example that goes on about verdicts is aimed at us, whatever stands around it.
    """
    if ABOUT_VERDICTS.search(text[match.end() : match.end() + _WINDOW]):
        return False
    start = max(0, match.start() - 300)
    around = text[start : match.end() + 300]
    at = match.start() - start
    if any(quotation.start() < at < quotation.end() for quotation in _QUOTED.finditer(around)):
        return True
    if _ATTACK_MENTION.match(text, match.end()) and ABOUT_ATTACKS.search(around):
        return True
    in_code = joined is not None and joined.in_code(match)
    return in_code and ABOUT_ATTACKS.search(around) is not None


def _flag(meaning: str, text: str, match: re.Match[str], ids: Sequence[str] = ()) -> str:
    start = _start(match)
    excerpt = _excerpt(text[start : max(match.end(), start + 60)])
    location = " and ".join(dict.fromkeys(i for i in (*ids[:1], *ids[-1:]) if i))
    return f"{location} {meaning}: “{excerpt}”".strip()


def _start(match: re.Match[str]) -> int:
    """Return where the words of a match begin: a pattern may take the full stop before them."""
    matched = match.group()
    return match.start() + len(matched) - len(matched.lstrip(' \n\t.!?:;>*_|]"“'))


def _excerpt(text: str) -> str:
    return one_line(text).replace("“", '"').replace("”", '"')[:80]
