"""Opening a panel: from a user's options to the review plan and its endpoints. Asks nothing."""

import contextlib
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from panel.engine.connections import OpenedProvider
from panel.engine.judge_choices import fallback_choices
from panel.engine.open_judges import ProviderOpener, of_choice, open_fallbacks, open_judges
from panel.engine.open_provider import provider_config
from panel.engine.options import JudgeChoice, Options
from panel.evidence.fence import SECRET_BYTES, SecretNotKept, installation_secret
from panel.foundation.errors import CallError, InputError, PersonaError
from panel.foundation.paths import config_folder, data_folder
from panel.llm.config import ProviderConfig
from panel.llm.types import Endpoint
from panel.reviews.backtest import record as records
from panel.reviews.backtest.record import BacktestRecord
from panel.reviews.calibration import calibration as calibrations
from panel.reviews.calibration.calibration import Calibration, Measured
from panel.reviews.choices import choices
from panel.reviews.personas import Persona, load_personas
from panel.reviews.plan import CalibratedJudge, ReviewPlan
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import writes
from panel.reviews.weights import check_known, read_weights
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
    fallbacks: Mapping[str, Endpoint]
    """By provider."""
    stack: contextlib.AsyncExitStack
    """Holds what is open."""

    async def close(self) -> None:
        """Close the endpoints."""
        await self.stack.aclose()


async def open_panel(options: Options, *, rule: Rule | None = None) -> OpenedPanel:
    """Load the personas, open the providers and the support checker, and make the plan.

    `rule` is that of a stored run; None makes it from the settings.

    Raises:
        InputError: a persona, a provider, its model or the settings' weights cannot be used.
        CallError: a provider cannot be reached, or rejects the key.
    """
    personas = _personas(options)
    numbers = _numbers(options, personas) if rule is None else {}
    secret, secret_warnings = _secret(options)
    async with contextlib.AsyncExitStack() as stack:
        opener = ProviderOpener(stack)
        options, left, provider, others = await _open_first(options, personas, opener)
        fallbacks = await open_fallbacks(options, left, provider, others.values(), opener)
        support, support_endpoint = await _open_support(provider, options, opener)
        alone = not others and not fallbacks
        if provider.replayed is not None:  # which was asked so: another question has no answer
            options = replace(options, propositions=provider.replayed.propositions)
        calibration = _own_calibration(provider, options)
        rule = rule or _rule(provider, options, numbers, alone=alone)
        judge = CalibratedJudge(provider.config, calibration)
        judges = {name: _other_judge(name, provider, o, options) for name, o in others.items()}
        plan = ReviewPlan(
            personas=personas,
            judge=judge.config,
            rule=rule,
            calibration=_used(judge).calibration,
            judges={name: _used(other) for name, other in judges.items()},
            fallbacks=tuple(_fallback(f, provider, options, rule) for f in fallbacks),
            support=support,
            calibrates=options.calibrates,
            secret=secret,
            warnings=_unique(
                secret_warnings,
                *(p.warnings for p in (provider, *others.values())),
                _weights_line(rule, personas, (provider, *others.values(), *fallbacks)),
            ),
            judge_note=_judge_note([judge, *judges.values()], rule, options, alone=alone),
            **choices(options),
        )
        _check_second_look(plan)
        if not _writers(plan):
            plan = replace(plan, propositions=())
        return OpenedPanel(
            plan,
            provider.endpoint,
            support_endpoint,
            {k: v for p in (provider, *others.values(), *fallbacks) for k, v in p.versions.items()},
            {name: other.endpoint for name, other in others.items()},
            {fallback.config.provider: fallback.endpoint for fallback in fallbacks},
            stack.pop_all(),
        )


async def _open_first(
    options: Options, personas: Sequence[Persona], opener: ProviderOpener
) -> tuple[Options, Sequence[JudgeChoice], OpenedProvider, Mapping[str, OpenedProvider]]:
    """Return the judges, the fallbacks behind them, and the options with which they are asked.

    Where the one provider of a new run cannot even be opened, the first fallback takes its place.
    """
    left, warnings = fallback_choices(options), []
    single = not options.spread and not options.settings.personas and options.judges is None
    while True:
        try:
            own, others = await open_judges(options, personas, opener, folders=_folders(options))
        except CallError as error:
            if not (error.elsewhere and left and single):
                raise
            first, left = left[0], left[1:]
            warnings.append(f"{first.provider} is asked from the start: {error.message}")
            options = of_choice(options, first)
        else:
            return options, left, replace(own, warnings=(*warnings, *own.warnings)), others


def _writers(plan: ReviewPlan) -> bool:
    """Tell whether any reviewer writes, asked by its own judge or by a fallback."""
    answering = ["", *(fallback.config.provider for fallback in plan.fallbacks)]
    return any(
        writes(plan.asking({persona.name: name}), persona)
        for persona in plan.personas
        for name in answering
    )


def _check_second_look(plan: ReviewPlan) -> None:
    """Raise `InputError` where a second look is to be held and a reviewer is asked stepwise."""
    stepwise = [p.name for p in plan.personas if plan.of(p.name).judge.ask != "whole"]
    fallbacks = [f.config for f in plan.fallbacks]
    stepwise += [f"the fallback {f.provider}" for f in fallbacks if f.ask != "whole"]
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


