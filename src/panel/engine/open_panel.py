"""Opening a panel: from a user's options to the review plan and its endpoints. Asks nothing."""

import contextlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from panel.engine.connections import OpenedProvider
from panel.engine.open_judges import ProviderOpener, open_judges
from panel.engine.open_provider import provider_config
from panel.engine.options import Options
from panel.evidence.fence import SECRET_BYTES, SecretNotKept, installation_secret
from panel.foundation.errors import InputError, PersonaError
from panel.foundation.paths import config_folder, data_folder
from panel.llm.config import ProviderConfig
from panel.llm.types import Endpoint
from panel.reviews.calibration import calibration as calibrations
from panel.reviews.calibration.calibration import Calibration, Measured
from panel.reviews.choices import choices
from panel.reviews.personas import Persona, load_personas
from panel.reviews.plan import CalibratedJudge, ReviewPlan
from panel.reviews.score import Rule
from panel.runs.manifest import public

NEVER_MEASURED: Final = "this judge was never measured: panel calibrate"
NONE_MEASURED: Final = "these judges were never measured: panel calibrate"


@dataclass(frozen=True)
class OpenedPanel:
    """A review plan and the open endpoints of its judges and of who checks support."""

    plan: ReviewPlan
    endpoint: Endpoint
    support_endpoint: Endpoint | None
    """None where support is not checked, or is checked by the run's judge."""
    versions: Mapping[str, str]
    """Of programs that answer on this machine, for the manifest."""
    judges: Mapping[str, Endpoint]
    """By persona, where another model or provider answers for it; equal ones are one object."""
    stack: contextlib.AsyncExitStack
    """Holds what is open."""

    async def close(self) -> None:
        """Close the endpoints."""
        await self.stack.aclose()


async def open_panel(options: Options) -> OpenedPanel:
    """Load the personas, open the providers and the support checker, and make the plan.

    Raises:
        InputError: a persona, a provider or its model cannot be used.
        CallError: a provider cannot be reached, or rejects the key.
    """
    personas = _personas(options)
    secret, secret_warnings = _secret(options)
    async with contextlib.AsyncExitStack() as stack:
        opener = ProviderOpener(stack)
        provider, others = await open_judges(options, personas, opener, folders=_folders(options))
        support, support_endpoint = await _open_support(provider, options, opener)
        calibration, rule = _calibration_and_rule(provider, options, alone=not others)
        judge = CalibratedJudge(provider.config, calibration)
        judges = {name: _other_judge(name, provider, o, options) for name, o in others.items()}
        plan = ReviewPlan(
            personas=personas,
            judge=judge.config,
            rule=rule,
            calibration=_used(judge).calibration,
            judges={name: _used(other) for name, other in judges.items()},
            support=support,
            calibrates=options.calibrates,
            secret=secret,
            warnings=_unique(secret_warnings, *(p.warnings for p in (provider, *others.values()))),
            judge_note="" if options.calibrates else _judge_note([judge, *judges.values()], rule),
            **choices(options),
        )
        _check_second_look(plan)
        return OpenedPanel(
            plan,
            provider.endpoint,
            support_endpoint,
            {k: v for p in (provider, *others.values()) for k, v in p.versions.items()},
            {name: other.endpoint for name, other in others.items()},
            stack.pop_all(),
        )


def _check_second_look(plan: ReviewPlan) -> None:
    """Raise `InputError` where a second look is to be held and a reviewer is asked stepwise."""
    stepwise = [p.name for p in plan.personas if plan.of(p.name).judge.ask != "whole"]
    if plan.second_look and stepwise:
        raise InputError(
            f"a second look is for reviewers asked whole; {', '.join(stepwise)}"
            f" {'is' if len(stepwise) == 1 else 'are'} asked stepwise",
            hint="--ask whole, or a review without --second-look",
        )


def persona_folders() -> tuple[Path, ...]:
    """Return the folders of persona files: the shipped one, then `personas/` here."""
    shipped, here = data_folder("personas"), Path("personas")
    same = here.is_dir() and here.resolve() == shipped.resolve()
    return (shipped, here) if here.is_dir() and not same else (shipped,)


def _folders(options: Options) -> tuple[Path, ...]:
    return (data_folder("personas"),) if options.sealed else persona_folders()


def _unique(*lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for group in lines for line in group))


