"""Opening a panel: from a user's options to the review plan and its endpoints. Asks nothing."""

import contextlib
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from panel.engine.connections import OpenedProvider
from panel.engine.open_provider import open_provider, provider_config
from panel.engine.options import Options
from panel.evidence.fence import SECRET_BYTES, SecretNotKept, installation_secret
from panel.foundation.errors import PersonaError
from panel.foundation.paths import config_folder, data_folder
from panel.llm.config import ProviderConfig
from panel.llm.types import Endpoint
from panel.reviews.calibration import calibration as calibrations
from panel.reviews.calibration.calibration import Calibration, Measured
from panel.reviews.choices import choices
from panel.reviews.personas import Persona, load_personas
from panel.reviews.plan import ReviewPlan
from panel.reviews.score import Rule
from panel.runs.manifest import public

NEVER_MEASURED: Final = "this judge was never measured: panel calibrate"


@dataclass(frozen=True)
class OpenedPanel:
    """A review plan and the open endpoints of its judge and of who checks support."""

    plan: ReviewPlan
    endpoint: Endpoint
    support_endpoint: Endpoint | None
    """None where support is not checked, or is checked by the judge."""
    versions: Mapping[str, str]
    """Of programs that answer on this machine, for the manifest."""

    async def close(self) -> None:
        """Close the endpoints."""
        await self.endpoint.close()
        if self.support_endpoint is not None:
            await self.support_endpoint.close()


async def open_panel(options: Options) -> OpenedPanel:
    """Load the personas, open the provider and the support checker, and make the plan.

    Raises:
        InputError: a persona, the provider or its model cannot be used.
        CallError: a provider cannot be reached, or rejects the key.
    """
    personas = _personas(options)
    secret, secret_warnings = _secret(options)
    async with contextlib.AsyncExitStack() as stack:
        provider = await open_provider(provider_config(options), options)
        stack.push_async_callback(provider.endpoint.close)
        judge = provider.config
        calibration, rule = _calibration_and_rule(provider, options)
        support, support_endpoint = await _open_support(provider, options)
        stack.pop_all()
    plan = ReviewPlan(
        personas=personas,
        judge=judge,
        rule=rule,
        calibration=calibration if judge.ask == "stepwise" else None,
        support=support,
        calibrates=options.calibrates,
        secret=secret,
        warnings=(*secret_warnings, *provider.warnings),
        judge_note="" if options.calibrates else _judge_note(calibration, judge, rule),
        **choices(options),
    )
    return OpenedPanel(plan, provider.endpoint, support_endpoint, provider.versions)


def persona_folders() -> tuple[Path, ...]:
    """Return the folders of persona files: the shipped one, then `personas/` here."""
    shipped, here = data_folder("personas"), Path("personas")
    same = here.is_dir() and here.resolve() == shipped.resolve()
    return (shipped, here) if here.is_dir() and not same else (shipped,)


def _personas(options: Options) -> tuple[Persona, ...]:
    """Return the reviewers in the order they are named; those that are objects as they are."""
    folders = (data_folder("personas"),) if options.sealed else persona_folders()
    if options.personas is None:
        return load_personas(folders=folders)
    names = [persona for persona in options.personas if isinstance(persona, str)]
    by_name = iter(load_personas(names=names, folders=folders))
    personas = tuple(next(by_name) if isinstance(p, str) else p for p in options.personas)
    counts = Counter(persona.name for persona in personas)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise PersonaError(f"persona {twice[0]!r} is named twice")
    return personas


def _secret(options: Options) -> tuple[bytes, tuple[str, ...]]:
    """Return this installation's secret; where none can be stored, one of this process and why.

    It keys the fence's marker and nothing that is stored: such a run resumes and replays.
    """
    if options.sealed:
        return secrets.token_bytes(SECRET_BYTES), ()
    try:
        return installation_secret(config_folder()), ()
    except SecretNotKept as error:
        warning = (
            f"{error.message}; this run has one of its own (PANEL_CONFIG names another folder)"
        )
        return secrets.token_bytes(SECRET_BYTES), (warning,)


def _calibration_and_rule(
    provider: OpenedProvider, options: Options
) -> tuple[Calibration | None, Rule]:
    """Return the judge's calibration, and the rule: numbers of the settings before its threshold.

    A replay takes both from its run: they decide which questions were asked.
    """
    numbers = options.settings.rule.model_dump(exclude_none=True)
    if (replayed := provider.replayed) is not None:
        return replayed.calibration, replayed.rule.model_copy(update=numbers)
    if options.calibrates:
        return None, Rule(**numbers)
    judge = provider.config
    calibration = calibrations.load(judge.model, judge.ask, own=not options.sealed)
    if calibration and calibration.ship_at is not None and _measured(calibration, judge):
        numbers = {"ship_at": calibration.ship_at} | numbers
    return calibration, Rule(**numbers)


async def _open_support(
    provider: OpenedProvider, options: Options
) -> tuple[ProviderConfig | None, Endpoint | None]:
    """Return who checks support, and its endpoint where that is another provider's."""
    if not options.check_support:
        return None, None
    judge, replayed = provider.config, provider.replayed
    if replayed and replayed.support and not options.support_provider:
        stored = replayed.support
        if not _same_model(stored, judge):
            config = stored.model_copy(update={"run": judge.run, "why": judge.why})
            return config, (await open_provider(config, options)).endpoint
    if not (options.support_provider or options.support_model):
        return judge, None
    options = replace(
        options,
        provider=options.support_provider or options.provider,
        model=options.support_model,
        client=None if options.support_provider else options.client,
        ask=None,
    )
    checker = await open_provider(provider_config(options), options)
    if not _same_model(checker.config, judge):
        return checker.config, checker.endpoint
    # One endpoint to one provider, so that its limits are shared.
    await checker.endpoint.close()
    return checker.config, None


def _same_model(config: ProviderConfig, judge: ProviderConfig) -> bool:
    return (config.provider, config.wire_model) == (judge.provider, judge.wire_model)


def _measured(calibration: Calibration | None, judge: ProviderConfig) -> Measured | None:
    """Return the calibration's measurement where it is of this provider and strategy."""
    measured = calibration and calibration.measured
    if measured and (measured.provider, measured.ask) == (public(judge.provider), judge.ask):
        return measured
    return None


def _judge_note(calibration: Calibration | None, judge: ProviderConfig, rule: Rule) -> str:
    """Return what every scorecard says about its judge, in one line with counts; never empty."""
    if (measured := _measured(calibration, judge)) is None:
        return NEVER_MEASURED
    line = (
        f"this judge shipped {measured.lenient} bland or bad control tools"
        f" and {measured.good} good ones"
    )
    default = Rule().ship_at
    if measured.ship_at != default:
        line += (
            f" at {measured.ship_at:g}, its threshold"
            f" (at {default:g}: {measured.usual} bland or bad)"
        )
    if rule.ship_at != measured.ship_at:
        line += f"; this run ships at {rule.ship_at:g}"
    return f"{line}: weak evidence" if measured.weak else line
