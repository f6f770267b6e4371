"""How far runs agree, as terminal text, Markdown or JSON."""

from collections.abc import Callable, Iterator
from typing import Final

from panel.foundation.errors import InputError
from panel.report.citations import line
from panel.report.scorecard import json
from panel.report.templating import render_markdown
from panel.runs.agreement import Alpha, RunsAgreement

NOTHING: Final = "–"
HEAD: Final = ("What", "Tools", "Same", "Alpha", "95 % of resamples")


def render(found: RunsAgreement, form: str) -> str:
    """Return the agreement in one of `FORMS`, ending in a newline.

    Raises:
        InputError: it is not written in that form.
    """
    if form not in FORMS:
        raise InputError(f"agreement is not written as {form!r}",
                         hint=f"choose from {', '.join(FORMS)}")  # fmt: skip
    return FORMS[form](found)


def rows(found: RunsAgreement) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield one row of `HEAD` for each thing that is compared."""
    for alpha in (found.outcomes, found.score, found.votes, *found.personas):
        what = f"{alpha.what} (within 5 points)" if alpha.level == "interval" else alpha.what
        yield (
            line(what),
            str(alpha.tools),
            _percent(alpha.equal),
            _number(alpha.alpha),
            _span(alpha),
        )


def differing(found: RunsAgreement) -> Iterator[str]:
    """Yield one line for each disputed criterion."""
    for each in found.disputed:
        yield (
            f"{_percent(each.differ)} of {each.pairs}: {line(each.persona)} / "
            f"{line(each.criterion)}: {line(each.question)}"
        )


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.0f}%"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _span(alpha: Alpha) -> str:
    return NOTHING if alpha.low is None else f"{_number(alpha.low)} to {_number(alpha.high)}"


def _json(found: RunsAgreement) -> str:
    return json.dump({"schema": "panel.agreement/1", **found.model_dump(mode="json")}) + "\n"


def _markdown(found: RunsAgreement) -> str:
    return render_markdown(
        "agreement.md",
        found=found,
        runs=[(line(n), line(j)) for n, j in zip(found.runs, found.judges, strict=True)],
        head=HEAD,
        rows=list(rows(found)),
        disputed=list(differing(found)),
    )


def _terminal(found: RunsAgreement) -> str:
    table = [HEAD, *rows(found)]
    widths = [max(len(row[n]) for row in table) for n in range(len(HEAD))]
    lines = [
        f"{found.tools} tools that at least two of {len(found.runs)} runs decided",
        *(f"  {line(n)}: {line(j)}" for n, j in zip(found.runs, found.judges, strict=True)),
        "",
        *("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) for row in table),
    ]
    if found.disputed:
        lines += ["", "What differs most", *(f"  {each}" for each in differing(found))]
    lines += ["", f"Krippendorff's alpha; {found.resamples:,} resamples, seed {found.seed}"]
    return "".join(f"{each.rstrip()}\n" for each in lines)


FORMS: Final[dict[str, Callable[[RunsAgreement], str]]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "json": _json,
}
