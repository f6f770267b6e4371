"""Options that several commands share: a frozen dataclass a group, a decorator that adds it.

The decorator `@options.NAME` adds the options of a group and passes them as the one argument
`NAME`. A new option is a field of its group. Nothing that `--help` does not need is imported here.
"""

import dataclasses
import functools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

import click

from panel.cli.console import say
from panel.foundation.errors import InputError, SettingsError
from panel.foundation.text import clean

if TYPE_CHECKING:
    from panel.engine.card_files import Scorecards
    from panel.engine.options import Engine, Options
    from panel.foundation.settings import Settings
    from panel.llm.config import Ask, Concurrency, Wire

F = TypeVar("F", bound=Callable[..., Any])

MAX_CONTEXT = 4_000
"""Characters of reader's context that reach the reviewers."""

STRATEGIES: Final[tuple["Ask", ...]] = ("whole", "stepwise")
"""The values of `Ask`, whose module brings pydantic; a test compares them."""

ENGINES: Final[tuple["Engine", ...]] = ("asyncio", "batch-api", "ray")
"""The values of `Engine`, as above."""

WIRES: Final[tuple["Wire", ...]] = ("openai", "lean")
"""The values of `Wire`, as above."""

SCORECARDS: Final[tuple["Scorecards", ...]] = ("auto", "all", "none")
"""The values of `Scorecards`, as above."""


