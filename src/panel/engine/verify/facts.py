"""The facts of a card, read again from the stored evidence and compared."""

from panel.engine.verify.report import VerifyReport
from panel.evidence.facts import Fact, Facts, is_stated, read_facts
from panel.evidence.kinds import with_kind
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.reviews.verdict.scorecard import Scorecard


def check_facts(
    card: Scorecard, evidence: Evidence, report: VerifyReport, *, as_today: bool
) -> None:
    """Check every fact of a card, known or unknown.

    `as_today`: this version of panel made the card, so that the facts of the evidence must be the
    same. Another version may know fewer wordings; the facts it states must still be in their
    passages.
    """
    computed = read_facts(evidence)
    for name in Facts.model_fields:
        fact, current = getattr(card.facts, name), getattr(computed, name)
        what = "" if _backed(name, fact, evidence) else _unbacked(name, fact)
        # Some facts are not written while unknown; older cards of this version did not know them.
        is_written = name in card.facts.model_fields_set or not Facts.model_fields[name].exclude_if
        if not what and as_today and is_written and fact != current:
            what = f"{name} is {_short(fact.value)}, the evidence gives {_short(current.value)}"
        report.check("facts", not what, what, tool=card.tool.slug)


def check_kind(
    card: Scorecard, tool: Tool, evidence: Evidence, report: VerifyReport, *, as_today: bool
) -> None:
    """Check that a card names the kind by which its tool was asked, and how that is known.

    `as_today`: this version of panel read the kind, so that address and evidence must give the
    same. What somebody stated, and what is unknown, stays as it was stored.
    """
    computed = with_kind(tool, evidence) if as_today and tool.kind_origin else tool
    on_card = (card.tool.kind, card.tool.kind_origin)
    for source, of in (("the run holds", tool), ("the evidence gives", computed)):
        if on_card != (of.kind, of.kind_origin):
            what = f"kind is {_short(card.tool.kind)}, {source} {_short(of.kind)}"
            report.check("facts", False, what, tool=card.tool.slug)


def _backed(name: str, fact: Fact, evidence: Evidence) -> bool:
    if fact.value is None:
        return fact == Fact()
    return is_stated(name, fact, evidence)


def _unbacked(name: str, fact: Fact) -> str:
    where = f"{fact.passage} does not say so" if fact.passage else "no passage is named for it"
    return f"{name} is said to be {_short(fact.value)}: {where}"


def _short(value: object) -> str:
    return "unknown" if value is None else str(value)[:60]
