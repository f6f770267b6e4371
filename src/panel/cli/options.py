"""Options that several commands share, and the value they add up to."""

import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click

from panel.cli import destination
from panel.cli.console import say
from panel.engine.options import Options
from panel.foundation.errors import InputError, SettingsError
from panel.foundation.settings import Settings, load_settings
from panel.foundation.strict_yaml import read_text
from panel.foundation.text import clean
from panel.llm.config import Ask
from panel.report import formats
from panel.review.verdict.scorecard import Outcome

F = TypeVar("F", bound=Callable[..., Any])

MAX_CONTEXT = 4_000
"""Characters of reader's context that reach the reviewers."""


def names(text: str | None) -> tuple[str, ...] | None:
    """Split a comma-separated option; None stays None."""
    if text is None:
        return None
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise InputError("an empty list was given", hint="for instance: --personas builder,skeptic")
    return found


def outcomes(ctx: click.Context, param: click.Parameter, value: str | None) -> frozenset[str]:
    """Check `--fail-on`."""
    found = frozenset(names(value) or ())
    if unknown := sorted(found - set(get_args(Outcome))):
        known = ", ".join(get_args(Outcome))
        raise click.BadParameter(f"{unknown[0]!r} is no outcome; choose from {known}")
    return found


_PROVIDER = [
    click.option("--provider", metavar="VALUE", help="Where the model is called: panel providers."),
    click.option("--model", metavar="NAME", help="Model name; for local also FILE.gguf or hf:…"),
    click.option("--bill-to", metavar="ORG", help="Hugging Face organisation that pays."),
]
_SUPPORT = [
    click.option(
        "--check-support",
        is_flag=True,
        help="Ask again whether each cited passage shows what it is cited for.",
    ),
    click.option("--support-provider", metavar="VALUE", help="Another provider to ask that."),
    click.option("--support-model", metavar="NAME", help="That provider's model."),
]
_ASKING = [
    click.option("--personas", metavar="NAMES", help="Only these reviewers, comma-separated."),
    click.option("--samples", type=click.IntRange(1, 100), default=1, help="Answers a reviewer."),
    click.option(
        "--context",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Text file saying for whom the reviewers judge.",
    ),
    click.option("--ask", type=click.Choice(get_args(Ask)), help="Asking strategy."),
    *_SUPPORT,
    click.option("--fresh", is_flag=True, help="Ask again what an earlier run already answered."),
]
_GATHERING = [
    click.option("--fetch", is_flag=True, help="Read the tool's url even if it brings evidence."),
    click.option("--offline", is_flag=True, help="Fetch nothing: use files and earlier runs."),
]
_LISTS = [
    click.option(
        "--allow-outside",
        is_flag=True,
        help="Let a tool list name evidence files outside its own folder.",
    ),
]
_WORK = [
    click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls in flight at most."),
]
_RUNS = [
    click.option("--runs", type=click.Path(path_type=Path), metavar="DIR", help="Runs folder."),
]
_FAIL_ON = [
    click.option(
        "--fail-on",
        callback=outcomes,
        metavar="OUTCOMES",
        help="Exit with 4 on these outcomes, for instance skip,split.",
    ),
]


def _apply(function: F, options: list[Callable[[Any], Any]]) -> F:
    for option in reversed(options):
        function = cast(F, option(function))
    return function


def reviewing(function: F) -> F:
    """Add every option of a command that asks reviewers."""
    return _apply(function, [*_PROVIDER, *_ASKING, *_WORK, *_RUNS, *_FAIL_ON])


def resuming(function: F) -> F:
    """Add the options that may change on resume: they do not touch what is asked."""
    return _apply(function, [*_PROVIDER, *_WORK, *_RUNS, *_FAIL_ON])


def gathering(function: F) -> F:
    """Add the options that say where evidence comes from."""
    return _apply(function, _GATHERING)


def listing(function: F) -> F:
    """Add the option that says how far the evidence paths of a tool list may reach."""
    return _apply(function, _LISTS)


def judging(function: F) -> F:
    """Add the options that name a judge, who checks its citations, and the runs folder."""
    return _apply(function, [*_PROVIDER, *_SUPPORT, *_WORK, *_RUNS])


def reading(function: F) -> F:
    """Add the options of a command that reads stored runs."""
    return _apply(function, _RUNS)


def output(function: F) -> F:
    """Add --format with every scorecard format, and --output."""

    @functools.wraps(function)
    def loaded(*args: Any, **given: Any) -> Any:
        formats.load(given["form"])  # a plug-in that cannot be used is told before any work
        return function(*args, **given)

    return destination.written(formats.suffixes())(cast(F, loaded))


def measured(function: F) -> F:
    """Add --format for what was measured, and --output."""
    return _written(function, "terminal", "json", "html")


def comparison(function: F) -> F:
    """Add --format for differences, and --output."""
    return _written(function, "terminal", "markdown", "json")


def paired(function: F) -> F:
    """Add --format for two tools side by side, and --output."""
    return _written(function, "terminal", "markdown", "html", "json")


def listed(function: F) -> F:
    """Add --format for a list or a report, and --output."""
    return _written(function, "terminal", "json")


def rows(function: F) -> F:
    """Add --format for the rows of a run, and --output."""
    forms = ("jsonl", "csv", "parquet", "markdown")
    told = "jsonl, csv, parquet: a row a review, the same columns; else by --output."
    found = {name: destination.SUFFIXES[name] for name in forms}
    return destination.written(found, default="jsonl", what=told)(function)


def _written(function: F, *forms: str) -> F:
    return destination.written({name: destination.SUFFIXES[name] for name in forms})(function)


def settings(runs: Path | None) -> Settings:
    """Read settings; --runs goes over them."""
    found = load_settings(None, os.environ)
    return found.model_copy(update={"runs": runs}) if runs is not None else found


def options_of(given: Mapping[str, Any]) -> Options:
    """Turn the options of `reviewing` or `resuming` into one value."""
    found = settings(given["runs"])
    path = given.get("context")
    return Options(
        settings=found,
        environ=os.environ,
        provider=given["provider"],
        model=given["model"],
        ask=given.get("ask"),
        personas=names(given.get("personas")),
        samples=given.get("samples", 1),
        context=_context(path) if path else found.context,
        bill_to=given["bill_to"],
        concurrency=given["concurrency"],
        check_support=_checks_support(given),
        support_provider=given.get("support_provider"),
        support_model=given.get("support_model"),
        fresh=given.get("fresh", False),
        fetch=given.get("fetch", False),
        offline=given.get("offline", False),
        on_read=lambda line: say(f"read: {line}"),
        command=("panel", *sys.argv[1:]),
    )


def _checks_support(given: Mapping[str, Any]) -> bool:
    """Naming who checks support means that it is checked."""
    named = ("check_support", "support_provider", "support_model")
    return any(given.get(name) for name in named)


def _context(path: Path) -> str:
    text, _ = clean(read_text(path, limit=1_000_000, error=SettingsError))
    text = text.strip()
    if not text:
        raise SettingsError(f"{path} is empty", hint="say in it for whom the reviewers judge")
    if len(text) > MAX_CONTEXT:
        raise SettingsError(
            f"{path} has {len(text)} characters; {MAX_CONTEXT} are the limit",
            hint="keep what decides: team, stack, duties",
        )
    return text