def _numbers(options: Options, personas: Sequence[Persona]) -> dict[str, Any]:
    """Return what the settings say of the rule; the file of weights that they name is read."""
    numbers = options.settings.rule.model_dump(exclude_none=True)
    if (path := options.settings.rule.weights) is not None:
        weights = read_weights(path)
        check_known(weights, [persona.name for persona in personas], path)
        numbers["weights"] = weights
        if weights.threshold is not None:
            numbers.setdefault("ship_at", weights.threshold.ship_at)
    return numbers


def _own_calibration(provider: OpenedProvider, options: Options) -> Calibration | None:
    """Return the judge's calibration. A replay takes it from its run: it decides what was asked."""
    if provider.replayed is not None:
        return provider.replayed.calibration
    return None if options.calibrates else _calibration(provider.config, options)


def _rule(
    provider: OpenedProvider, options: Options, numbers: Mapping[str, Any], *, alone: bool
) -> Rule:
    """Return the rule: numbers of the settings before its threshold; of a replay, before its run's.

    A threshold that was measured for one model is not used where it is not the judge of all
    reviewers.
    """
    if provider.replayed is not None:
        stored = provider.replayed.rule
        return (stored.plain() if "weights" in numbers else stored).model_copy(update=numbers)
    if not options.calibrates and alone:
        measured = measured_threshold(provider.config, options)
        numbers = ({} if measured is None else {"ship_at": measured}) | dict(numbers)
    return Rule(**numbers)


def _weights_line(
    rule: Rule, personas: Sequence[Persona], providers: Sequence[OpenedProvider]
) -> tuple[str, ...]:
    """Return what every scorecard says of fitted weights; nothing where weights are plain."""
    if rule.weights is None:
        return ()
    names = [persona.name for persona in personas]
    models = (provider.config.model for provider in providers)
    ways = (provider.config.ask for provider in providers)
    return (rule.weights.line(names, models, ways, rule.ship_at),)


def measured_threshold(judge: ProviderConfig, options: Options) -> float | None:
    """Return the score from which a judge's reviewers ship, where that was measured for it."""
    calibration = _calibration(judge, options)
    return calibration.ship_at if calibration and _measured(calibration, judge) else None


def _calibration(judge: ProviderConfig, options: Options) -> Calibration | None:
    return calibrations.load(judge.model, judge.ask, own=not options.sealed)


def _other_judge(
    name: str, own: OpenedProvider, other: OpenedProvider, options: Options
) -> CalibratedJudge:
    """Return the judge of one reviewer; a replay has the calibration of its run."""
    if own.replayed is not None:
        return CalibratedJudge(other.config, own.replayed.judges[name].calibration)
    return CalibratedJudge(other.config, _calibration(other.config, options))


def _fallback(
    fallback: OpenedProvider, own: OpenedProvider, options: Options, rule: Rule
) -> CalibratedJudge:
    """Return a fallback with its own calibration, and what a card says of it; `own` as above."""
    config = fallback.config
    if own.replayed is not None:
        by_name = {judge.config.provider: judge for judge in own.replayed.fallbacks}
        return CalibratedJudge(config, by_name[config.provider].calibration)
    calibration = _calibration(config, options)
    measured = _measured(calibration, config)
    name = f"this judge, {config.model},"
    note = _measured_line(name, measured, rule) if measured else f"{name} was never measured"
    used = _used(CalibratedJudge(config, calibration))
    return replace(used, notes=(*fallback.warnings, note))


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


def _judge_note(
    judges: Sequence[CalibratedJudge], rule: Rule, options: Options, *, alone: bool
) -> str:
    """Return what every scorecard says about its judges, in one line with counts.

    It is empty only where the run measures its judge. `alone`: nobody else may answer, so that the
    one judge needs no name.
    """
    if options.calibrates:
        return ""
    by_model = {judge.config.model: judge for judge in judges}
    measured = {m: _measured(j.calibration, j.config) for m, j in by_model.items()}
    found = {m: _backtested(j.config, options) for m, j in by_model.items()}
    several = len(by_model) > 1
    names = {m: "this judge" if alone and not several else f"this judge, {m}," for m in by_model}
    backtests = [record.line(names[model]) for model, record in found.items() if record]
    if not any(measured.values()) and (alone or several):
        if not backtests:
            return NONE_MEASURED if several else NEVER_MEASURED
        who = "these judges were" if several else "this judge was"
        return "; ".join([f"{who} never measured on control tools (panel calibrate)", *backtests])
    lines = [
        _measured_line(names[model], row, rule) if row else f"{names[model]} was never measured"
        for model, row in measured.items()
    ]
    return "; ".join([*lines, *backtests])


def _backtested(judge: ProviderConfig, options: Options) -> BacktestRecord | None:
    """Return how a judge did in a backtest, where one was kept of this provider and strategy."""
    provider = public(judge.provider)
    return records.load(provider, judge.model, judge.ask, own=not options.sealed)


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
