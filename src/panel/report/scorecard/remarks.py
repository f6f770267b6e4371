"""What a card says beside its reviews: warnings, remarks, notes at its foot, how it was made. Pure.

All text is on one line and free of what a screen would obey or hide; a format escapes it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Final

from panel.evidence.facts import Facts
from panel.evidence.injection.detect import flagged_passages
from panel.evidence.tools.tool import KindOrigin, ToolKind
from panel.llm.families import family
from panel.report import figures
from panel.report.citations import Cite, line
from panel.reviews.propositions import proposition
from panel.reviews.review import Finding, LookedUp, Missing, Review
from panel.reviews.support_check import ONLY_COUNTED
from panel.reviews.verdict.scorecard import Scorecard

ASKED: Final = {"whole": "one reply a reviewer", "stepwise": "one question at a time"}

COMPOSED: Final = (
    "Code put the reviews together from findings and quotes: this model writes no prose and no"
    " forecasts."
)

_JUDGE: Final = ("this judge ", "this judge, ", "these judges ")
"""How the warning begins that says what the judges were measured to ship."""

PRICE: Final = "Entry price"
"""The label of the price that was read."""

KINDS: Final = {
    "library": "a library", "service": "a service", "model": "a model",
    "application": "an application", "standard": "a standard",
}  # fmt: skip
"""What a tool is, as a noun with its article."""

QUOTED: Final = 160
"""Characters of a passage that was looked up."""

FLAGGED_SHOWN: Final = 8
"""Suspicious passages shown whole; the flags name them all."""


def label(ident: str) -> str:
    """Turn the id of a written field into a label: `dx_bet` becomes `Dx bet`."""
    words = line(ident).replace("_", " ")
    return words[:1].upper() + words[1:]


def kind_text(kind: ToolKind | None, origin: KindOrigin | None) -> str:
    """Return what a tool is and how that is known; empty where it is not."""
    origins = {None: "as stated", "address": "by its address", "evidence": "by the evidence"}
    return f"{kind} ({origins[origin]})" if kind else ""


def sentence(text: str) -> str:
    """Return a remark as a sentence: with a capital and a full stop."""
    text = line(text)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def flagged(card: Scorecard) -> tuple[str, ...]:
    """Return the ids of the stored passages that the flags of the evidence name."""
    known = {p.id for source in card.evidence for p in source.passages}
    named = flagged_passages([flag for source in card.evidence for flag in source.flags])
    return tuple(ident for ident in named if ident in known)


def warnings(card: Scorecard) -> Iterator[str]:
    """Yield the card's warnings, then what is suspicious, then the passages it stands in.

    How far the judge is to be trusted is no warning: it stands at the foot.
    """
    yield from (line(warning) for warning in card.warnings if not warning.startswith(_JUDGE))
    for source in card.evidence:
        for flag in source.flags:
            yield f"{line(source.source)} ({line(source.id)}): {line(flag)}"
    texts = {p.id: line(p.text) for source in card.evidence for p in source.passages}
    for ident in flagged(card)[:FLAGGED_SHOWN]:
        yield f"{ident} reads: “{texts[ident]}”"


def notes(card: Scorecard) -> Iterator[str]:
    """Yield what a card says at its foot, as sentences."""
    titles = [review.title for review in card.reviews]
    for note in card.verdict.notes:
        # What concerns one reviewer stands with that reviewer.
        if not any(note.startswith(f"{title} ") for title in titles):
            yield sentence(note)
    if card.judges:
        yield judges(card)
    yield from _fallbacks(card)
    if (effective := card.verdict.effective_votes) is not None:
        yield (
            f"The {len(card.reviews)} reviewers are worth about {effective:.1f} independent votes."
        )
    looks = [look for review in card.reviews for look in second_looks(review)]
    if looks:
        changed = sum(before != after for _, before, after in looks)
        answers = f"{len(looks)} answers" if len(looks) > 1 else "one answer"
        outcome = f"{changed} {'were' if changed > 1 else 'was'}" if changed else "none was"
        yield f"A second look was taken at {answers}: {outcome} changed."
    if card.reviews and all(review.composed for review in card.reviews):
        yield COMPOSED
    yield from (sentence(warning) for warning in card.warnings if warning.startswith(_JUDGE))


def is_record(note: str) -> bool:
    """Tell whether a note says what the judges were measured to ship."""
    return f"{note[:1].lower()}{note[1:]}".startswith(_JUDGE)


def judges(card: Scorecard) -> str:
    """Return who answered for whom, and how many models they are, in one sentence."""
    models = dict.fromkeys(line(judge.model) for judge in card.judges)
    served = dict.fromkeys((line(judge.model), line(judge.provider)) for judge in card.judges)
    if len(served) == 1:
        count = len(card.judges)
        (model,) = models
        if count == 1:
            return f"Judge: {line(card.judges[0].persona)} by {model}."
        return (
            f"Judges: one model, {model}, answers for all {count} reviewers,"
            f" so these are not {count} independent votes."
        )
    texts = []
    for model, provider in served:
        names = [
            line(j.persona)
            for j in card.judges
            if (line(j.model), line(j.provider)) == (model, provider)
        ]
        at = f" at {provider}" if len(served) > len(models) else ""
        texts.append(f"{', '.join(names)} by {model}{at}")
    return f"Judges: {'; '.join(texts)}. {_independence([*models])}"


def _fallbacks(card: Scorecard) -> Iterator[str]:
    """Yield who was asked where a reviewer's own provider could not answer."""
    names: dict[str, list[str]] = {}
    answers: tuple[Review | Missing, ...] = (*card.reviews, *card.missing)
    for answer in answers:
        if answer.fallback:
            names.setdefault(line(answer.fallback), []).append(line(answer.persona))
    for provider, reviewers in names.items():
        every = len(reviewers) == len(card.reviews) + len(card.missing)
        whom = "all reviewers" if every else ", ".join(reviewers)
        yield f"Fallback: {provider} was asked for {whom}, whose own provider could not answer."


