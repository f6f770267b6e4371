"""Arguments of the Python interface: checked before any work, and turned into tools and options.

A caller from a notebook has no type checker, so a wrong value is an `InputError` that names the
argument, what it must be and what it is.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from panel.engine.options import Engine
from panel.evidence.collect import tool_name
from panel.evidence.tools.tool import Document, Tool
from panel.evidence.tools.tool_list import read_tools, single_tool
from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import InputError, ToolError
from panel.foundation.slug import slug
from panel.foundation.text import one_line, printable
from panel.llm.config import Ask, Wire
from panel.llm.openai_compat.own_client import client_kind
from panel.reviews.personas import Persona

MAX_SAMPLES: Final = 100

ToolLike = Tool | str | Path
"""A tool, its web address, the path of its tool file, or a name."""
EvidenceLike = str | Path | Document
"""A local file about a tool, or a text."""


def check(**values: object) -> None:
    """Raise `InputError` for the first value that its argument cannot have."""
    for name, value in values.items():
        if checker := _CHECKS.get(name):
            checker(name, value)


def check_alone(name: str, value: object, **others: object) -> None:
    """Raise `InputError` where a value was given together with one that it takes the place of."""
    for other, given in others.items():
        if value is not None and given is not None:
            raise InputError(f"{name} and {other} were both given", hint="leave one of them out")


def check_names(function: str, names: Iterable[str], known: Sequence[str]) -> None:
    """Raise `InputError` for the first name that is none of the known ones."""
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, most=1) or f"there are {', '.join(known)}"
            raise InputError(f"{function} has no argument {name!r}", hint=hint)


def as_path(name: str, value: object) -> Path:
    """Return a path argument as a `Path`."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise _wrong(name, value, "a path")
    return Path(value)


def as_personas(value: object) -> tuple[str | Persona, ...] | None:
    """Return reviewers by name or as they are; None stands for all."""
    if value is None:
        return None
    personas = [value] if isinstance(value, str | Persona) else value
    if not isinstance(personas, list | tuple) or not all(
        isinstance(persona, str | Persona) for persona in personas
    ):
        raise _wrong("personas", value, "a list of names")
    if not personas:
        raise InputError(
            "personas is empty", hint='personas=["builder", "skeptic"], or leave it out'
        )
    return tuple(personas)


def as_providers(name: str, value: object) -> tuple[str, ...]:
    """Return the providers in an argument that is a list of them."""
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise _wrong(name, value, "a list of providers")
    return tuple(value)


def as_tool(
    tool: object,
    *,
    evidence: object = (),
    description: str | None = None,
    url: str | None = None,
    allow_outside: bool = False,
) -> Tool:
    """Return the tool that the arguments of a review name, with what was given about it.

    Raises:
        ToolError: there is none, or nothing is known about it.
    """
    paths, documents = _split(evidence)
    if isinstance(tool, Tool):
        named = single_tool(
            tool.name,
            url=url or tool.url,
            description=description or tool.description,
            evidence=(*tool.evidence, *paths),
            documents=(*tool.documents, *documents),
        )
        others = {"category", "kind", "kind_origin", "tagline", "price"}
        return named.model_copy(update=tool.model_dump(include=others))
    if not isinstance(tool, str | os.PathLike):
        raise _wrong("tool", tool, "a Tool, a text or a path")
    if isinstance(tool, str) and not tool.strip():
        raise ToolError("no tool named", hint="a Tool, an address, a tool file, or a name")
    if is_address(tool):
        url, tool = str(tool), tool_name(str(tool))
    if paths or documents or description or url:
        return single_tool(
            str(tool), url=url, description=description, evidence=paths, documents=documents
        )
    return _from_file(tool, allow_outside=allow_outside)


def as_tools(tools: object, *, allow_outside: bool = False) -> tuple[Tool, ...]:
    """Return the tools of a list file, or of a sequence of tools, addresses and paths.

    Raises:
        ToolError: a file or a tool cannot be used.
    """
    if isinstance(tools, str | os.PathLike) and not is_address(tools):
        return read_tools(as_path("tools", tools), allow_outside=allow_outside).tools
    if not isinstance(tools, Iterable) or isinstance(tools, str | bytes):
        raise _wrong("tools", tools, "a list of tools, or the path of one")
    listed: list[Tool] = []
    taken: set[str] = set()
    for item in tools:
        tool = as_tool(item, allow_outside=allow_outside)
        taken.add(name := slug(tool.name, taken=taken))
        listed.append(tool.model_copy(update={"slug": name}))
    return tuple(listed)


def is_address(tool: object) -> bool:
    """Tell a web address from a name or a path."""
    return isinstance(tool, str) and tool.lower().startswith(("http://", "https://"))


def _from_file(tool: str | os.PathLike[str], *, allow_outside: bool) -> Tool:
    path = as_path("tool", tool)
    if isinstance(tool, str) and not path.suffix and not path.exists():
        raise ToolError(
            f"nothing is known about {printable(tool)[:80]}: it is no tool file, and nothing was"
            " given about it",
            hint='evidence="README.md", description="…" or url="https://…"',
        )
    tools = read_tools(path, allow_outside=allow_outside).tools
    if len(tools) != 1:
        raise ToolError(
            f"{path} lists {len(tools)} tools; one is reviewed at a time",
            hint=f"panel batch {path}",
        )
    return tools[0]


def _split(evidence: object) -> tuple[tuple[Path, ...], tuple[Document, ...]]:
    """Return the files and the texts of an `evidence` argument."""
    if evidence is None:
        return (), ()
    items = evidence if isinstance(evidence, list | tuple) else (evidence,)
    documents = tuple(item for item in items if isinstance(item, Document))
    paths = (as_path("evidence", item) for item in items if not isinstance(item, Document))
    return tuple(paths), documents


def _text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise _wrong(name, value, "a text")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _wrong(name, value, "True or False")


def _one_of(values: tuple[str, ...]) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if value is not None and value not in values:
            raise _wrong(name, value, " or ".join(map(repr, values)))

    return check


def _client(name: str, value: object) -> None:
    if value is not None and client_kind(value) is None:
        raise _wrong(name, value, "an openai.AsyncOpenAI or an AsyncInferenceClient")


def _count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SAMPLES:
        raise _wrong(name, value, f"a whole number from 1 to {MAX_SAMPLES}")


def _amount(name: str, value: object) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 < float(str(value)) < float("inf")):
        raise _wrong(name, value, "a number above 0")


def _calls(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise _wrong(name, value, "a whole number from 1")


_CHECKS: Final[dict[str, Callable[[str, object], None]]] = {
    **dict.fromkeys(
        ("description", "url", "provider", "model", "api_key", "context", "support_provider"),
        _text,
    ),
    **dict.fromkeys(
        ("check_support", "write", "second_look", "fresh", "fetch", "offline", "allow_outside"),
        _flag,
    ),
    "ask": _one_of(get_args(Ask)),
    "wire": _one_of(get_args(Wire)),
    "engine": _one_of(get_args(Engine)),
    "client": _client,
    "samples": _count,
    "max_cost": _amount,
    "deadline": _amount,
    "max_calls": _calls,
    "allow_unpriced": _flag,
}
"""Checks of single values; paths, tools and personas are checked where they are converted."""


def _wrong(name: str, value: Any, expected: str) -> InputError:
    shown = one_line(repr(value))[:80]
    return InputError(f"{name} must be {expected}, but is {shown}")
