"""`panel personas`: the reviewers and what they ask."""

from typing import TYPE_CHECKING

import click

from panel.cli.console import warn
from panel.foundation.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from panel.reviews.personas import Persona


@click.group("personas", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List, show or check the reviewers."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@command.command("list")
def list_() -> None:
    """List the reviewers, those of installed packages last.

    Reviewers of packages review only where --personas names them.
    """
    from panel.cli.output import emit_blocks, table

    rows = []
    for persona in _all_personas():
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
    """Validate every persona file and print its questions."""
    from panel.engine.open_panel import persona_folders
    from panel.reviews.personas import check

    for line in check(persona_folders()):
        click.echo(line)


def _all_personas() -> "Iterator[Persona]":
    """Yield the personas of the folders, then those of plug-ins; warn of unusable plug-ins."""
    from panel.engine.open_panel import persona_folders
    from panel.foundation.plugins import plugin_names
    from panel.reviews.personas import load_personas

    folders = persona_folders()
    personas = load_personas(folders=folders)
    yield from personas
    names = {persona.name for persona in personas}
    for name in plugin_names("personas"):
        try:
            yield from () if name in names else load_personas(names=[name], folders=folders)
        except InputError as error:
            warn(error.message)


def _questions(persona: "Persona") -> "Iterator[str]":
    from panel.reviews.personas import decided_line, statements_line

    for c in persona.criteria:
        kind = "fact     " if c.kind == "fact" else "judgement"
        breaks = "  (dealbreaker)" if c.dealbreaker else ""
        yield f"  {kind}  {c.weight:g}  {c.id}: {c.question}{breaks}"
        if c.applies_to:
            yield f"             asked about: {', '.join(c.applies_to)}"
        if c.decided_by:
            yield f"             {decided_line(c)}"
        if c.says:
            yield f"             {statements_line(c.says)}"


def _lines(persona: "Persona") -> list[str]:
    parts = [f"  {part.id}: {part.ask}" for part in persona.beats or persona.fields]
    forecast = f"  within {persona.forecast.horizon_months} months: {persona.forecast.ask}"
    return [
        f"{persona.title} ({persona.name}), weight {persona.weight:g}, from {persona.origin}",
        *filter(None, [persona.biography]),
        persona.lens,
        "",
        "Asks:",
        *_questions(persona),
        "",
        "Writes:",
        *parts,
        "",
        "Predicts:",
        forecast,
        "",
        persona.voice,
    ]