class CallLimit(click.ParamType):  # type: ignore[type-arg]
    """A number of calls at a time, or `auto`."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Concurrency":
        """Return the number or `auto`; refuse anything else."""
        if value == "auto":
            return "auto"
        return int(click.IntRange(1, 1000).convert(value, param, ctx))


def option(*declarations: str, **attributes: Any) -> Any:
    """Return a dataclass field that is a command-line option, named as the field."""
    unset = () if attributes.get("multiple") else False if attributes.get("is_flag") else None
    return dataclasses.field(
        default=attributes.get("default", unset),
        metadata={"declare": functools.partial(click.option, *declarations, **attributes)},
    )


def same(kind: type[Any], name: str) -> Any:
    """Return the dataclass field of an option that another group has."""
    other = kind.__dataclass_fields__[name]
    return dataclasses.field(default=other.default, metadata=other.metadata)


def runs_option() -> Any:
    """Return the dataclass field of --runs."""
    return option(
        "--runs",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of stored runs; by default $PANEL_RUNS, else runs.",
    )


def argument(**attributes: Any) -> Any:
    """Return a dataclass field that is an optional argument, named as the field."""
    declare = functools.partial(click.argument, required=False, **attributes)
    return dataclasses.field(default=None, metadata={"declare": declare})


def group(name: str, kind: type[Any]) -> Callable[[F], F]:
    """Return the decorator that adds the options of a group and passes them as one object."""

    def add(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **values: Any) -> Any:
            return function(*args, **{name: _take(kind, values)}, **values)

        return cast(F, _declare(kind, call))

    return add


def single(kind: type[Any], name: str) -> Callable[[F], F]:
    """Return the decorator that adds one option of a group, passed by its own name."""
    declare = kind.__dataclass_fields__[name].metadata["declare"]
    return cast(Callable[[F], F], declare(name))


def _declare(kind: type[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    for field in reversed(dataclasses.fields(kind)):
        if dataclasses.is_dataclass(field.default):
            function = _declare(type(field.default), function)
        else:
            function = field.metadata["declare"](field.name)(function)
    return function


def _take(kind: type[Any], values: dict[str, Any]) -> Any:
    """Build a group of the values that are its own, and remove them."""
    return kind(
        **{
            field.name: _take(type(field.default), values)
            if dataclasses.is_dataclass(field.default)
            else values.pop(field.name)
            for field in dataclasses.fields(kind)
        }
    )


@dataclasses.dataclass(frozen=True)
class ToolOptions:
    """The options that name one tool."""

    tool: str | None = argument()
    tool_list: Path | None = option(
        "--list",
        type=click.Path(path_type=Path),
        metavar="LIST",
        help="Tool list that holds the tool.",
    )
    named: str | None = option("--tool", metavar="NAME", help="Name of the tool in --list.")
    evidence: tuple[Path, ...] = option(
        "--evidence",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Document about TOOL: Markdown, HTML, PDF or text. Repeatable.",
    )
    url: str | None = option(
        "--url", metavar="URL", help="The tool's web address; fetched if there is no --evidence."
    )
    description: str | None = option(
        "--description", metavar="TEXT", help="What the tool is, in a sentence or two."
    )
    kind: str | None = option(
        "--kind",
        metavar="KIND",
        help="library, service, model, application or standard: what is asked about it.",
    )


@dataclasses.dataclass(frozen=True)
class GatheringOptions:
    """The options for gathering evidence."""

    fetch: bool = option(
        "--fetch", is_flag=True, help="Fetch a tool's web address even if it has evidence files."
    )
    offline: bool = option(
        "--offline", is_flag=True, help="Fetch no web page: use files and evidence of earlier runs."
    )


@dataclasses.dataclass(frozen=True)
class ProviderOptions:
    """The provider and the model."""

    provider: str | None = option(
        "--provider", metavar="VALUE", help="Provider of the model; `panel providers` lists them."
    )
    model: str | None = option(
        "--model", metavar="NAME", help="Model; for local also FILE.gguf or hf:ORG/NAME/FILE.gguf."
    )
    bill_to: str | None = option(
        "--bill-to", metavar="ORG", help="Hugging Face organisation that is billed."
    )
    wire: "Wire | None" = option(
        "--wire",
        type=click.Choice(WIRES),
        help="Client for calls: openai (the official one) or lean; else panel doctor says.",
    )


@dataclasses.dataclass(frozen=True)
class SupportOptions:
    """The check that cited passages support their findings."""

    check_support: bool = option(
        "--check-support",
        is_flag=True,
        help="Check by further calls that cited passages support the answers.",
    )
    support_provider: str | None = option(
        "--support-provider", metavar="VALUE", help="Provider of that check; turns it on."
    )
    support_model: str | None = option(
        "--support-model", metavar="NAME", help="Model of that check; turns it on."
    )

    @property
    def checked(self) -> bool:
        """Whether support is checked: naming its provider or model turns it on."""
        return bool(self.check_support or self.support_provider or self.support_model)


@dataclasses.dataclass(frozen=True)
class AskingOptions:
    """Which reviewers are asked, for whom they judge, and how."""

    personas: str | None = option(
        "--personas", metavar="NAMES", help="Only these reviewers, comma-separated."
    )
    spread: str | None = option(
        "--spread",
        metavar="A,B,…",
        help="Several models: PROVIDER or PROVIDER/MODEL, one a reviewer in turn.",
    )
    samples: int | None = option(
        "--samples",
        type=click.IntRange(1, 100),
        metavar="N",
        help="Times to ask each reviewer; by default 1, or as in the run that is rerun.",
    )
    context: Path | None = option(
        "--context",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Text file about the team that the reviewers judge for.",
    )
    ask: "Ask | None" = option(
        "--ask",
        type=click.Choice(STRATEGIES),
        help="whole: two calls a review; stepwise: one a question. Else as suits the provider.",
    )
    no_write: bool = option(
        "--no-write", is_flag=True, help="Verdicts only: no reviewer writes its review."
    )
    second_look: bool = option(
        "--second-look",
        is_flag=True,
        help="Reviewers that contradict each other on a fact see the other's passage and answer"
        " again.",
    )
    support: SupportOptions = SupportOptions()
    fresh: bool = option("--fresh", is_flag=True, help="Reuse no answers of earlier runs.")


@dataclasses.dataclass(frozen=True)
class WorkOptions:
    """How many calls run at once, and what is stored where."""

    concurrency: "Concurrency | None" = option(
        "--concurrency", type=CallLimit(), metavar="N|auto",
        help="Most calls at a time; auto, usual for hosted providers: as many as it takes.",
    )  # fmt: skip
    runs: Path | None = runs_option()
    scorecards: "Scorecards | None" = option(
        "--scorecards",
        type=click.Choice(SCORECARDS),
        help="Tools whose scorecard is written as files in the run's folder; auto: all of a run of"
        " at most 200.",
    )


@dataclasses.dataclass(frozen=True)
class CapOptions:
    """How far a run goes: how many tools, at what cost, for how long; or what it would do."""

    limit: int | None = option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Only the first N tools that are not finished; panel resume goes on.",
    )
    dry_run: bool = option(
        "--dry-run",
        is_flag=True,
        help="Say what would be asked and fetched, and its cost; ask and write nothing.",
    )
    max_cost: float | None = option(
        "--max-cost",
        type=click.FloatRange(0, min_open=True),
        metavar="USD",
        help="Stop (exit 3) before the call after the run, resumes included, has cost as much.",
    )
    max_calls: int | None = option(
        "--max-calls",
        type=click.IntRange(1),
        metavar="N",
        help="Stop (exit 3) after N calls of the run, resumes included.",
    )
    deadline: float | None = option(
        "--deadline",
        callback=lambda ctx, param, value: None if value is None else seconds(value),
        metavar="TIME",
        help="Stop (exit 3) after a time, for instance 90s, 30m or 2h.",
    )
    allow_unpriced: bool = option(
        "--allow-unpriced",
        is_flag=True,
        help="With --max-cost: also make calls whose price is not known; they are not counted.",
    )


_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str) -> float:
    """Return the seconds of a time such as `90s`, `30m` or `1h30m`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if "".join(map("".join, parts)) != text.strip().lower() or not parts:
        raise click.BadParameter(f"{text!r} is no time; for instance 90s, 30m or 1h30m")
    if (total := sum(float(number) * _UNITS[unit] for number, unit in parts)) <= 0:
        raise click.BadParameter("a time must be longer than nothing")
    return total


