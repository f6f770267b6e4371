"""`--dry-run`: what a command would ask and fetch, and what it would cost, in a few lines."""

from typing import TYPE_CHECKING, Final

import click

from panel.cli.console import warn
from panel.foundation.text import one_line
from panel.report import figures

if TYPE_CHECKING:
    from panel.engine.estimate import Estimate

_SHOWN: Final = 5
"""Addresses that are named."""


def show(estimate: "Estimate") -> None:
    """Print an estimate to standard output."""
    for reason in estimate.skipped:
        warn(f"not measured: {reason}")
    for line in lines(estimate):
        click.echo(one_line(line))


def lines(estimate: "Estimate") -> list[str]:
    """Return an estimate in lines."""
    if not estimate.tools:
        return ["nothing to review: nothing would be asked"]
    measured = (
        f"measured on {estimate.measured:,} of the tools" if estimate.measured else "not measured"
    )
    cost = "unknown" if estimate.cost is None else f"about {figures.money(estimate.cost)}"
    return [
        f"tools: {estimate.tools:,}",
        f"calls: about {estimate.calls:,}",
        f"tokens: about {_rounded(estimate.input_tokens)} in,"
        f" {_rounded(estimate.output_tokens)} out ({measured})",
        f"cost: {cost}",
        *(f"price: {line}" for line in estimate.prices),
        f"addresses to fetch: {_addresses(estimate.addresses)}",
        "nothing was asked, and nothing was written",
    ]


def _addresses(addresses: tuple[str, ...]) -> str:
    if not addresses:
        return "none"
    more = ", …" if len(addresses) > _SHOWN else ""
    return f"{len(addresses):,}: {', '.join(addresses[:_SHOWN])}{more}"


def _rounded(tokens: float) -> str:
    """Write a count of tokens in two digits."""
    if tokens < 100:
        return f"{tokens:.0f}"
    size = 10 ** (len(str(int(tokens))) - 2)
    return f"{round(tokens / size) * size:,}"
