"""What changed between the evidence of a verdict and the same read anew: what counts, and what not.

A change counts where a finding cites the passage, or where it is in a fact that code reads. Counts
that move every day (stars, open issues, days since the last commit) count only where a condition
that decides a criterion turns. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from panel.evidence import activity
from panel.evidence.facts import Fact, Facts, read_facts
from panel.evidence.source import Evidence, Passage, Source
from panel.reviews.fact_rules import decide
from panel.reviews.personas import Persona
from panel.reviews.review import Review

_LABELS: Final = {
    "entry_price": "entry price",
    "licence": "licence",
    "last_release": "last release",
    "released": "day of the last release",
    "archived": "archived",
}
"""Facts of which every change counts, as people call them."""
_MOVING: Final = (
    "Open issues: ", "Open issues and pull requests: ", "Stars: ", "Downloads last month: ",
    "Likes: ", "Last push: ", "Last change: ",
)  # fmt: skip
"""How those sentences of a record begin that are another every day."""
_FEW: Final = 4
"""Words below which a passage must stand alone: so few are found in any text."""
_ALIKE: Final = 0.4
"""Share of words that two passages have in common if one became the other."""
_BESIDE: Final = 3
"""Words shown before and behind those that differ."""
_TOLD: Final = 3
"""Reasons told of one tool."""
_LENGTH: Final = 90
"""Characters shown of old and of new words."""


class Reason(BaseModel):
    """One change that counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    """A source's name, or what a fact is called."""
    before: str
    """The old words or value, cut short; "" where a fact was not stated."""
    after: str
    """The new ones; "" where the passage is gone, or the fact is not stated any more."""
    passage: bool = False
    """Whether this is a passage's words, and no fact."""

    @property
    def text(self) -> str:
        """The change in one line; what it quotes is untrusted."""
        if not self.passage:
            return f"{self.what}: {self.before or 'not stated'} → {self.after or 'not stated'}"
        quoted = f"{self.what}: “{self.before}”"
        return f"{quoted} → “{self.after}”" if self.after else f"{quoted} is gone"


class _Change(NamedTuple):
    """A reason, and where in the old evidence what changed stood; None where it did not."""

    reason: Reason
    passage: str | None = None
    source: str | None = None


def told(reasons: Sequence[Reason]) -> str:
    """Return the first reasons on one line, and how many more there are."""
    lines = [reason.text for reason in reasons[:_TOLD]]
    return "; ".join([*lines, *([f"{len(reasons) - _TOLD} more"] if reasons[_TOLD:] else [])])


@dataclass(frozen=True)
class EvidenceChanges:
    """What is another in the evidence read anew."""

    reasons: tuple[Reason, ...] = ()
    """The changes that count, facts first."""
    elsewhere: bool = False
    """Whether anything else changed than counts that move every day."""
    unread: str = ""
    """Why no verdict should be renewed: what was cited could not be read this time."""


def evidence_changes(
    before: Evidence, after: Evidence, reviews: Sequence[Review], personas: Sequence[Persona] = ()
) -> EvidenceChanges:
    """Compare the evidence that a verdict rests on with the same read anew.

    Args:
        before: All that the verdict's run stored, pages looked up included.
        after: The same sources, read anew.
        reviews: Of the verdict.
        personas: Those that were asked, for the conditions that decide their criteria.
    """
    after = _as_it_was_read(before, after)
    old, new = read_facts(before), read_facts(after)
    changes = [*_fact_changes(old, new), *_turned(old, new, reviews, personas)]
    in_facts = {change.passage for change in changes}
    texts = _Texts(after)
    for source, passage in _cited(before, reviews):
        if passage.id not in in_facts and not texts.hold(source, passage):
            changes.append(_Change(texts.reason(source, passage), passage.id, source.source))
    names = {source.source for source in after.sources}
    failed = [note for note in after.notes if note not in before.notes and "not read" in note]
    failed += [f"page on {each.topic} not read: {each.problem}" for each in after.look_ups
               if each.problem]  # fmt: skip
    if failed and any(change.source and change.source not in names for change in changes):
        return EvidenceChanges(unread="; ".join(failed))
    reasons = tuple(dict.fromkeys(change.reason for change in changes))
    return EvidenceChanges(reasons, _texts_of(before) != _texts_of(after))


def _as_it_was_read(before: Evidence, after: Evidence) -> Evidence:
    """Return the new evidence with the old passages of documents whose bytes are the same.

    Another version of the readers may cut them otherwise: that is no change of the evidence.
    """
    known = {source.sha256: source for source in before.sources}
    sources = tuple(
        source.model_copy(update={"passages": known[source.sha256].passages})
        if source.sha256 in known
        else source
        for source in after.sources
    )
    return Evidence(sources=sources, notes=after.notes, look_ups=after.look_ups)


def _fact_changes(old: Facts, new: Facts) -> Iterator[_Change]:
    for name, label in _LABELS.items():
        was, is_ = getattr(old, name), getattr(new, name)
        if was.value != is_.value and not (name == "released" and _released_anew(old, new)):
            reason = Reason(what=label, before=_shown(was), after=_shown(is_))
            yield _Change(reason, was.passage, was.source)


