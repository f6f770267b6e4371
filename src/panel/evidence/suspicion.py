"""Suspicion: text that speaks to the reviewer instead of about the tool.

Precise rather than eager: a flag makes the verdict `hold`, and honest pages write about prompts
too. It is a notice for a person, not a barrier; the barrier is that code decides the verdict.
"""

import re
from collections.abc import Sequence
from typing import Final

from panel.untrusted import clean, printable

_WINDOW: Final = 220
_MUCH_HIDDEN: Final = 1000
_TAG_RUN: Final = re.compile("[\U000e0020-\U000e007e]{10,}")
_SELECTOR_RUN: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{10,}")

_OVERRIDE: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|of|the|your|my|these|every)\s+)*"
    r"(?:(?:previous|prior|above|earlier|preceding)\s+(?:\w+\s+)?|(?<=your\s)system\s+)"
    r"(?:instructions?|prompts?|directions?|directives?|guidelines?)\b",
    re.IGNORECASE,
)
_READER: Final = (
    r"(?:(?:AI|LLM|GPT|language[- ]model|automated|model|machine)s?[\s-]+(?:\w+\s+)?"
    r"(?:reviewer|judge|evaluator|grader|panel|panelist|rater|assistant|agent|model)s?"
    r"|(?:reviewer|judge|evaluator|panelist|grader)s?"
    r"|(?:an?|any|all|the)\s+(?:AI|LLM|language model|chatbot)s?)"
)
_MODAL: Final = r"(?:must|should|shall|please|always|you will|[,:])"
_VERB: Final = (
    r"(?:vote|answer|say|output|choose|return|mark|rate|score|give|recommend|approve|respond|reply"
    r"|conclude|report|write|assign|award)"
)
_PRIZE: Final = (
    r"(?:\bship\b|[\"'“]?\byes\b[\"'”]?|10\s*/\s*10|10 out of 10|100\s*%"
    r"|\bpositive(?:ly)?\b|\bfavou?rabl[ey]\b"
    r"|\b(?:top|highest|maximum|max|full|perfect|best)\s+(?:score|rating|marks?|grade|verdict))"
)
_ADDRESS: Final = re.compile(
    rf"\b{_READER}\b.{{0,80}}?{_MODAL}\s*\b{_VERB}\b\W+(?:\w+\W+){{0,6}}?{_PRIZE}(?!\W+or\b)",
    re.IGNORECASE | re.DOTALL,
)
_ORDER: Final = re.compile(
    r"(?:^|[.!?:;>*_\"“\n]\s*|\b(?:you must|please|always|just|simply|and|then|must)\s+)"
    r"(?:vote|answer|choose|output|respond with|reply with|recommend(?: to)?|return|say)\s+"
    r"(?:[\"'“]?ship\b[\"'”]?(?!\W+(?:or|and|faster|it)\b)"
    r"|[\"'“]?yes[\"'”]?\s+(?:to|for|on)\s+(?:all|every|each|any))"
    r"|\b(?:when|if)\s+(?:you\s+are\s+)?asked\b.{0,80}?,\s*(?:answer|say|respond|reply)\s+"
    r"(?:with\s+)?[\"'“]?yes\b"
    r"|\banswers?\s+to\s+(?:each|every|all)\s+(?:\w+\s+){0,4}(?:is|are|must be)\s+[\"'“]?yes\b",
    re.IGNORECASE,
)
_VERDICT: Final = re.compile(
    r"[\"'](?:verdict|outcome|vote|stance|decision|answer)[\"']\s*:\s*[\"'](?:ship|yes)[\"']"
    r"|\bverdict\s*(?::|is|=)\s*[\"'“*]*ship\b(?!\W+(?:or|above|below|at|when|if|only|and)\b)",
    re.IGNORECASE,
)
_TURN: Final = re.compile(
    r"<\|(?:im_start|start_header_id|system|user|assistant|end|im_end|eot_id)\|>\s*(?:\w+)?"
    r"|\[/INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜(?:User|Assistant)｜>",
    re.IGNORECASE,
)
_FORGED: Final = re.compile(
    r"\b(?:BEGIN|END)(?: OF)?(?: THE)? (?:DATA|EVIDENCE|UNTRUSTED(?: \w+)?)\b"
)
_ABOUT_VERDICTS: Final = re.compile(
    rf"\b(?:ship|verdict|review(?:er|ing)?|rating|rate this|vote)\b|{_PRIZE}",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"[\"“'‘`«][^\"”'’`»\n]{0,300}[\"”'’`»]")


def flags(visible: str, *, hidden: Sequence[str], raw: str) -> tuple[str, ...]:
    """Return what a person should know about a source, one line each; () for almost all.

    Args:
        visible: The text that goes to the model.
        hidden: The texts that were taken out: comments, invisible elements.
        raw: The document as it was read, with its invisible characters.
    """
    found = [*_in_visible(visible), *_in_hidden(hidden), *_in_characters(raw)]
    amount = sum(len(text) for text in hidden)
    if amount > max(_MUCH_HIDDEN, len(visible)):
        found.append(f"more text is hidden ({amount} characters) than shown ({len(visible)})")
    return tuple(dict.fromkeys(found))


def _in_visible(text: str) -> list[str]:
    found = []
    for pattern, what in (
        (_ADDRESS, "tells a reviewer what to answer"),
        (_ORDER, "tells a reviewer what to answer"),
        (_VERDICT, "holds a ready-made verdict"),
    ):
        if match := pattern.search(text):
            found.append(_say(what, text, match))
    for match in _OVERRIDE.finditer(text):
        near = text[match.end() : match.end() + _WINDOW]
        if _ABOUT_VERDICTS.search(near) or not _inside_quotes(text, match):
            found.append(_say("asks to ignore instructions", text, match))
            break
    for pattern, what in (
        (_TURN, "forges a chat turn"),
        (_FORGED, "forges the end of the evidence"),
    ):
        for match in pattern.finditer(text):
            if _ABOUT_VERDICTS.search(text[match.end() : match.end() + _WINDOW]):
                found.append(_say(what, text, match))
                break
    return found


def _in_hidden(hidden: Sequence[str]) -> list[str]:
    text = clean("\n".join(hidden))[0]
    patterns = (_OVERRIDE, _ADDRESS, _ORDER, _VERDICT, _TURN)
    matches = (pattern.search(text) for pattern in patterns)
    match = next((one for one in matches if one), None)
    return [_say("hidden text speaks to the reviewer", text, match)] if match else []


def _in_characters(raw: str) -> list[str]:
    found = []
    if match := _TAG_RUN.search(raw):
        letters = "".join(chr(ord(letter) - 0xE0000) for letter in match.group())
        found.append(f"text written in invisible characters: “{printable(letters)[:80]}”")
    if _SELECTOR_RUN.search(raw):
        found.append("data written in invisible characters")
    return found


def _inside_quotes(text: str, match: re.Match[str]) -> bool:
    """Tell a quoted example, as pages about prompt injection give, from an order."""
    start = max(0, match.start() - 300)
    around = text[start : match.end() + 300]
    at = match.start() - start
    return any(one.start() < at < one.end() for one in _QUOTED.finditer(around))


def _say(what: str, text: str, match: re.Match[str]) -> str:
    excerpt = " ".join(printable(text[match.start() : match.start() + 100]).split())
    return f"{what}: “{excerpt[:80]}”"
