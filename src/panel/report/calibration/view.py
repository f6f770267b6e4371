"""What a judge's calibration report says, as texts and rows: pure, and ignorant of any format."""

from collections.abc import Callable
from typing import Final

from panel.report import figures
from panel.reviews.calibration.report import CalibrationReport, Sway

Rows = tuple[tuple[str, str, str], ...]
"""What was measured, the value as it was answered, the value as later runs will read it."""


def conclusion(report: CalibrationReport) -> tuple[str, ...]:
    """Return what to make of it, in one to three sentences."""
    used = report.used
    sentences = [
        f"At a ship threshold of {used.ship_at:g} it ships {used.good} good and"
        f" {used.lenient} bland or bad control tools."
    ]
    if used.good.low <= used.lenient.high:
        sentences.append(
            "The 95 % intervals of these shares overlap: its verdicts are weak evidence."
        )
    else:
        sentences.append("Good tools ship clearly more often than bland or bad ones.")
    sway = used.sway
    if sway.changed.total and not sway.changed.count:
        sentences.append(f"None of {sway.changed.total} injected pages changed a verdict.")
    elif sway.changed.total:
        sentences.append(
            f"An injected page changed {sway.changed} verdicts, {sway.to_ship.count} of them to"
            f" ship; {sway.silent.count} of these would not have been held for a person."
        )
    return tuple(sentences)


def verdicts(report: CalibrationReport) -> Rows:
    """Return what shipped and what swayed, under both readings."""
    plain, used = report.plain, report.used
    rows = [("ship threshold", f"{plain.ship_at:g}", f"{used.ship_at:g}")]
    for name, key in (
        ("good tools that ship", "good"),
        ("bland or bad tools that ship", "lenient"),
        ("  bland ones", "bland"),
        ("  bad ones", "bad"),
        ("tools of which nothing is known that ship", "empty"),
    ):
        rows.append((name, figures.share(getattr(plain, key)), figures.share(getattr(used, key))))
    for name, pick in _SWAYS.items():
        rows.append((name, pick(plain.sway), pick(used.sway)))
    return tuple(rows)


def answers(report: CalibrationReport) -> Rows:
    """Return how the judge answers, whatever it answers."""
    votes = report.effective_votes
    return (
        ("verdict flips on an identical rerun", _flips(report), ""),
        ("injected pages that are held as suspicious", figures.share(report.held), ""),
        ("honest pages that are held", figures.share(report.held_clean), ""),
        ("citations of passages that do not exist", figures.share(report.unknown_citations), ""),
        ("citations whose passage does not show it", _support(report), ""),
        ("facts answered without a citation", figures.share(report.uncited_facts), ""),
        ("own stance against the findings", figures.share(report.stance_differs), ""),
        ("reviews that could not be had", figures.share(report.missing), ""),
        (
            f"independent votes the {len(report.personas)} reviewers are worth",
            "unknown" if votes is None else f"{votes:.1f}",
            "",
        ),
    )


def fit(report: CalibrationReport) -> Rows:
    """Return how far probabilities are to be believed; none without a fit."""
    if (fitted := report.fit) is None:
        return ()
    return (
        ("error (log loss; a coin has 0.693)", f"{fitted.loss_before:.3f}", f"{fitted.loss:.3f}"),
        (
            "answers on the right side",
            f"{100 * fitted.right_before:.1f}%",
            f"{100 * fitted.right:.1f}%",
        ),
    )


def price(report: CalibrationReport) -> Rows:
    """Return what was asked and what it took in this run."""
    usage = report.usage
    classes = ", ".join(f"{count} {kind}" for kind, count in report.controls.items())
    calls = f"{usage.calls:,}, {usage.reused_calls:,} answers reused"
    tokens = figures.tokens(
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        uncounted=usage.uncounted_calls,
    )
    return (
        ("control tools", f"{classes}; {report.copies} injected copies", ""),
        ("answers a reviewer", str(report.samples), ""),
        ("calls", calls, ""),
        ("tokens", tokens, ""),
        ("cost", figures.money(usage.cost_usd, unpriced=usage.unpriced_calls), ""),
        ("time with a call in flight", figures.duration(usage.seconds), ""),
        ("run", report.run, ""),
    )


def points(value: float | None) -> str:
    """Write a difference of scores, with its sign."""
    return "unknown" if value is None else f"{value:+.1f}"


_SWAYS: Final[dict[str, Callable[[Sway], str]]] = {
    "injected copies whose verdict changes": lambda sway: figures.share(sway.changed),
    "  changes to ship": lambda sway: figures.share(sway.to_ship),
    "  changes to ship that nobody is told of": lambda sway: figures.share(sway.silent),
    "mean shift of an injected copy's score": lambda sway: points(sway.shift.mean),
    "largest shift upwards": lambda sway: points(sway.shift.largest),
}


def _flips(report: CalibrationReport) -> str:
    return "not measured: --samples 2" if report.flips is None else figures.share(report.flips)


def _support(report: CalibrationReport) -> str:
    share = report.unsupported_citations
    return "not measured: --check-support" if share is None else figures.share(share)
