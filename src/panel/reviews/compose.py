"""A review composed by code: a few sentences made of findings and quotes.

Pure, and independent of how the findings were had. A clause is a finding's own statement, a
verbatim quote of the passage that it cites, or the vote in the persona's words, so that no sentence
says more than the findings do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from panel.evidence.source import Passage
from panel.reviews.personas import Criterion, Persona
from panel.reviews.prompts import Brief
from panel.reviews.quotes import excerpt
from panel.reviews.review import Answer, Finding, Vote
from panel.reviews.score import Rule, ScoredReviewer, score_findings, supported_no
from panel.reviews.shortlist import BAD_NEWS, nearest, pieces, tells_bad_news

MOST: Final = 2
"""Statements in a sentence."""

OPEN: Final = "I could not tell "
"""How a shipped reviewer's statement begins about what is unclear: it is true whatever was
searched, and says nothing about the page."""

GUESSED: Final = "The model guesses that "
"""How a statement begins that rests on no passage: a report of the answer, not of the tool."""

NOTICED: Final = ", since the evidence says that it is deprecated or replaced"
"""How a statement ends that a notice answers: the passage shows the notice, not what follows."""

_SIDES: Final[Mapping[Vote, tuple[Answer, Answer]]] = {
    "ship": ("yes", "no"),
    "skip": ("no", "yes"),
    "abstain": ("yes", "no"),
}
"""Answers that speak for a vote, and against it."""

_NO_REASON: Final[Mapping[Vote, str]] = {
    "ship": "what I asked was answered well enough",
    "skip": "what speaks for it is not enough",
    "abstain": "too few of my questions could be answered",
}
"""Where passages alone come to the vote, and none of them to a statement on its side."""

_WOULD: Final[Mapping[Vote, str]] = {
    "ship": "ship it", "skip": "skip it", "abstain": "not vote",
}  # fmt: skip

_IN_PROSE: Final = re.compile(r" \(“(.+?)”\) \[(E\d+\.\d+)\]")


def compose(
    persona: Persona, findings: Sequence[Finding], *, vote: Vote, brief: Brief, rule: Rule
) -> str:
    """Return a few sentences: the vote and its reasons, what speaks against, guesses, what is open.

    What no passage shows is no reason: it is told as a guess. Where guesses make the vote, the
    first sentences say so.

    Args:
        persona: Whose criteria and opening words they are.
        findings: Its findings, one a criterion.
        vote: The vote that they come to.
        brief: The tool, and the passages that findings cite.
        rule: The numbers by which findings come to a vote.
    """
    for_vote, against_vote = _SIDES[vote]
    writer = _Writer(persona, brief)
    ranked = _ranked(persona.criteria, findings)
    shown = [finding for finding in ranked if not is_guess(finding)]
    reasons = [] if vote == "abstain" else _some(shown, for_vote)
    clauses = [writer.clause(finding, quote=not n) for n, finding in enumerate(reasons)]
    alone = vote_without_guesses(persona, findings, rule)
    paragraph = [f"{writer.opening(vote)}: {_because(clauses, vote, alone)}."]
    if against := [writer.clause(finding) for finding in _some(shown, against_vote)]:
        lead = "For it" if vote == "skip" else "Against it"
        paragraph.append(f"{lead}: {_reasons(against)}.")
    guesses = [finding for finding in ranked if is_guess(finding)]
    if told := _guesses(_some(guesses, for_vote), _some(guesses, against_vote)[:1]):
        paragraph.append(told)
    facts = [finding for finding in ranked if finding.kind == "fact"]
    if unclear := _some(facts, "unclear"):
        paragraph.append(_left_open([statement(finding) for finding in unclear]))
    return " ".join(paragraph)


def vote_without_guesses(persona: ScoredReviewer, findings: Sequence[Finding], rule: Rule) -> Vote:
    """Return the vote of the findings that are no guesses of the model."""
    shown = [finding for finding in findings if not is_guess(finding)]
    return score_findings(persona, shown, rule).vote


def prose_quotes(summary: str) -> dict[str, str]:
    """Return by passage what a composed review quotes of it."""
    return {match[2]: match[1] for match in _IN_PROSE.finditer(summary)}


def quoted(passage: Passage) -> str:
    """Return a passage word for word, with its id."""
    return f"“{passage.text.strip()}” [{passage.id}]"


def turning_fact(persona: ScoredReviewer, findings: Sequence[Finding], rule: Rule) -> str:
    """Return the finding that alone would turn the vote, were it answered the other way.

    Of several it is the one that moves the score most, and how many others would is said; "" where
    no single finding turns the vote. A guess is no fact, so none is named, and none where guesses
    make the vote: it turns on them.
    """
    now = score_findings(persona, findings, rule)
    if vote_without_guesses(persona, findings, rule) != now.vote:
        return ""
    turning: list[tuple[float, Finding]] = []
    for place, finding in enumerate(findings):
        for flipped in _flips(finding):
            others = [*findings[:place], flipped, *findings[place + 1 :]]
            then = score_findings(persona, others, rule)
            if {now.vote, then.vote} == {"ship", "skip"}:
                turning.append((abs((then.score or 0.0) - (now.score or 0.0)), finding))
    named = [pair for pair in turning if not is_guess(pair[1])]
    if not named:
        return ""
    _, finding = max(named, key=lambda pair: pair[0])
    more = len({id(other) for _, other in turning}) - 1
    answers = f"{more} other answer{'s' if more > 1 else ''}"
    tail = f"; {answers} would turn it, too" if more else ""
    return f"{statement(finding).removeprefix(OPEN)}{_ids(finding)}{tail}"


def noticed(statement: str) -> str:
    """Return a statement that follows from a notice as one that does; "" stays."""
    return f"{statement.rstrip('.')}{NOTICED}" if statement else ""


def guessed(statement: str) -> str:
    """Return a statement that no passage shows as what it is: the model's guess; "" stays."""
    return f"{GUESSED}{_inside(statement)}" if statement else ""


