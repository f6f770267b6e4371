"""Which model answers for which reviewer: by `[personas.NAME]`, by `--spread`, or as a run says.

Reads names and settings only, sends nothing.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from panel.engine.options import JudgeChoice, Options
from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import InputError, SettingsError
from panel.foundation.text import printable
from panel.llm.families import family
from panel.llm.providers.resolve import usual_model

SPREAD: Final = "--spread"
FALLBACK: Final = "--fallback"
FALLBACKS: Final = "panel.toml fallback"
"""Where a choice was made: in one of these, or in a table of panel.toml."""

_REPLAY: Final = "replay:"


def judge_choices(
    options: Options, names: Sequence[str], known: Collection[str]
) -> Mapping[str, JudgeChoice]:
    """Return the reviewers of `names` that have a judge of their own, with their choices.

    `known` are all reviewers there are, also those that are not asked.

    Raises:
        InputError: `spread` or a table of panel.toml cannot be meant so.
    """
    provider = options.provider or options.settings.provider or ""
    if options.calibrates or (provider.startswith(_REPLAY) and not options.spread):
        return {}
    if options.spread:
        return _spread(options, names)
    if (stored := options.judges) is not None:
        return {name: stored[name] for name in names if name in stored}
    choices = {}
    for name, table in options.settings.personas.items():
        where = f"panel.toml [personas.{printable(name)[:80]}]"
        if name not in known:
            hint = did_you_mean(name, known, most=1) or f"there are {', '.join(sorted(known))}"
            raise SettingsError(f"{where}: there is no such reviewer", hint=hint)
        choices[name] = _choice(table.provider, table.model, where)
    return {name: choices[name] for name in names if name in choices}


def fallback_choices(options: Options) -> tuple[JudgeChoice, ...]:
    """Return who is asked, in order, where a reviewer's judge cannot answer.

    Raises:
        InputError: `fallback` cannot be meant so.
    """
    provider = options.provider or options.settings.provider or ""
    replays = provider.startswith(_REPLAY) and not options.spread
    if options.fallback is not None:
        why = None
        if replays:
            why = f"{printable(provider)[:80]} asks nobody"
        elif options.engine != "asyncio":
            why = f"--engine {options.engine} keeps to one provider"
        if options.fallback and why:
            raise InputError(f"{why}: it has no fallback", hint=f"leave {FALLBACK} out")
        return _each_once(options.fallback, FALLBACK)
    if options.calibrates or replays or options.engine != "asyncio":
        return ()
    if options.fallbacks is not None:
        return options.fallbacks
    return _each_once(options.settings.fallback, FALLBACKS)


def _each_once(values: Sequence[str], where: str) -> tuple[JudgeChoice, ...]:
    choices = tuple(_parsed(value, where) for value in values)
    for provider, count in Counter(choice.provider for choice in choices).items():
        if count > 1:
            raise InputError(
                f"{where} names {printable(provider)[:80]} twice",
                hint="one model of a provider: where one cannot answer, the other cannot either",
            )
    return choices


def turns(reviewers: int, families: Sequence[str]) -> list[int]:
    """Return which of several models each reviewer is given, by index.

    In turn the one that is used least; of those the one whose family is used least.
    """
    taken: list[int] = []
    for _ in range(reviewers):
        uses, by_family = Counter(taken), Counter(families[index] for index in taken)
        ranked = [(uses[i], by_family[name], i) for i, name in enumerate(families)]
        taken.append(min(ranked)[-1])
    return taken


def _spread(options: Options, names: Sequence[str]) -> Mapping[str, JudgeChoice]:
    values = options.spread
    for other in ("provider", "model", "client"):
        if getattr(options, other) is not None:
            raise InputError(f"spread and {other} were both given", hint="leave one of them out")
    if len(values) > len(names):
        raise InputError(
            f"{SPREAD} names {len(values)} models for {len(names)}"
            f" reviewer{'s' if len(names) > 1 else ''}",
            hint=f"leave {len(values) - len(names)} out",
        )
    choices = [_parsed(value, SPREAD) for value in values]
    families = [
        family(model) if (model := c.model or usual_model(c.provider, options.settings)) else value
        for c, value in zip(choices, values, strict=True)
    ]
    return {
        name: choices[index] for name, index in zip(names, turns(len(names), families), strict=True)
    }


def _parsed(value: str, where: str) -> JudgeChoice:
    """Read `PROVIDER` or `PROVIDER/MODEL`; an address is a provider as a whole."""
    if value.lower().startswith(("http://", "https://")):
        return _choice(value, None, where)
    provider, _, model = value.partition("/")
    return _choice(provider, model or None, where)


def _choice(provider: str, model: str | None, where: str) -> JudgeChoice:
    if provider.startswith(_REPLAY):
        raise InputError(
            f"{where}: {printable(provider)[:80]} answers for all reviewers of a run",
            hint=f"--provider {printable(provider)[:80]}",
        )
    return JudgeChoice(provider, model, where=where)
