"""Conditions on facts: what a criterion's `decided_by` may say, and what a fact then decides.

Where a fact of the evidence is known, code answers the criterion and no model is asked. The list of
conditions is closed. Pure; knows no persona and no prompt.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from panel.evidence.facts import Fact, Facts
from panel.reviews.weights import NO_CURVES, Curves, FittedCurve

PSource = Literal["assumed", "fitted"]
"""Where a probability that no model gave comes from: a curve that was never fitted to outcomes, or
one that `panel fit` fitted to those of a backtest."""

_Form = Literal["age", "count", "stated", "absent"]


class _Kind(NamedTuple):
    """A fact that a condition may name."""

    field: str
    """Of `Facts`."""
    form: _Form
    label: str
    """In a sentence."""


FACTS: Final[Mapping[str, _Kind]] = {
    "last_commit_age": _Kind("last_commit_age", "age", "the last commit"),
    "latest_tag_age": _Kind("latest_tag_age", "age", "the latest release or tag"),
    "commits_year": _Kind("commits_year", "count", "commits in a year"),
    "authors_year": _Kind("authors_year", "count", "authors in a year"),
    "licence": _Kind("licence", "stated", "the licence"),
    "price": _Kind("entry_price", "stated", "the entry price"),
    "archived": _Kind("archived", "absent", "the repository"),
}
"""By the name in a persona file."""


class NumericFact(NamedTuple):
    """A fact that is a number, for which a curve can be fitted."""

    name: str
    field: str
    """Of `Facts`."""
    label: str
    falls: bool
    """The greater, the less probable: an age."""


NUMERIC: Final = tuple(
    NumericFact(name, kind.field, kind.label, kind.form == "age")
    for name, kind in FACTS.items()
    if kind.form in ("age", "count")
)

_FORMS: Final[Mapping[_Form, re.Pattern[str]]] = {
    "age": re.compile(r"(?P<name>[a-z_]+) ?< ?(?P<limit>[1-9]\d{0,4}) ?d"),
    "count": re.compile(r"(?P<name>[a-z_]+) ?>= ?(?P<limit>[1-9]\d{0,4})"),
    "stated": re.compile(r"(?P<name>[a-z_]+)"),
    "absent": re.compile(r"not (?P<name>[a-z_]+)"),
}
_SHOWN: Final[Mapping[_Form, str]] = {
    "age": "{} < N d", "count": "{} >= N", "stated": "{}", "absent": "not {}",
}  # fmt: skip

ALLOWED: Final = ", ".join(_SHOWN[kind.form].format(name) for name, kind in FACTS.items())
"""All conditions there are; N is a whole number from 1 to 99999."""


class FactDecision(NamedTuple):
    """What a fact decides about a criterion."""

    answer: Literal["yes", "no"]
    p: float | None
    """Probability of yes; None where the fact is no number."""
    cites: tuple[str, ...]
    decided_by: str
    """The condition, as the persona file has it."""
    because: str
    """In words of code: no text of the evidence is in it."""
    p_source: PSource | None
    """Where the probability comes from; None where there is none."""


class _Condition(NamedTuple):
    kind: _Kind
    limit: int
    name: str
    """Of the fact."""


_Answer = Literal["yes", "no"]
_Outcome = tuple[_Answer, float | None, str]
"""Answer, probability of yes, reason."""


def check_condition(text: str) -> str:
    """Return a condition with single blanks; raise `ValueError` naming what is allowed."""
    plain = " ".join(text.split())
    _parsed(plain)
    return plain


def decide(
    conditions: Sequence[str], facts: Facts, curves: Curves = NO_CURVES, source: str = ""
) -> FactDecision | None:
    """Return what facts decide: a no before any yes, of several the least probable.

    Args:
        conditions: Of one criterion.
        facts: What is known of the tool.
        curves: Fitted ones by fact, for the probability; of other numbers it is assumed.
        source: What the curves were fitted on, in a few words.

    Returns:
        None where no condition's fact is known, or none that is known decides.
    """
    decisions = [d for text in conditions if (d := _decide(text, facts, curves, source))]
    return min(decisions, key=lambda d: (d.answer == "yes", _probability(d)), default=None)


def age_probability(days: int, half_life: int) -> float:
    """Return the probability of yes for an age: 1 today, and half of it after each half-life."""
    return round(math.pow(0.5, days / half_life), 6)


def count_probability(count: int, half: int) -> float:
    """Return the probability of yes for a count: 0 for none, one half at `half`, near 1 for many.

    1 − 0.5^(count / half): each further `half` halves what is left to 1.
    """
    return round(1 - math.pow(0.5, count / half), 6)


def _probability(decision: FactDecision) -> float:
    if decision.p is not None:
        return decision.p
    return 1.0 if decision.answer == "yes" else 0.0


@lru_cache(maxsize=256)
def _parsed(text: str) -> _Condition:
    for form, pattern in _FORMS.items():
        match = pattern.fullmatch(text)
        kind = FACTS.get(match["name"]) if match else None
        if match and kind and kind.form == form:
            return _Condition(kind, int(match.groupdict().get("limit") or 0), match["name"])
    raise ValueError(f"{text[:60]!r} is no condition on a fact: there are {ALLOWED}")


def _decide(text: str, facts: Facts, curves: Curves, source: str) -> FactDecision | None:
    condition = _parsed(text)
    fact: Fact = getattr(facts, condition.kind.field)
    if fact.value is None or fact.passage is None:
        return None
    outcome = _OUTCOMES[condition.kind.form](condition, fact)
    if outcome is None:
        return None
    answer, p, because = outcome
    p_source: PSource | None = None if p is None else "assumed"
    if p is not None and (curve := curves.get(condition.name)):
        p, p_source = curve.probability(number(fact)), "fitted"
        because = f"{because}; {_fitted_words(curve, number(fact), source)}"
    elif p is not None:
        because = f"{because}; {_assumed_words(condition)}"
    return FactDecision(answer, p, (fact.passage,), text, f"read by code, {because}", p_source)


def number(fact: Fact) -> int:
    """Return a fact that is a number as one; 0 where it is unknown."""
    return int(fact.value or 0)


def _assumed_words(condition: _Condition) -> str:
    half = "half after {:,} days" if condition.kind.form == "age" else "half at {:,}"
    return f"the probability is assumed: {half.format(condition.limit)}"


def _fitted_words(curve: FittedCurve, x: int, source: str) -> str:
    words = f"the probability is of a curve fitted on {source}"
    if curve.is_beyond(x):
        return f"{words}, which knows {curve.low:,} to {curve.high:,} only"
    return words


def _by_age(condition: _Condition, fact: Fact) -> _Outcome:
    days, limit = number(fact), condition.limit
    answer: _Answer = "yes" if days < limit else "no"
    than = "less than" if answer == "yes" else "not less than"
    age = f"{days:,} day{'s' * (days != 1)} old, {than} {limit:,}"
    return answer, age_probability(days, limit), f"{condition.kind.label} is {age}"


def _by_count(condition: _Condition, fact: Fact) -> _Outcome:
    count, limit = number(fact), condition.limit
    answer: _Answer = "yes" if count >= limit else "no"
    than = "at least" if answer == "yes" else "less than"
    because = f"{condition.kind.label} are {count:,}, {than} {limit:,}"
    return answer, count_probability(count, limit), because


def _by_statement(condition: _Condition, fact: Fact) -> _Outcome:
    return "yes", None, f"{condition.kind.label} is stated"


def _by_absence(condition: _Condition, fact: Fact) -> _Outcome | None:
    """Decide a no alone: what is not archived may still be left to itself."""
    return ("no", None, f"{condition.kind.label} is archived") if fact.value is True else None


_OUTCOMES: Final[Mapping[_Form, Callable[[_Condition, Fact], _Outcome | None]]] = {
    "age": _by_age, "count": _by_count, "stated": _by_statement, "absent": _by_absence,
}  # fmt: skip