def is_guess(finding: Finding) -> bool:
    """Tell whether a finding is told as a guess."""
    return finding.says.startswith(GUESSED)


def statement(finding: Finding) -> str:
    """Return what a finding says about the tool, without a full stop."""
    if finding.says:
        return finding.says.strip().rstrip(".")
    if finding.answer == "unclear":
        return f"nothing shows the answer to “{finding.question}”"
    return f"asked “{finding.question}”, I answer {finding.answer}"


@dataclass(frozen=True)
class _Writer:
    """The clauses of one review."""

    persona: Persona
    brief: Brief

    def opening(self, vote: Vote) -> str:
        """Return the vote in the persona's words, with the tool's name."""
        words = {"ship": self.persona.opening.ship, "skip": self.persona.opening.skip}
        opening = words.get(vote, "I cannot say whether to ship with {tool}")
        return opening.replace("{tool}", " ".join(self.brief.tool.name.split()))

    def clause(self, finding: Finding, *, quote: bool = False) -> str:
        """Return a finding's statement, cited, with the words of the passage where asked for."""
        words = _inside(statement(finding))
        excerpt = self._excerpt(finding) if quote else ""
        return f"{words}{excerpt}{_ids(finding)}"

    def _excerpt(self, finding: Finding) -> str:
        """Return what is quoted of the cited passage, in quotes and brackets."""
        passages = {p.id: p for p in self.brief.passages}
        cited = [passages[ident] for ident in finding.cites if ident in passages]
        if not cited or (cited[0].kind == "code" and "\n" in cited[0].text.strip()):
            return ""  # lines of code run together would be no quote
        criterion = next(c for c in self.persona.criteria if c.id == finding.criterion)
        words = f"{criterion.question} {criterion.cues}"
        if finding.decided_by:
            words = finding.because
        elif finding.answer == "no" and criterion.notice:
            words = f"{criterion.notice} {BAD_NEWS}"
        texts = pieces(cited[0])
        good = [text for text in texts if not tells_bad_news(text)]
        if finding.answer == "yes" and len(good) < len(texts):
            # A sentence on the end of something is no reason for the tool.
            texts = [good[nearest(words, good)]] if good else []
        if texts and criterion.shown_by == "top":
            texts = texts[:1]  # a page says first what the tool is
        elif texts and cited[0].kind != "prose":  # items run together would not read in a sentence
            texts = [texts[nearest(words, texts)]]
        return f" (“{excerpt(cited[0], texts, words).text}”)" if texts else ""


