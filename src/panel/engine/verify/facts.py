"""The facts of a card, read again from the stored evidence: each must stand where it says."""

from panel.engine.verify.report import VerifyReport
from panel.evidence.facts import Fact, Facts, is_stated, read_facts
from panel.evidence.source import Evidence
from panel.review.verdict.scorecard import Scorecard


def check_facts(
    card: Scorecard, evidence: Evidence, report: VerifyReport, *, as_today: bool
) -> None:
    """Check every fact of a card, known or unknown.

    `as_today`: the card was made by this version of panel, so what is read again must be the same.
    Another version may know fewer wordings; what it did find must stand in its passage even so.
    """
    read = read_facts(evidence)
    for name in Facts.model_fields:
        told, found = getattr(card.facts, name), getattr(read, name)
        what = "" if _backed(name, told, evidence) else _unbacked(name, told)
        if not what and as_today and told != found:
            what = f"{name} is {_short(told.value)}, the evidence gives {_short(found.value)}"
        report.check("facts", not what, what, tool=card.tool.slug)


def _backed(name: str, told: Fact, evidence: Evidence) -> bool:
    if told.value is None:
        return told == Fact()
    return is_stated(name, told, evidence)


def _unbacked(name: str, told: Fact) -> str:
    where = f"{told.passage} does not say so" if told.passage else "no passage is named for it"
    return f"{name} is said to be {_short(told.value)}: {where}"


def _short(value: object) -> str:
    return "unknown" if value is None else str(value)[:60]
