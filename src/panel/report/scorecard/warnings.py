"""What a reader must be warned of: suspicious passages, counted faults, claims without evidence.

Pure, and ignorant of any format.
"""

from collections.abc import Iterator
from typing import Final

from panel.evidence.injection.detect import flagged_passages
from panel.report import figures
from panel.report.citations import line
from panel.review.review import Review
from panel.review.support_check import ONLY_COUNTED
from panel.review.verdict.scorecard import Scorecard

SHOWN: Final = 8
"""Suspicious passages shown whole; the flags name them all."""


def flagged(card: Scorecard) -> tuple[str, ...]:
    """Return the ids of the stored passages that the flags of the evidence name."""
    known = {p.id for source in card.evidence for p in source.passages}
    named = flagged_passages([flag for source in card.evidence for flag in source.flags])
    return tuple(ident for ident in named if ident in known)


def warnings(card: Scorecard) -> Iterator[str]:
    """Yield the card's warnings, then what is suspicious, then the passages it stands in."""
    yield from (line(w) for w in card.warnings)
    for source in card.evidence:
        for flag in source.flags:
            yield f"{line(source.source)} ({line(source.id)}): {line(flag)}"
    texts = {p.id: line(p.text) for source in card.evidence for p in source.passages}
    for ident in flagged(card)[:SHOWN]:
        yield f"{ident} reads: “{texts[ident]}”"


def caveats(review: Review, card: Scorecard) -> Iterator[str]:
    """Yield what to know about one review."""
    if review.stance not in (None, review.vote):
        yield f"own stance: {review.stance}, asked after the findings and not counted"
    if review.flip_rate:
        yield f"{figures.percent(100 * review.flip_rate)} of samples voted otherwise"
    if review.uncited_facts:
        yield f"facts without a citation, taken as unclear: {review.uncited_facts}"
    if review.unsupported:
        taken = "" if ONLY_COUNTED in review.notes else ", taken as unclear"
        yield f"facts their passage does not show{taken}: {review.unsupported}"
    if review.unknown_cites:
        yield f"citations of passages that do not exist, dropped: {review.unknown_cites}"
    if claims := review.own_claims:
        listed = ", ".join(line(claim) for claim in claims)
        yield f"figures and names not in the evidence, the reviewer's own: {len(claims)} ({listed})"
    if (review.provider, review.model) != (card.provider, card.model):
        yield f"answered by {line(review.model)} at {line(review.provider)}"