def _released_anew(old: Facts, new: Facts) -> bool:
    return old.last_release.value != new.last_release.value


def _shown(fact: Fact) -> str:
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    return "" if fact.value is None else _short(str(fact.value))


def _turned(
    old: Facts, new: Facts, reviews: Sequence[Review], personas: Sequence[Persona]
) -> Iterator[_Change]:
    """Yield the conditions that answer a criterion otherwise than before."""
    for conditions in dict.fromkeys(_conditions(reviews, personas)):
        was, is_ = decide(conditions, old), decide(conditions, new)
        if (decided := is_ or was) and (was and was.answer) != (is_ and is_.answer):
            reason = Reason(
                what=decided.decided_by,
                before=was.answer if was else "",
                after=is_.answer if is_ else "",
            )
            passage = was.cites[0] if was else None
            yield _Change(reason, passage, _source(old, passage))


def _conditions(
    reviews: Sequence[Review], personas: Sequence[Persona]
) -> Iterator[tuple[str, ...]]:
    asked = {(review.persona, f.criterion) for review in reviews for f in review.findings}
    for persona in personas:
        for criterion in persona.criteria:
            if criterion.decided_by and (persona.name, criterion.id) in asked:
                yield criterion.decided_by
    if not personas:
        yield from ((f.decided_by,) for r in reviews for f in r.findings if f.decided_by)


def _source(facts: Facts, passage: str | None) -> str | None:
    every = (getattr(facts, name) for name in Facts.model_fields)
    return next((fact.source for fact in every if passage and fact.passage == passage), None)


def _cited(evidence: Evidence, reviews: Iterable[Review]) -> Iterator[tuple[Source, Passage]]:
    """Yield the passages that findings of a model cite, in reading order.

    Those of code rest on facts, which are compared as such.
    """
    findings = [f for review in reviews for f in review.findings if not f.decided_by]
    cites = {cite for finding in findings for cite in finding.cites}
    for source in evidence.sources:
        yield from ((source, passage) for passage in source.passages if passage.id in cites)


def _words(source: Source, passage: Passage) -> str:
    """Return a passage on one line, without what moves every day or is compared as a fact."""
    lines = passage.text.split("\n")
    if source.role == "record":
        lines = [line for line in lines if not line.startswith(_MOVING)]
    elif activity.is_activity(source):
        lines = [line for line in lines if not activity.is_read(line)]
    return " ".join(" ".join(lines).split())


def _texts_of(evidence: Evidence) -> list[str]:
    """Return what the sources say, however it is cut and numbered; pages looked up are left out."""
    texts = [" ".join(_words(s, p) for p in s.passages) for s in evidence.gathered.sources]
    return sorted(" ".join(text.split()) for text in texts)


class _Texts:
    """The passages of evidence, looked up by what they say."""

    def __init__(self, evidence: Evidence) -> None:
        self._passages = {s.id: [_words(s, p) for p in s.passages] for s in evidence.sources}
        self._names = {source.id: source.source for source in evidence.sources}
        self._alone = {text for texts in self._passages.values() for text in texts}
        self._whole = [f" {' '.join(texts)} " for texts in self._passages.values()]

    def hold(self, source: Source, passage: Passage) -> bool:
        """Tell whether a passage still stands there, alone or cut otherwise."""
        text = _words(source, passage)
        if not text or text in self._alone:
            return True
        return len(text.split()) >= _FEW and any(f" {text} " in whole for whole in self._whole)

    def reason(self, source: Source, passage: Passage) -> Reason:
        """Return what became of a passage that does not stand there any more."""
        old = _words(source, passage)
        same = [ident for ident, name in self._names.items() if name == source.source]
        candidates = [text for ident in same for text in self._passages[ident]]
        new = max(candidates, key=lambda text: _alike(old, text), default="")
        if _alike(old, new) < _ALIKE:
            return Reason(what=source.source, before=_short(old), after="", passage=True)
        was, is_ = _differing(old.split(), new.split())
        return Reason(what=source.source, before=was, after=is_, passage=True)


def _alike(old: str, new: str) -> float:
    return SequenceMatcher(None, old.split(), new.split(), autojunk=False).ratio()


def _differing(old: list[str], new: list[str]) -> tuple[str, str]:
    """Return the words that differ, with a few beside them, of two texts that are not equal."""
    shorter = min(len(old), len(new))
    start = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    end = next((n for n in range(shorter - start) if old[-1 - n] != new[-1 - n]), shorter - start)
    return _window(old, start, end), _window(new, start, end)


def _window(words: list[str], start: int, end: int) -> str:
    first, last = max(0, start - _BESIDE), min(len(words), len(words) - end + _BESIDE)
    text = _short(" ".join(words[first:last]))
    behind = "…" if last < len(words) and not text.endswith("…") else ""
    return f"{'…' if first else ''}{text}{behind}"


def _short(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1].rstrip()}…"
