"""Naming a tool on the command line: by address, tool file, list, name with files, or run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from panel.cli import options
from panel.cli.console import say
from panel.engine.gather_evidence import stored_tool
from panel.evidence.collect import tool_name
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import pick, read_tools, single_tool
from panel.foundation.errors import InputError, ToolError

F = TypeVar("F", bound=Callable[..., Any])

_NAMING = [
    click.argument("tool", required=False),
    click.option(
        "--list",
        "tool_list",
        type=click.Path(path_type=Path),
        metavar="LIST",
        help="Tool list to take the tool from.",
    ),
    click.option("--tool", "named", metavar="NAME", help="Name of the tool in --list."),
    click.option(
        "--evidence",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="What is known about TOOL: Markdown, HTML, PDF or text. Repeatable.",
    ),
    click.option(
        "--url", metavar="URL", help="The tool's address; read if no --evidence is given."
    ),
    click.option("--description", metavar="TEXT", help="What the tool is, in a sentence or two."),
]


def naming(function: F) -> F:
    """Add the argument and the options that name one tool."""
    function = options.listing(function)
    for option in reversed(_NAMING):
        function = option(function)
    return function


def is_address(text: str) -> bool:
    """Tell an address from a name or a file."""
    return text.lower().startswith(("http://", "https://"))


def by_address(given: Mapping[str, Any]) -> bool:
    """Tell whether the tool is named by an address that is to be read."""
    name = given["tool"] or ""
    return not given["evidence"] and (is_address(name) or bool(given["url"]))


def named_tool(given: Mapping[str, Any]) -> Tool:
    """Return the tool that the options of `naming` name.

    Raises:
        ToolError: there is none, or nothing is known about it.
    """
    name, path, named = given["tool"], given["tool_list"], given["named"]
    if given["offline"] and given["fetch"]:
        raise InputError("--offline and --fetch were both given", hint="leave one of them out")
    if path is not None:
        if not (wanted := named or name):
            raise ToolError("which tool of the list?", hint=f"--list {path} --tool NAME")
        return pick(_read(path, given), wanted)
    if name is None:
        raise ToolError("no tool named", hint="panel review examples/tools/sqlite-utils.yaml")
    url = given["url"] or (name if is_address(name) else None)
    if given["evidence"] or given["description"] or url:
        return single_tool(
            tool_name(name) if is_address(name) else name,
            url=url,
            description=given["description"],
            evidence=given["evidence"],
        )
    return _from_file(name, given)


def _from_file(name: str, given: Mapping[str, Any]) -> Tool:
    path = Path(name)
    if not path.suffix and not path.exists():
        stored = (
            stored_tool(options.settings(given["runs"]).runs, name) if given["offline"] else None
        )
        if stored is not None:
            return stored
        raise ToolError(
            f"nothing is known about {name}: it is no tool file, and no evidence was given",
            hint=f"panel review {name!r} --evidence README.md, or --url https://…",
        )
    tools = _read(path, given)
    if len(tools) != 1:
        raise ToolError(
            f"{path} lists {len(tools)} tools",
            hint=f"panel review --list {path} --tool NAME, or panel batch {path}",
        )
    return tools[0]


def _read(path: Path, given: Mapping[str, Any]) -> tuple[Tool, ...]:
    found = read_tools(path, allow_outside=given["allow_outside"])
    for note in found.notes:
        say(f"note: {note}")
    return found.tools
