"""`panel personas`: the reviewers and what they ask."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from panel.reviews.personas import Persona


@click.group("personas", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show or check the reviewers."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
def list_() -> None:
    """List the reviewers."""
    from panel.cli.output import emit_blocks, table
    from panel.engine.open_panel import persona_folders
    from panel.reviews.personas import load_personas

    rows = []
    for persona in load_personas(folders=persona_folders()):
        facts = sum(criterion.kind == "fact" for criterion in persona.criteria)
        asks = f"{len(persona.criteria)} ({facts} facts)"
        rows.append((persona.name, persona.title, f"{persona.weight:g}", asks, persona.lens))
    emit_blocks([table(("name", "title", "weight", "asks", "looks for"), rows)], None)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show one reviewer: lens, criteria, written parts, voice."""
    from panel.engine.open_panel import persona_folders
    from panel.reviews.personas import load_personas

    (persona,) = load_personas(names=[name], folders=persona_folders())
    click.echo("\n".join(_lines(persona)))


@command.command("check")
def check_() -> None:
    """Validate every persona file and print what each will ask."""
    from panel.engine.open_panel import persona_folders
    from panel.reviews.personas import check

    for line in check(persona_folders()):
        click.echo(line)


def _lines(persona: "Persona") -> list[str]:
    questions = [
        f"  {'fact     ' if c.kind == 'fact' else 'judgement'}  {c.weight:g}  {c.id}: {c.question}"
        + ("  (dealbreaker)" if c.dealbreaker else "")
        for c in persona.criteria
    ]
    parts = [f"  {part.id}: {part.ask}" for part in persona.beats or persona.fields]
    forecast = f"  within {persona.forecast.horizon_months} months: {persona.forecast.ask}"
    return [
        f"{persona.title} ({persona.name}), weight {persona.weight:g}, from {persona.origin}",
        *filter(None, [persona.biography]),
        persona.lens,
        "",
        "Asks:",
        *questions,
        "",
        "Writes:",
        *parts,
        "",
        "Predicts:",
        forecast,
        "",
        persona.voice,
    ]
