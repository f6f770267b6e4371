"""The facts of a scorecard as rows: label, text, and the passage where it stands. Pure."""

from panel.evidence.facts import Facts
from panel.report import figures
from panel.report.citations import Cite, line


def fact_rows(facts: Facts) -> tuple[tuple[str, str, Cite | None], ...]:
    """Return the facts as label, text and passage, what is unknown said so; () if all is."""
    rows = [
        (name, _stated(fact.value), Cite(line(fact.passage)) if fact.passage else None)
        for name, fact in (
            ("Entry price", facts.entry_price),
            ("Licence", facts.licence),
            ("Last release", facts.last_release),
            ("Released", facts.released),
            ("Open issues", facts.open_issues),
            ("Stars", facts.stars),
            ("Archived", facts.archived),
        )
    ]
    return tuple(rows) if any(cite for _, _, cite in rows) else ()


def _stated(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return line(value) or figures.UNKNOWN
