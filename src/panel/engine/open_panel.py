"""Opening a panel: the provider resolved, the model found, the reviewers loaded. Asks nothing."""

import contextlib
import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path

from panel.engine.connections import Opened
from panel.engine.judge_note import is_measured_for, judge_note
from panel.engine.options import Options
from panel.engine.review_tool import Panel
from panel.evidence.fence import SECRET_BYTES, SecretNotKept, installation_secret
from panel.foundation.errors import CallError, PersonaError, ProviderError, RunError, call_error
from panel.foundation.paths import config_folder, data_folder
from panel.foundation.settings import Settings
from panel.llm.calls import request_key
from panel.llm.config import ProviderConfig
from panel.llm.local.engine import LocalEngine
from panel.llm.local.models import find_model
from panel.llm.openai_compat.client import OpenAICompatClient
from panel.llm.providers.catalog import complete_target
from panel.llm.providers.resolve import resolve
from panel.llm.replay import Replay
from panel.llm.types import ChatRequest, Endpoint
from panel.review.calibration import calibration
from panel.review.calibration.calibration import Calibration
from panel.review.personas import Persona, load_personas
from panel.review.score import Rule
from panel.runs.folders import JOURNAL, find_folder, list_folders
from panel.runs.journal.reader import JournalReader
from panel.runs.manifest import Checker, Manifest
from panel.runs.metadata import stored_calibration
from panel.runs.run import Run

REUSED_RUNS = 20
"""Earlier runs whose answers are looked at before a question is paid for again."""


async def open_panel(options: Options) -> tuple[Panel, Endpoint]:
    """Resolve the provider, load the reviewers, and open the endpoint without asking anything."""
    personas = _personas(options)
    secret, unkept = (secrets.token_bytes(SECRET_BYTES), ()) if options.sealed else _secret()
    target = provider_config(options)
    endpoint, target, warnings = await _open(target, options)
    if target.kind == "replay":
        known, rule = _judged_then(target, options)
    else:
        own = not options.sealed
        known = None if options.calibrates else calibration.load(target.model, target.ask, own=own)
        rule = rule_of(options.settings, known, target)
    panel = Panel(
        personas=personas,
        target=target,
        rule=rule,
        secret=secret,
        samples=options.samples,
        context=options.context,
        calibration=known if target.ask == "stepwise" else None,
        calibrates=options.calibrates,
        warnings=(*unkept, *warnings),
        judge="" if options.calibrates else judge_note(known, target, rule),
    )
    return panel, endpoint


def _personas(options: Options) -> tuple[Persona, ...]:
    """Return the reviewers in the order they are named; those that are objects as they are."""
    folders = (data_folder("personas"),) if options.sealed else persona_folders()
    if options.personas is None:
        return load_personas(folders=folders)
    names = [each for each in options.personas if isinstance(each, str)]
    read = iter(load_personas(names=names, folders=folders))
    personas = tuple(next(read) if isinstance(p, str) else p for p in options.personas)
    counts = Counter(persona.name for persona in personas)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise PersonaError(f"persona {twice[0]!r} is named twice")
    return personas


def _secret() -> tuple[bytes, tuple[str, ...]]:
    """Return this installation's secret; where none can be kept, one of this process and why.

    It keys the fence's marker and nothing that is stored: such a run resumes and replays.
    """
    try:
        return installation_secret(config_folder()), ()
    except SecretNotKept as fault:
        told = f"{fault.message}; this run has one of its own (PANEL_CONFIG names another folder)"
        return secrets.token_bytes(SECRET_BYTES), (told,)


async def open_support(options: Options, panel: Panel) -> tuple[Panel, Endpoint | None]:
    """Return the panel with who checks support, and that provider's endpoint if it is another."""
    if not options.check_support:
        return panel, None
    target = panel.target
    endpoint: Endpoint | None = None
    if told := _told_support(options, panel.target):
        replayed = {"provider": told.provider, "model": told.model, "wire_model": told.wire_model}
        target, endpoint = target.model_copy(update=replayed), _replay(panel.target, options)
    elif options.support_provider or options.support_model:
        other = replace(
            options,
            provider=options.support_provider or options.provider,
            model=options.support_model,
            ask=None,
        )
        endpoint, target, _ = await _open(provider_config(other), other)
        if (target.provider, target.wire_model) == (panel.target.provider, panel.target.wire_model):
            await endpoint.close()  # one door to one provider: its limits are shared
            endpoint = None
    return replace(panel, support=target), endpoint


