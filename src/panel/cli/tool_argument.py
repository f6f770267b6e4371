"""The tool that a command line names: by address, tool file, list, name with files, or run."""

from pathlib import Path

from panel.cli.console import say
from panel.cli.options import GatheringOptions, ToolOptions, settings
from panel.engine.gather_evidence import stored_tool
from panel.evidence.collect import tool_name
from panel.evidence.tools.fields import tool_kind
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import pick, read_tools, single_tool
from panel.foundation.errors import InputError, ToolError


def is_address(text: str) -> bool:
    """Tell an address from a name or a file."""
    return text.lower().startswith(("http://", "https://"))


def by_address(options: ToolOptions) -> bool:
    """Tell whether the tool is named by an address that is to be read."""
    return not options.evidence and (is_address(options.tool or "") or bool(options.url))


def find_tool(
    options: ToolOptions, gathering: GatheringOptions, runs: Path | None, *, allow_outside: bool
) -> Tool:
    """Return the tool that the options name; with --offline also one that a run stores.

    Raises:
        ToolError: there is none, nothing is known about it, or its kind is none.
    """
    kind = tool_kind(options.kind, "--kind") if options.kind else None
    tool = _named(options, gathering, runs, allow_outside=allow_outside)
    return tool.model_copy(update={"kind": kind, "kind_origin": None}) if kind else tool


def _named(
    options: ToolOptions, gathering: GatheringOptions, runs: Path | None, *, allow_outside: bool
) -> Tool:
    name, path = options.tool, options.tool_list
    if gathering.offline and gathering.fetch:
        raise InputError("--offline and --fetch were both given", hint="leave one of them out")
    if path is not None:
        if not (listed_name := options.named or name):
            raise ToolError("which tool of the list?", hint=f"--list {path} --tool NAME")
        return pick(read_list(path, allow_outside=allow_outside), listed_name)
    if name is None:
        raise ToolError("no tool named", hint="panel review examples/tools/sqlite-utils.yaml")
    url = options.url or (name if is_address(name) else None)
    if options.evidence or options.description or url:
        return single_tool(
            tool_name(name) if is_address(name) else name,
            url=url,
            description=options.description,
            evidence=options.evidence,
        )
    if gathering.offline and not _is_file(name):
        stored = stored_tool(settings(runs).runs, name)
        if stored is not None:
            return stored
    return _from_file(name, allow_outside)


def read_list(path: Path, *, allow_outside: bool) -> tuple[Tool, ...]:
    """Read a tool list or a tool file; print what was noted about it."""
    tools = read_tools(path, allow_outside=allow_outside)
    for note in tools.notes:
        say(f"note: {note}")
    return tools.tools


def _is_file(name: str) -> bool:
    path = Path(name)
    return bool(path.suffix) or path.exists()


def _from_file(name: str, allow_outside: bool) -> Tool:
    if not _is_file(name):
        raise ToolError(
            f"nothing is known about {name}: it is no tool file, and no evidence was given",
            hint=f"panel review {name!r} --evidence README.md, or --url https://…",
        )
    path = Path(name)
    tools = read_list(path, allow_outside=allow_outside)
    if len(tools) != 1:
        raise ToolError(
            f"{path} lists {len(tools)} tools",
            hint=f"panel review --list {path} --tool NAME, or panel batch {path}",
        )
    return tools[0]
