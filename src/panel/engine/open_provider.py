"""Opening a provider: from the options to its configuration, and by its kind to an endpoint."""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from panel.engine.connections import OpenedProvider
from panel.engine.options import Options
from panel.engine.ray_workers import check_ray, open_ray
from panel.foundation.errors import CallError, ProviderError, RunError, call_error
from panel.llm.calls import request_key
from panel.llm.config import Kind, ProviderConfig, call_limit
from panel.llm.local.engine import LocalEngine, engine_version
from panel.llm.local.models import default_model, find_model
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.openai_compat.own_client import own_transport
from panel.llm.providers.catalog import complete_target
from panel.llm.providers.own_client import own_client_config
from panel.llm.providers.prices import with_list_prices
from panel.llm.providers.resolve import resolve
from panel.llm.providers.wires import choose_wire
from panel.llm.replay import Replay
from panel.llm.types import ChatRequest
from panel.reviews.plan import ReviewPlan
from panel.runs.folders import JOURNAL, find_folder, list_folders
from panel.runs.journal.reader import JournalReader
from panel.runs.manifest import plan_of
from panel.runs.metadata import (
    stored_calibration,
    stored_calibrations,
    stored_fallback_calibrations,
)
from panel.runs.run import Run

REUSED_RUNS: Final = 20
"""Earlier runs that are searched for an answer before its question is sent."""

_REPLAY: Final = "replay:"


async def open_provider(config: ProviderConfig, options: Options) -> OpenedProvider:
    """Open a provider's endpoint. Sends no question, but may look up or download the model.

    Raises:
        InputError: the provider or its model cannot be used.
        CallError: the provider cannot be reached, or rejects the key.
    """
    if options.engine == "ray":
        check_ray(config, has_client=options.client is not None)
    if config.kind == "wire":
        config = config.model_copy(update={"wire": choose_wire(config, options.tools).wire})
    if options.connections is None or config.kind == "replay":
        return await OPENERS[config.kind](config, options)
    return await options.connections.get(config, lambda: OPENERS[config.kind](config, options))


async def _open_wire(config: ProviderConfig, options: Options) -> OpenedProvider:
    if options.client is not None:
        transport = own_transport(options.client)
        config = with_list_prices(config)
        return OpenedProvider(config, OpenAICompatClient(config, transport))
    config = with_list_prices(await complete_target(config))
    if options.engine == "ray":
        return OpenedProvider(config, await open_ray(config, options.ray_address, options.workers))
    return OpenedProvider(config, OpenAICompatClient(config))


async def _open_local(config: ProviderConfig, options: Options) -> OpenedProvider:
    if options.dry_run:
        name = config.model or default_model()
        config = config.model_copy(update={"model": name, "wire_model": name})
        return OpenedProvider(config, Replay(config.provider, lambda request: None))
    model = find_model(
        config.model or None, environ=options.environ, on_progress=options.on_download
    )
    config = config.model_copy(update={"model": model.name, "wire_model": model.name})
    return OpenedProvider(
        config,
        LocalEngine(model, config),
        warnings=(model.note,) if model.note else (),
        versions={"xllamacpp": engine_version()},
    )


async def _open_replay(config: ProviderConfig, options: Options) -> OpenedProvider:
    value = _REPLAY + config.run
    path = find_folder(options.settings.runs, config.run) / JOURNAL

    def failure(request: ChatRequest) -> CallError | None:
        with contextlib.closing(JournalReader(path)) as journal:
            stored = journal.failure(request_key(request, config))
        if stored is None:
            return None
        reason, reply = stored
        error = call_error(reason, f"ended as {reason} in {value}")
        error.reply = reply
        return error

    return OpenedProvider(
        config,
        Replay(value, failure),
        warnings=(f"answers from {value}, none asked anew",),
        replayed=_replayed_plan(config.run, options),
    )


OPENERS: Final[dict[Kind, Callable[[ProviderConfig, Options], Awaitable[OpenedProvider]]]] = {
    "wire": _open_wire,
    "local": _open_local,
    "replay": _open_replay,
}


def provider_config(options: Options) -> ProviderConfig:
    """Resolve the provider and apply the options that override its row of the table.

    Raises:
        InputError: the provider is unknown, or its key, model or run is missing.
    """
    value = options.provider or options.settings.provider
    if options.client is not None:
        config = own_client_config(options.client, options.model, options.settings)
    elif value and value.startswith(_REPLAY):
        return _replay_config(value, options)
    else:
        config = resolve(
            options.provider,
            model=options.model,
            settings=options.settings,
            environ=options.environ,
            bill_to=options.bill_to,
        )
    overrides: dict[str, object] = {"ask": options.ask, "wire": options.wire}
    overrides = {name: value for name, value in overrides.items() if value is not None}
    if options.concurrency is not None and (config.kind, options.concurrency) != ("local", "auto"):
        overrides |= call_limit(options.concurrency)
    return config.model_copy(update=overrides)


def _replay_config(value: str, options: Options) -> ProviderConfig:
    """Return the configuration of a stored run, so that equal questions have equal keys."""
    run = value.removeprefix(_REPLAY)
    config = _replayed_plan(run, options).judge
    if options.model and options.model != config.model:
        raise ProviderError(
            f"{value} holds answers of {config.model}, not of {options.model}",
            hint="leave --model out",
        )
    return config.model_copy(update={"run": run, "why": value})


def _replayed_plan(name: str, options: Options) -> ReviewPlan:
    with Run.open(find_folder(options.settings.runs, name)) as run:
        return plan_of(
            run.manifest,
            personas=(),
            calibration=stored_calibration(run),
            calibrations=stored_calibrations(run),
            fallbacks=stored_fallback_calibrations(run),
        )


def earlier_runs(options: Options, plan: ReviewPlan) -> list[Path]:
    """Return the folders of the runs whose answers to equal questions are used again."""
    runs, own = options.settings.runs, plan.judge
    if own.run:
        return [find_folder(runs, own.run)]
    if options.fresh:
        return []
    others = (judge.config for judge in (*plan.judges.values(), *plan.fallbacks))
    models = {(config.provider, config.wire_model) for config in (own, *others)}
    folders: list[Path] = []
    for path in list_folders(runs):
        if len(folders) == REUSED_RUNS:
            break
        with contextlib.suppress(RunError), Run.open(path) as run:
            if models & run.manifest.models:
                folders.append(path)
    return folders