def _personas(options: Options) -> tuple[Persona, ...]:
    """Return the reviewers in the order they are named; those that are objects as they are."""
    folders = _folders(options)
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
    if options.sealed or options.dry_run:
        return secrets.token_bytes(SECRET_BYTES), ()
    try:
        return installation_secret(config_folder()), ()
    except SecretNotKept as error:
        warning = (
            f"{error.message}; this run has one of its own (PANEL_CONFIG names another folder)"
        )
        return secrets.token_bytes(SECRET_BYTES), (warning,)


def _calibration_and_rule(
    provider: OpenedProvider, options: Options, *, alone: bool
) -> tuple[Calibration | None, Rule]:
    """Return the judge's calibration, and the rule: numbers of the settings before its threshold.

    A replay takes both from its run: they decide which questions were asked. A threshold that was
    measured for one model is not used where it is not the judge of all reviewers.
    """
    numbers = options.settings.rule.model_dump(exclude_none=True)
    if (replayed := provider.replayed) is not None:
        return replayed.calibration, replayed.rule.model_copy(update=numbers)
    if options.calibrates:
        return None, Rule(**numbers)
    judge = provider.config
    calibration = _calibration(judge, options)
    if alone and calibration and calibration.ship_at is not None and _measured(calibration, judge):
        numbers = {"ship_at": calibration.ship_at} | numbers
    return calibration, Rule(**numbers)


def _calibration(judge: ProviderConfig, options: Options) -> Calibration | None:
    return calibrations.load(judge.model, judge.ask, own=not options.sealed)


def _other_judge(
    name: str, own: OpenedProvider, other: OpenedProvider, options: Options
) -> CalibratedJudge:
    """Return the judge of one reviewer; a replay has the calibration of its run."""
    if own.replayed is not None:
        return CalibratedJudge(other.config, own.replayed.judges[name].calibration)
    return CalibratedJudge(other.config, _calibration(other.config, options))


def _used(judge: CalibratedJudge) -> CalibratedJudge:
    """Return the judge with its calibration where answers are read through it."""
    return judge if judge.config.ask == "stepwise" else CalibratedJudge(judge.config)


async def _open_support(
    provider: OpenedProvider, options: Options, opener: ProviderOpener
) -> tuple[ProviderConfig | None, Endpoint | None]:
    """Return who checks support, and its endpoint where that is not the run's judge's."""
    if not options.check_support:
        return None, None
    judge, replayed = provider.config, provider.replayed
    if replayed and replayed.support and not options.support_provider:
        config = replayed.support.model_copy(update={"run": judge.run, "why": judge.why})
    elif not (options.support_provider or options.support_model):
        return judge, None
    else:
        usual = judge.provider if options.spread else options.provider
        options = replace(
            options,
            provider=options.support_provider or usual,
            model=options.support_model,
            client=None if options.support_provider else options.client,
            ask=None,
        )
        config = provider_config(options)
    checker = await opener.open(config.model_copy(update={"ask": judge.ask}), options)
    return checker.config, None if checker is provider else checker.endpoint


def _measured(calibration: Calibration | None, judge: ProviderConfig) -> Measured | None:
    """Return the calibration's measurement where it is of this provider and strategy."""
    measured = calibration and calibration.measured
    if measured and (measured.provider, measured.ask) == (public(judge.provider), judge.ask):
        return measured
    return None


def _judge_note(judges: Sequence[CalibratedJudge], rule: Rule) -> str:
    """Return what every scorecard says about its judges, in one line with counts; never empty."""
    by_model = {judge.config.model: judge for judge in judges}
    measured = {m: _measured(j.calibration, j.config) for m, j in by_model.items()}
    if not any(measured.values()):
        return NEVER_MEASURED if len(by_model) == 1 else NONE_MEASURED
    several = len(by_model) > 1
    names = {model: f"this judge, {model}," if several else "this judge" for model in by_model}
    return "; ".join(
        _measured_line(names[model], row, rule) if row else f"{names[model]} was never measured"
        for model, row in measured.items()
    )


def _measured_line(judge: str, measured: Measured, rule: Rule) -> str:
    line = (
        f"{judge} shipped {measured.lenient} bland or bad control tools"
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
    line = f"{line}: weak evidence" if measured.weak else line
    if (swayed := measured.swayed).total:
        verdicts = "verdict" if swayed.count == 1 else "verdicts"
        line += f"; text injected into {swayed.total} pages changed {swayed.count} {verdicts}"
    return line