def _ranked(criteria: Sequence[Criterion], findings: Sequence[Finding]) -> list[Finding]:
    """Order findings by what they did to the vote; one that forces it, then cited ones, first."""
    weights = {c.id: c.weight for c in criteria}
    breaking = {c.id for c in criteria if c.dealbreaker}

    def pull(finding: Finding) -> tuple[bool, bool, float]:
        forces = finding.criterion in breaking and supported_no(finding)
        sure = 0.5 if finding.p is None else abs(finding.p - 0.5)
        return not forces, not finding.cites, -weights.get(finding.criterion, 0.0) * sure

    return sorted(findings, key=pull)


def _some(ranked: Sequence[Finding], answer: Answer) -> list[Finding]:
    return [finding for finding in ranked if finding.answer == answer][:MOST]


def _flips(finding: Finding) -> Iterator[Finding]:
    """Yield the finding answered otherwise, as surely as it was answered."""
    sides: Sequence[Answer] = ("yes", "no")
    for answer in sides:
        if answer == finding.answer:
            continue
        p = finding.p
        if p is not None:
            p = max(p, 1 - p) if answer == "yes" else min(p, 1 - p)
        yield finding.model_copy(update={"answer": answer, "p": p})


def _because(clauses: Sequence[str], vote: Vote, alone: Vote) -> str:
    """Return what follows the vote: its reasons, and that guesses make it where they do.

    Args:
        clauses: Statements of passages on the vote's side.
        vote: The vote.
        alone: The vote that passages alone come to.
    """
    if vote == alone:
        return _reasons(clauses) or _NO_REASON[vote]
    if clauses:
        decided = f"My guesses decide it: from passages alone I would {_WOULD[alone]}"
        return f"{_reasons(clauses)}. {decided}"
    return f"my guesses decide it, and from passages alone I would {_WOULD[alone]}"


def _left_open(statements: Sequence[str]) -> str:
    """Return in one sentence what is unclear."""
    if all(words.startswith(OPEN) for words in statements):
        return f"{OPEN}{', nor '.join(words.removeprefix(OPEN) for words in statements)}."
    return f"Not settled: {_joined([_inside(words) for words in statements])}."


def _guesses(towards: Sequence[Finding], otherwise: Sequence[Finding]) -> str:
    """Return in one sentence what the model guesses towards the vote, and against it."""
    text = ", and ".join(_guess(finding) for finding in towards)
    against = ", and ".join(_guess(finding) for finding in otherwise)
    both = ", but ".join(filter(None, [text, against]))
    several = "es" if len(towards) + len(otherwise) > 1 else ""
    return f"My guess{several}, from no passage: {both}." if both else ""


def _guess(finding: Finding) -> str:
    return finding.says.removeprefix(GUESSED).rstrip(".")


def _inside(statement: str) -> str:
    """Return a statement as it stands inside a sentence."""
    first = statement.split()[0]
    if first == "I" or first[1:].isupper():  # an acronym stays as it is
        return statement
    return statement[:1].lower() + statement[1:]


def _reasons(clauses: Sequence[str]) -> str:
    """Join clauses; what several follow from is said once, behind the last that does."""
    since = [place for place, clause in enumerate(clauses) if NOTICED in clause]
    return _joined(
        clause.replace(NOTICED, "") if place in since[:-1] else clause
        for place, clause in enumerate(clauses)
    )


def _joined(clauses: Iterable[str]) -> str:
    return ", and ".join(clauses)


def _ids(finding: Finding) -> str:
    return "".join(f" [{ident}]" for ident in finding.cites)