@dataclasses.dataclass(frozen=True)
class EngineOptions:
    """What asks the questions."""

    name: "Engine" = option(
        "--engine",
        type=click.Choice(ENGINES),
        default="asyncio",
        show_default=True,
        help="asyncio: this process; batch-api: first questions as a provider's batch job; ray:"
        " workers on one machine or many.",
    )
    address: str | None = option(
        "--address", metavar="HOST:PORT", help="Ray cluster, or auto; by default Ray starts here."
    )
    workers: int | None = option(
        "--workers",
        type=click.IntRange(1, 10_000),
        metavar="N",
        help="Ray workers; by default one for each CPU of the cluster.",
    )


tool = group("tool", ToolOptions)
engine = group("engine", EngineOptions)
gathering = group("gathering", GatheringOptions)
provider = group("provider", ProviderOptions)
support = group("support", SupportOptions)
asking = group("asking", AskingOptions)
work = group("work", WorkOptions)
caps = group("caps", CapOptions)
runs = single(WorkOptions, "runs")

fallback = click.option(
    "--fallback",
    metavar="A,B,…",
    help="Who is asked, in order, where the provider cannot answer: PROVIDER or PROVIDER/MODEL.",
)

allow_outside = click.option(
    "--allow-outside",
    is_flag=True,
    help="Let a tool list name evidence files outside its own folder.",
)


def _outcomes(ctx: click.Context, param: click.Parameter, value: str | None) -> frozenset[str]:
    """Check `--fail-on`."""
    if value is None:
        return frozenset()
    from panel.reviews.verdict.scorecard import Outcome

    known = get_args(Outcome)
    outcomes = frozenset(_listed(value, "--fail-on skip,split") or ())
    if unknown := sorted(outcomes - set(known)):
        choices = ", ".join(known)
        raise click.BadParameter(f"{unknown[0]!r} is no outcome; choose from {choices}")
    return outcomes


fail_on = click.option(
    "--fail-on",
    callback=_outcomes,
    metavar="OUTCOMES",
    help="Exit with 4 if a verdict is one of these, for instance skip,split.",
)


def settings(runs: Path | None) -> "Settings":
    """Return the settings; --runs overrides theirs."""
    from panel.foundation.settings import load_settings

    settings = load_settings(None, os.environ)
    return settings.model_copy(update={"runs": runs}) if runs is not None else settings


def review_options(
    provider: ProviderOptions,
    work: WorkOptions,
    *,
    asking: AskingOptions = AskingOptions(),
    gathering: GatheringOptions = GatheringOptions(),
    caps: CapOptions = CapOptions(),
    engine: EngineOptions = EngineOptions(),
    fallback: str | None = None,
) -> "Options":
    """Return the engine's options from the groups that a command offers."""
    from panel.engine.caps import Caps
    from panel.engine.options import Options

    if engine.name != "ray" and (engine.address or engine.workers):
        option = "--address" if engine.address else "--workers"
        raise InputError(f"{option} is for Ray", hint=f"--engine ray {option} …")
    config = settings(work.runs)
    return Options(
        settings=config,
        environ=os.environ,
        provider=provider.provider,
        model=provider.model,
        bill_to=provider.bill_to,
        wire=provider.wire,
        engine=engine.name,
        ray_address=engine.address,
        workers=engine.workers,
        ask=asking.ask,
        personas=_listed(asking.personas, "--personas builder,skeptic"),
        spread=_listed(asking.spread, "--spread groq,mistral,openai/gpt-5") or (),
        fallback=_listed(fallback, "--fallback groq,mistral"),
        samples=asking.samples or 1,
        context=_context(asking.context) if asking.context else config.context,
        write=not asking.no_write,
        second_look=asking.second_look,
        concurrency=work.concurrency,
        scorecards=work.scorecards,
        check_support=asking.support.checked,
        support_provider=asking.support.support_provider,
        support_model=asking.support.support_model,
        fresh=asking.fresh,
        fetch=gathering.fetch,
        offline=gathering.offline,
        caps=Caps(caps.max_cost, caps.max_calls, caps.deadline, caps.allow_unpriced),
        limit=caps.limit,
        dry_run=caps.dry_run,
        on_read=lambda line: say(f"read: {line}"),
        command=("panel", *sys.argv[1:]),
    )


def _listed(text: str | None, example: str) -> tuple[str, ...] | None:
    """Split a comma-separated option; None where it was not given."""
    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise InputError("an empty list was given", hint=f"for instance: {example}")
    return names


def _context(path: Path) -> str:
    from panel.foundation.strict_yaml import read_text

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
