"""`panel review`: one tool, its scorecard."""

from pathlib import Path
from typing import Any

import click

from panel.cli import options, work
from panel.cli.emit import emit_cards
from panel.cli.talk import say
from panel.errors import ToolError
from panel.session.session import Session
from panel.tools.tool import Tool
from panel.tools.toollist import pick, read_tools, single_tool


@click.command("review")
@click.argument("tool", required=False)
@click.option(
    "--list",
    "tool_list",
    type=click.Path(path_type=Path),
    metavar="LIST",
    help="Tool list to take the tool from.",
)
@click.option("--tool", "named", metavar="NAME", help="Name of the tool in --list.")
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="What is known about TOOL: Markdown, HTML or text. Repeatable.",
)
@click.option("--url", metavar="URL", help="The tool's page, shown on the scorecard.")
@click.option("--description", metavar="TEXT", help="What the tool is, in a sentence or two.")
@options.reviewing
@options.output
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Review one tool and print its scorecard.

    TOOL is a tool file (examples/tools/NAME.yaml), or a name together with --evidence or
    --description, or comes from a list with --list LIST --tool NAME.
    """
    tool = _tool(given)
    cards = work.perform(Session.start(options.options_of(given), [tool]))
    emit_cards(cards, given["form"], given["output"])
    ctx.exit(work.exit_code(cards, given["fail_on"]))


def _tool(given: dict[str, Any]) -> Tool:
    name, path, named = given["tool"], given["tool_list"], given["named"]
    described = given["evidence"] or given["description"]
    if path is not None:
        if not (wanted := named or name):
            raise ToolError("which tool of the list?", hint=f"--list {path} --tool NAME")
        return pick(_read(path), wanted)
    if name is None:
        raise ToolError("no tool named", hint="panel review examples/tools/sqlite-utils.yaml")
    if described:
        return single_tool(
            name,
            url=given["url"],
            description=given["description"],
            evidence=given["evidence"],
        )
    return _from_file(name)


def _from_file(name: str) -> Tool:
    path = Path(name)
    if not path.suffix and not path.exists():
        raise ToolError(
            f"nothing is known about {name}: it is no tool file, and no evidence was given",
            hint=f"panel review {name!r} --evidence README.md",
        )
    tools = _read(path)
    if len(tools) != 1:
        raise ToolError(
            f"{path} lists {len(tools)} tools",
            hint=f"panel review --list {path} --tool NAME, or panel batch {path}",
        )
    return tools[0]


def _read(path: Path) -> tuple[Tool, ...]:
    found = read_tools(path)
    for note in found.notes:
        say(f"note: {note}")
    return found.tools