def _independence(models: Sequence[str]) -> str:
    """Return in one sentence how many models and model families there are."""
    families = {family(model) for model in models}
    if len(models) == 1:
        return "It is one model everywhere, so these are not independent votes."
    if len(families) == 1:
        return f"They are {len(models)} models of one family."
    return f"They are {len(models)} models of {len(families)} families."


def remarks(review: Review, card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield label and text: what was not asked of a tool of this kind, and what was missed.

    A missed fact that was looked up stands there with what was read or why nothing was.
    """
    if review.propositions:
        yield "Chances", _chances(review)
    # A library, or what may be one, is asked the common questions: nothing is missing from them.
    if (count := len(review.not_applicable)) and card.tool.kind not in (None, "library"):
        questions = "1 question that does" if count == 1 else f"{count} questions that do"
        yield "Not asked", f"{questions} not fit {KINDS.get(card.tool.kind or '', 'such a tool')}"
    if review.looked_up:
        texts = {p.id: line(p.text) for source in card.evidence for p in source.passages}
        yield "Looked up", "; ".join(_looked_up(outcome, texts) for outcome in review.looked_up)
    if again := [_again(f) for f in review.findings if f.answer_until("look_up")]:
        yield "Asked again", "; ".join(again)
    looked_up = {outcome.fact for outcome in review.looked_up}
    if missed := [line(text).rstrip(".") for text in review.to_look_up if text not in looked_up]:
        yield "To look up", "; ".join(missed)


def _chances(review: Review) -> str:
    """Return by day what the reviewer gives the propositions: `by DAY: a release 60%; …`."""
    by_day: dict[str, list[str]] = {}
    for made in review.propositions:
        known = proposition(made.proposition)
        words = known.label if known else line(made.proposition)
        chance = f"{words} {figures.probability(made.probability)}"
        by_day.setdefault(made.resolve_by.isoformat(), []).append(chance)
    return "; ".join(f"by {day}: {', '.join(chances)}" for day, chances in by_day.items())


def _looked_up(outcome: LookedUp, texts: Mapping[str, str]) -> str:
    """Return a missed fact with the nearest passage, cut at a word, or why there is none."""
    result = line(outcome.problem)
    if outcome.cites:
        nearest = shorten(texts.get(outcome.cites[0], ""), QUOTED, placeholder="…")
        result = f"“{nearest}” {' '.join(f'[{line(ident)}]' for ident in outcome.cites)}"
    return f"{line(outcome.fact).rstrip('.')}: {result}"


def _again(finding: Finding) -> str:
    before = first.answer if (first := finding.answer_until("look_up")) else finding.answer
    change = f"still {before}" if finding.answer == before else f"{before} before"
    return f"{line(finding.says).rstrip('.') or line(finding.question)} ({change})"


def caveats(review: Review, card: Scorecard) -> Iterator[str]:
    """Yield what to know about one review."""
    if review.stance not in (None, review.vote):
        yield f"asked for its own ship or skip, it said {review.stance}{_sure(review)}; not counted"
    for what, before, after in second_looks(review):
        now = f"{before} became {after}" if before != after else f"{after} stays"
        yield f"after a second look at {what}, shown what another reviewer cites: {now}"
    if review.flip_rate:
        yield f"{figures.percent(100 * review.flip_rate)} of samples voted otherwise"
    if count := review.uncited_facts:
        fact, shown = ("fact was", "it: this answer does")
        if count > 1:
            fact, shown = ("facts were", "them: these answers do")
        yield f"{count} {fact} answered without a passage that shows {shown} not count"
    if count := review.unsupported:
        are = "1 fact is not shown by the passage it cites"
        are = are if count == 1 else f"{count} facts are not shown by the passages they cite"
        yield are if ONLY_COUNTED in review.notes else f"{are}, and not counted"
    if count := review.unknown_cites:
        yield (
            "1 citation names no passage and was dropped"
            if count == 1
            else f"{count} citations name no passage and were dropped"
        )
    if claims := review.own_claims:
        listed = ", ".join(line(claim) for claim in claims)
        yield f"figures and names not in the evidence, the reviewer's own: {len(claims)} ({listed})"
    if (review.provider, review.model) != (card.provider, card.model):
        yield f"answered by {line(review.model)} at {line(review.provider)}"


def second_looks(review: Review) -> Iterator[tuple[str, str, str]]:
    """Yield what was looked at again, the first answer and the second."""
    if review.first_status:
        yield "upkeep", review.first_status.status, review.status or "unknown"
    for finding in review.findings:
        if first := finding.answer_until("second_look"):
            yield f"“{line(finding.question)}”", first.answer, finding.answer


def _sure(review: Review) -> str:
    """Return how sure the stance is, in brackets; empty where no probabilities came."""
    if review.stance_log_odds is None:
        return ""
    odds = math.exp(min(-abs(review.stance_log_odds), 0.0))
    return f" ({figures.probability(1 / (1 + odds))} sure)"


def provenance(card: Scorecard) -> Iterator[tuple[str, str]]:
    """Yield how a card was made, as label and text: provider, model, calls, tokens, cost, run."""
    usage = card.usage
    reused = f", {usage.reused_calls} answers reused" if usage.reused_calls else ""
    yield "Provider", line(card.provider)
    yield "Model", line(card.model)
    yield "Asked", f"{card.asked}: {ASKED[card.asked]}"
    yield "Calls", f"{usage.calls}{reused}"
    yield (
        "Tokens",
        figures.tokens(
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            uncounted=usage.uncounted_calls,
        ),
    )
    local = usage.cost_usd is None and card.provider == "local"
    cost = figures.money(usage.cost_usd, unpriced=usage.unpriced_calls)
    yield "Cost", "none (local model)" if local else cost
    yield "Time", figures.duration(usage.seconds)
    yield "Run", line(card.run)
    yield "Made", figures.moment(card.created)


def fact_rows(facts: Facts) -> tuple[tuple[str, str, Cite | None], ...]:
    """Return the facts as label, text and passage, `unknown` where there is none; () if all are."""
    rows = [
        (name, _fact(fact.value), Cite(line(fact.passage)) if fact.passage else None)
        for name, fact in (
            (PRICE, facts.entry_price),
            ("Licence", facts.licence),
            ("Last release", facts.last_release),
            ("Released", facts.released),
            ("Open issues", facts.open_issues),
            ("Stars", facts.stars),
            ("Archived", facts.archived),
        )
    ]
    rows += [
        (name, f"{_fact(fact.value)}{unit}", Cite(line(fact.passage)))
        for name, fact, unit in (
            ("Days since the last commit", facts.last_commit_age, ""),
            ("Days since the latest tag", facts.latest_tag_age, ""),
            ("Commits in a year", facts.commits_year, ", without bots"),
            ("Authors in a year", facts.authors_year, ", without bots"),
        )
        if fact.passage
    ]
    return tuple(rows) if any(cite for _, _, cite in rows) else ()


def _fact(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return line(value) or figures.UNKNOWN