def _told_support(options: Options, target: ProviderConfig) -> Checker | None:
    """Return who checked support in the run that is replayed, where that was another."""
    if target.kind != "replay" or options.support_provider:
        return None
    told = _manifest_of(options.settings.runs, target.why.removeprefix("replay:")).support
    same = told is None or (told.provider, told.wire_model) == (target.provider, target.wire_model)
    return None if same else told


def rule_of(settings: Settings, known: Calibration | None, target: ProviderConfig) -> Rule:
    """Return the rule's numbers: those of the settings, else the judge's own threshold."""
    numbers = settings.rule.model_dump(exclude_none=True)
    if known is not None and known.ship_at is not None and is_measured_for(known, target):
        numbers = {"ship_at": known.ship_at} | numbers
    return Rule(**numbers)


def _judged_then(target: ProviderConfig, options: Options) -> tuple[Calibration | None, Rule]:
    """Return what the replayed run read its answers by: which were asked depends on it."""
    path = find_folder(options.settings.runs, target.why.removeprefix("replay:"))
    with Run.open(path) as run:
        numbers = options.settings.rule.model_dump(exclude_none=True)
        return stored_calibration(run), run.manifest.rule.model_copy(update=numbers)


def persona_folders() -> tuple[Path, ...]:
    """Return where personas are looked for: shipped ones, then `personas/` here."""
    shipped, here = data_folder("personas"), Path("personas")
    same = here.is_dir() and here.resolve() == shipped.resolve()
    return (shipped, here) if here.is_dir() and not same else (shipped,)


def provider_config(options: Options) -> ProviderConfig:
    """Resolve the provider and apply the options that go over its row."""
    value = options.provider or options.settings.provider
    if value and value.startswith("replay:"):
        return _replayed(value, options)
    target = resolve(
        options.provider,
        model=options.model,
        settings=options.settings,
        environ=options.environ,
        bill_to=options.bill_to,
    )
    over = {"ask": options.ask, "concurrency": options.concurrency}
    return target.model_copy(update={k: v for k, v in over.items() if v is not None})


def _replayed(value: str, options: Options) -> ProviderConfig:
    """Return the target a stored run asked, so that the same questions find its answers."""
    told = _manifest_of(options.settings.runs, value.removeprefix("replay:"))
    if options.model and options.model != told.model:
        raise ProviderError(
            f"{value} holds answers of {told.model}, not of {options.model}",
            hint="leave --model out",
        )
    return ProviderConfig(
        provider=told.provider,
        kind="replay",
        model=told.model,
        wire_model=told.wire_model,
        ask=told.ask,
        evidence_tokens=told.evidence_tokens,
        why=value,
    )


def _replay(target: ProviderConfig, options: Options) -> Replay:
    path = find_folder(options.settings.runs, target.why.removeprefix("replay:")) / JOURNAL

    def failure(question: ChatRequest) -> CallError | None:
        with contextlib.closing(JournalReader(path)) as stored:
            found = stored.failure(request_key(question, target))
        if found is None:
            return None
        reason, reply = found
        fault = call_error(reason, f"ended as {reason} in {target.why}")
        fault.reply = reply
        return fault

    return Replay(target.why, failure)


def _manifest_of(runs: Path, name: str) -> Manifest:
    run = Run.open(find_folder(runs, name))
    try:
        return run.manifest
    finally:
        run.close()


async def _open(target: ProviderConfig, options: Options) -> Opened:
    if target.kind == "replay":
        return _replay(target, options), target, (f"answers from {target.why}, none asked anew",)
    if options.connections is not None:
        return await options.connections.get(target, lambda: _connect(target, options))
    return await _connect(target, options)


async def _connect(target: ProviderConfig, options: Options) -> Opened:
    if target.kind == "wire":
        target = await complete_target(target)
        return OpenAICompatClient(target), target, ()
    model = find_model(
        target.model or None, environ=options.environ, on_progress=options.on_download
    )
    target = target.model_copy(update={"model": model.name, "wire_model": model.name})
    return LocalEngine(model, target), target, (model.note,) if model.note else ()


def earlier_runs(options: Options, target: ProviderConfig) -> list[Path]:
    """Return the runs whose answers to the same questions may be used again."""
    runs = options.settings.runs
    if target.kind == "replay":
        return [find_folder(runs, target.why.removeprefix("replay:"))]
    if options.fresh:
        return []
    found = []
    for path in list_folders(runs):
        try:
            told = _manifest_of(path.parent, path.name)
        except RunError:
            continue
        if (told.provider, told.wire_model) == (target.provider, target.wire_model):
            found.append(path)
        if len(found) == REUSED_RUNS:
            break
    return found
