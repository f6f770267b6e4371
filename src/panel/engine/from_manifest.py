"""A run's manifest and its panel: the manifest of a new run, and a stored run's panel again."""

from dataclasses import replace
from datetime import UTC, datetime

from panel.engine.open_panel import OpenedPanel, measured_threshold, open_panel
from panel.engine.options import JudgeChoice, Options
from panel.foundation.errors import RunError
from panel.reviews.choices import choices, inherited_choices
from panel.reviews.plan import ReviewPlan
from panel.reviews.prompts import template_texts
from panel.reviews.score import Rule
from panel.reviews.strategies.ask import reply_schemas
from panel.runs.compatibility import check_same
from panel.runs.manifest import JudgeRecord, Manifest, new_manifest, plan_of


async def open_from_manifest(options: Options, manifest: Manifest) -> OpenedPanel:
    """Open the panel of a run that is continued; asks and writes nothing.

    Raises:
        RunError: names every field of the run's meaning that has changed.
        InputError: the provider or its model cannot be used.
    """
    opened = await open_panel(_stored_options(options, manifest), rule=manifest.rule)
    try:
        _check_threshold(opened.plan, options, manifest)
        asked = {fallback.config.provider for fallback in opened.plan.fallbacks}
        stored = plan_of(manifest, personas=(), calibration=None).fallbacks
        earlier = tuple(f for f in stored if f.config.provider not in asked)
        plan = replace(opened.plan, earlier_fallbacks=earlier)
        opened = replace(opened, plan=plan)
        check_same(manifest, first_manifest(options, opened, manifest.tools, manifest.parent))
    except BaseException:
        await opened.close()
        raise
    return opened


async def check_against_manifest(options: Options, manifest: Manifest) -> None:
    """Raise what `open_from_manifest` raises, and leave nothing open."""
    opened = await open_from_manifest(options, manifest)
    await opened.close()


def first_manifest(
    options: Options, opened: OpenedPanel, tools: int, parent: str | None
) -> Manifest:
    """Return the manifest of a run that is about to start over so many tools."""
    plan = opened.plan
    return new_manifest(
        plan,
        created=datetime.now(UTC),
        command=options.command,
        prompts=template_texts(second_look=plan.second_look, propositions=bool(plan.propositions)),
        schemas={p.name: schema for p in plan.personas if (schema := reply_schemas(plan, p))},
        tools=tools,
        parent=parent,
        versions=opened.versions,
    )


def stored_judges(manifest: Manifest) -> dict[str, JudgeChoice]:
    """Return the judges of a stored run that are not its own, as choices, by persona."""
    return {
        name: JudgeChoice(judge.provider, _model_of(judge), judge.ask, f"run {manifest.run}")
        for name, judge in manifest.other_judges.items()
    }


def all_fallbacks(manifest: Manifest, current: Manifest) -> tuple[JudgeRecord, ...]:
    """Return the fallbacks of a stored run and, behind them, those that are asked now."""
    asked = {record.provider for record in current.fallbacks}
    earlier = (record for record in manifest.fallbacks if record.provider not in asked)
    return (*earlier, *current.fallbacks)


def _check_threshold(plan: ReviewPlan, options: Options, manifest: Manifest) -> None:
    """Raise `RunError` where a run ships by what was measured for its judge alone."""
    if not plan.fallbacks or manifest.fallbacks or manifest.other_judges:
        return
    ship_at = manifest.rule.ship_at
    if ship_at != Rule().ship_at and ship_at == measured_threshold(plan.judge, options):
        raise RunError(
            f"run {manifest.run} ships at {ship_at:g}, which was measured for {manifest.model} and"
            " holds for no fallback",
            hint=f"panel rerun {manifest.run} --fallback …",
        )


def _stored_fallbacks(manifest: Manifest) -> tuple[JudgeChoice, ...]:
    return tuple(
        JudgeChoice(record.provider, _model_of(record), record.ask, f"run {manifest.run}")
        for record in manifest.fallbacks
    )


def rerun_options(options: Options, manifest: Manifest, *, samples: int | None = None) -> Options:
    """Return the options with which a run is asked again, alike but for what they say.

    `samples` is how often each persona is asked; None: as the options or the run say.
    """
    choices = inherited_choices(options, manifest)
    if samples is not None:
        choices["samples"] = samples
    return replace(
        _rerun_judges(options, manifest),
        personas=options.personas or tuple(manifest.personas),
        check_support=options.check_support or manifest.support is not None,
        **choices,
    )


def refresh_options(options: Options, manifest: Manifest, *, samples: int | None = None) -> Options:
    """Return those of a rerun, by the stored run's own provider where the options name none."""
    again = rerun_options(options, manifest, samples=samples)
    if options.spread or options.provider or options.model or options.client is not None:
        return again
    stored = _stored_options(options, manifest)
    return replace(
        again,
        provider=stored.provider,
        model=stored.model,
        judges=stored.judges,
        ask=options.ask or stored.ask,
        support_provider=options.support_provider or stored.support_provider,
        support_model=options.support_model or stored.support_model,
    )


def _rerun_judges(options: Options, manifest: Manifest) -> Options:
    """Return the options of a rerun with its judges.

    A provider, model or client that is named replaces all judges. Where nothing is named, a run
    of several models is asked by them again, all in the way of today's options.
    """
    if options.spread:
        return options
    if options.provider or options.model or options.client is not None:
        return replace(options, judges={})
    if not manifest.other_judges:
        return options
    return replace(
        options,
        provider=manifest.provider,
        model=_model_of(manifest),
        judges={name: replace(judge, ask=None) for name, judge in stored_judges(manifest).items()},
        fallbacks=tuple(replace(f, ask=None) for f in _stored_fallbacks(manifest)),
    )


def _model_of(judge: Manifest | JudgeRecord) -> str:
    """Return the model as it was named: for the provider `auto` with its route."""
    return judge.wire_model if judge.provider == "auto" else judge.model


def _stored_options(options: Options, manifest: Manifest) -> Options:
    """Return the options with which a stored run asks the same; provider and model may differ."""
    options = replace(
        options,
        provider=options.provider or manifest.provider,
        model=options.model or _model_of(manifest),
        judges=stored_judges(manifest),
        fallbacks=_stored_fallbacks(manifest),
        ask=manifest.ask,
        tools=manifest.tools,
        personas=tuple(manifest.personas),
        **choices(manifest),
    )
    if (support := manifest.support) is None:
        return options
    options = replace(options, check_support=True, support_provider=None, support_model=None)
    if (support.provider, support.wire_model) == (manifest.provider, manifest.wire_model):
        return options
    return replace(options, support_provider=support.provider, support_model=support.model)
