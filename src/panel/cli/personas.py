"""`panel personas`: the reviewers and what they ask."""

from typing import Any

import click

from panel.cli import table
from panel.engine.open_panel import persona_folders
from panel.review.personas import Persona, check, load_personas


@click.group("personas", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show or check the reviewers."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
def list_() -> None:
    """List the reviewers."""
    rows = []
    for persona in load_personas(folders=persona_folders()):
        facts = sum(c.kind == "fact" for c in persona.criteria)
        asks = f"{len(persona.criteria)} ({facts} facts)"
        rows.append((persona.name, persona.title, f"{persona.weight:g}", asks, persona.lens))
    table.show(("name", "title", "weight", "asks", "looks for"), rows)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show one reviewer: lens, criteria, written parts, voice."""
    (persona,) = load_personas(names=[name], folders=persona_folders())
    click.echo("\n".join(_lines(persona)))


@command.command("check")
def check_(**_: Any) -> None:
    """Validate every persona file and print what each will ask."""
    for line in check(persona_folders()):
        click.echo(line)


def _lines(persona: Persona) -> list[str]:
    asked = [
        f"  {'fact     ' if c.kind == 'fact' else 'judgement'}  {c.weight:g}  {c.id}: {c.question}"
        + ("  (dealbreaker)" if c.dealbreaker else "")
        for c in persona.criteria
    ]
    written = [f"  {field.id}: {field.ask}" for field in persona.fields]
    ahead = f"  within {persona.forecast.horizon_months} months: {persona.forecast.ask}"
    return [
        f"{persona.title} ({persona.name}), weight {persona.weight:g}, from {persona.origin}",
        persona.lens,
        "",
        "Asks:",
        *asked,
        "",
        "Writes:",
        *written,
        "",
        "Predicts:",
        ahead,
        "",
        persona.voice,
    ]
