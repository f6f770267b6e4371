"""Opening the judges of a panel: the run's own, and those of reviewers that have another."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from panel.engine.connections import OpenedProvider
from panel.engine.judge_choices import (
    FALLBACK,
    FALLBACKS,
    SPREAD,
    judge_choices,
)
from panel.engine.open_provider import open_provider, provider_config
from panel.engine.options import JudgeChoice, Options
from panel.foundation.errors import InputError, PanelError
from panel.llm.config import ProviderConfig
from panel.reviews.personas import Persona, load_personas


class ProviderOpener:
    """Opens each provider and model once, so that all who ask it share its limits."""

    def __init__(self, stack: AsyncExitStack) -> None:
        """`stack` closes what is opened."""
        self._stack = stack
        self._opened: list[tuple[ProviderConfig, OpenedProvider]] = []

    async def open(self, config: ProviderConfig, options: Options) -> OpenedProvider:
        """Return the provider of a configuration; raises what `open_provider` raises."""
        for requested, opened in self._opened:
            if same_judge(config, requested) or same_judge(config, opened.config):
                return opened
        opened = await open_provider(config, options)
        self._stack.push_async_callback(opened.endpoint.close)
        # Which model it is may be known only now.
        for _, other in self._opened:
            if same_judge(opened.config, other.config):
                return other
        self._opened.append((config, opened))
        return opened


def same_judge(a: ProviderConfig, b: ProviderConfig) -> bool:
    """Tell whether two configurations ask the same model at the same provider in the same way.

    A client that was passed is asked by nobody but those it was passed for: its key is its own.
    """
    return _way(a) == _way(b)


def _way(config: ProviderConfig) -> tuple[str, ...]:
    return (config.kind, config.provider, config.wire_model, config.ask, config.key_from)


async def open_judges(
    options: Options,
    personas: Sequence[Persona],
    opener: ProviderOpener,
    *,
    folders: Sequence[Path],
) -> tuple[OpenedProvider, Mapping[str, OpenedProvider]]:
    """Return the run's own judge, and by persona the others; nobody is opened who is not asked.

    Raises:
        InputError: a provider or its model cannot be used; names the reviewers.
        CallError: a provider cannot be reached, or rejects the key.
    """
    names = [persona.name for persona in personas]
    tables = options.settings.personas
    # All reviewers are read only where a table names one that is not asked.
    known = set(names) if {*tables} <= {*names} else {*names, *_all_names(folders)}
    choices = judge_choices(options, names, known)
    opened = {
        name: await _open_choice(choice, _reviewers(choice, choices), opener, options)
        for name, choice in choices.items()
    }
    if not names or len(opened) < len(names):
        own = await opener.open(provider_config(options), options)
    else:
        own = opened[names[0]]
    if own.replayed is not None:
        opened = await _replayed(own, names, opener, options)
    return own, {name: opened[name] for name in names if name in opened and opened[name] is not own}


async def open_fallbacks(
    options: Options,
    choices: Sequence[JudgeChoice],
    judge: OpenedProvider,
    others: Collection[OpenedProvider],
    opener: ProviderOpener,
) -> tuple[OpenedProvider, ...]:
    """Return the providers that are asked, in order, where a judge cannot answer.

    `choices` are those of `fallback_choices`, `judge` is the run's own, `others` are those of
    reviewers that have another.

    Raises:
        InputError: one cannot be used, or is the only judge itself.
        CallError: one cannot be reached, or rejects the key.
    """
    if judge.replayed is not None:
        stored = [fallback.config for fallback in judge.replayed.fallbacks]
        update = {"run": judge.config.run, "why": judge.config.why}
        return tuple([await opener.open(c.model_copy(update=update), options) for c in stored])
    own = {opened.config.provider for opened in (judge, *others)}
    if options.fallbacks is not None:
        # How the run's own judge is asked says nothing of a fallback.
        options = replace(options, ask=None)
    opened: dict[str, OpenedProvider] = {}
    for choice in choices:
        fallback = await _open_choice(choice, "the fallback", opener, options)
        provider = fallback.config.provider
        if own != {provider}:
            opened.setdefault(provider, fallback)
        elif options.fallback is not None:
            raise InputError(
                f"{FALLBACK} names {provider}, which is asked first",
                hint="name another provider: where it cannot answer, it cannot as a fallback",
            )
    return tuple(opened.values())


async def _open_choice(
    choice: JudgeChoice, reviewers: str, opener: ProviderOpener, options: Options
) -> OpenedProvider:
    options = of_choice(options, choice)
    try:
        return await opener.open(provider_config(options), options)
    except PanelError as error:
        error.message = f"{reviewers} ({choice.where}): {error.message}"
        error.args = (error.message,)
        error.hint = _own_hint(error.hint, choice)
        raise


def of_choice(options: Options, choice: JudgeChoice) -> Options:
    """Return the options with which the model of a choice is asked."""
    return replace(
        options,
        settings=options.settings.of(choice.provider),
        provider=choice.provider,
        model=choice.model,
        ask=choice.ask or options.ask,
        client=None,
    )


async def _replayed(
    own: OpenedProvider, names: Sequence[str], opener: ProviderOpener, options: Options
) -> dict[str, OpenedProvider]:
    """Return the judges that the replayed run had besides its own, each answered by that run."""
    judges = own.replayed.judges if own.replayed else {}
    replayed = {}
    for name in names:
        if judge := judges.get(name):
            update = {"run": own.config.run, "why": own.config.why}
            replayed[name] = await opener.open(judge.config.model_copy(update=update), options)
    return replayed


def _reviewers(choice: JudgeChoice, choices: Mapping[str, JudgeChoice]) -> str:
    names = [name for name, other in choices.items() if other == choice]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _all_names(folders: Sequence[Path]) -> list[str]:
    return [persona.name for persona in load_personas(folders=folders)]


def _own_hint(hint: str | None, choice: JudgeChoice) -> str | None:
    """Return a hint that names `--provider` or `--model` in terms of where the choice was made."""
    words = (hint or "").split()
    named = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not {*named} <= {"--provider", "--model"}:
        return hint
    provider, model = named.get("--provider", choice.provider), named.get("--model")
    if choice.where == FALLBACKS:
        return f'fallback = ["{provider}' + (f'/{model}"]' if model else '"]')
    if choice.where not in (SPREAD, FALLBACK):
        return f'provider = "{provider}"' + (f', model = "{model}"' if model else "")
    if "://" in provider and model:
        return f"[providers.NAME] with base_url in panel.toml, then {choice.where} …,NAME/{model}"
    return f"{choice.where} …,{provider}" + (f"/{model}" if model else "")
