"""The Python face: review a tool and get the scorecard, the same data as the JSON contract."""

import asyncio
import difflib
import inspect
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, get_args

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.collect import tool_name
from panel.evidence.tools.tool import Tool
from panel.evidence.tools.tool_list import read_tools, single_tool
from panel.foundation.errors import InputError, ToolError
from panel.foundation.settings import load_settings
from panel.foundation.text import printable
from panel.llm.config import Ask
from panel.review.verdict.scorecard import Scorecard

P = ParamSpec("P")

MAX_SAMPLES: Final = 100


def _checked(
    call: Callable[P, Coroutine[Any, Any, Scorecard]],
) -> Callable[P, Coroutine[Any, Any, Scorecard]]:
    """Check arguments before the call; an `InputError` names what is wrong with one."""
    known = inspect.signature(call).parameters

    @wraps(call)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> Scorecard:
        for name, value in kwargs.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise InputError(f"areview has no argument {name!r}", hint=hint)
            if check := _CHECKS.get(name):
                check(name, value)
        if kwargs.get("offline") and kwargs.get("fetch"):
            raise InputError("offline and fetch were both given", hint="leave one of them out")
        return await call(*args, **kwargs)

    return checked


@_checked
async def areview(
    tool: Tool | str | Path,
    *,
    evidence: str | Path | Sequence[str | Path] = (),
    description: str | None = None,
    url: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    ask: Ask | None = None,
    personas: str | Sequence[str] | None = None,
    samples: int = 1,
    context: str | None = None,
    check_support: bool = False,
    support_provider: str | None = None,
    fresh: bool = False,
    fetch: bool = False,
    offline: bool = False,
    allow_outside: bool = False,
    runs: str | Path | None = None,
) -> Scorecard:
    """Review one tool and return its scorecard.

    Args:
        tool: a `Tool`, a web address, the path of a tool file, or a name together with `url`,
            `evidence` or `description`.
        evidence: a local file about a tool given by name, or several.
        description: what the tool is, for a tool given by name.
        url: the tool's address, for a tool given by name; read where no `evidence` is given.
        provider: where the model is called, as `--provider`; None means settings, then default.
        model: the model, as `--model`.
        ask: `whole` or `stepwise`; None leaves it to the provider.
        personas: names of the reviewers, or one name; None asks all.
        samples: how often each reviewer answers, 1 to 100.
        context: for whom the reviewers judge, in words.
        check_support: ask again whether each cited passage shows what it is cited for.
        support_provider: who is asked that; None means `provider`.
        fresh: ask again even where an earlier run has the answer.
        fetch: read the tool's address even where it brings evidence.
        offline: fetch nothing; evidence comes from files and earlier runs.
        allow_outside: let a tool file name evidence outside its own folder.
        runs: folder for runs; None means settings, then `runs` here.

    Raises:
        InputError: an argument, tool, setting, provider or model cannot be used; nothing was
            written.
        RunStopped: the provider turned the run down; what was answered is kept.
    """
    files = _paths("evidence", evidence)
    asked = None if personas is None else _names(personas)
    settings = load_settings(None, os.environ)
    if runs is not None:
        settings = settings.model_copy(update={"runs": _path("runs", runs)})
    options = Options(
        settings=settings,
        environ=os.environ,
        provider=provider,
        model=model,
        ask=ask,
        personas=asked,
        samples=samples,
        context=context if context is not None else settings.context,
        check_support=check_support or support_provider is not None,
        support_provider=support_provider,
        fresh=fresh,
        fetch=fetch or (not files and (url is not None or _is_address(tool))),
        offline=offline,
    )
    reviewed = _tool(
        tool, url=url, description=description, evidence=files, allow_outside=allow_outside
    )
    async with await Session.start(options, [reviewed]) as session:
        (card,) = await session.work()
    return card


def _blocking(call: Callable[P, Coroutine[Any, Any, Scorecard]]) -> Callable[P, Scorecard]:
    @wraps(call)
    def blocking(*args: P.args, **kwargs: P.kwargs) -> Scorecard:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(call(*args, **kwargs))
        raise InputError(
            "an event loop is running here, as in a notebook: await panel.areview(...) instead",
            hint="await panel.areview(...)",
        )

    blocking.__doc__ = "Review one tool from code that is not asynchronous; see `areview`."
    return blocking


review = _blocking(areview)


def _tool(
    tool: Tool | str | Path,
    *,
    url: str | None,
    description: str | None,
    evidence: Sequence[Path],
    allow_outside: bool,
) -> Tool:
    if isinstance(tool, Tool):
        return single_tool(
            tool.name, url=tool.url, description=tool.description, evidence=tool.evidence
        ).model_copy(
            update={"category": tool.category, "tagline": tool.tagline, "price": tool.price}
        )
    if not isinstance(tool, str | os.PathLike):
        raise _wrong("tool", tool, "a Tool, a text or a path")
    if isinstance(tool, str) and not tool.strip():
        raise ToolError("no tool named", hint="a Tool, an address, a tool file, or a name")
    if _is_address(tool):
        url, tool = str(tool), tool_name(str(tool))
    if evidence or description or url:
        return single_tool(str(tool), url=url, description=description, evidence=evidence)
    path = _path("tool", tool)
    if isinstance(tool, str) and not path.suffix and not path.exists():
        raise ToolError(
            f"nothing is known about {printable(tool)[:80]}: it is no tool file, and nothing was"
            " given about it",
            hint='evidence="README.md", description="…" or url="https://…"',
        )
    found = read_tools(path, allow_outside=allow_outside).tools
    if len(found) != 1:
        raise ToolError(
            f"{path} lists {len(found)} tools; one is reviewed at a time",
            hint=f"panel batch {path}",
        )
    return found[0]


def _is_address(tool: Tool | str | Path) -> bool:
    return isinstance(tool, str) and tool.lower().startswith(("http://", "https://"))


def _paths(name: str, given: object) -> tuple[Path, ...]:
    if given is None:
        return ()
    if isinstance(given, list | tuple):
        return tuple(_path(name, each) for each in given)
    return (_path(name, given),)


def _path(name: str, given: object) -> Path:
    if not isinstance(given, str | os.PathLike) or not isinstance(os.fspath(given), str):
        raise _wrong(name, given, "a path")
    return Path(given)


def _names(given: object) -> tuple[str, ...]:
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise _wrong("personas", given, "a list of names")
    if not found:
        raise InputError(
            "personas is empty", hint='personas=["builder", "skeptic"], or leave it out'
        )
    return tuple(found)


def _text(name: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        raise _wrong(name, given, "a text")


def _flag(name: str, given: object) -> None:
    if not isinstance(given, bool):
        raise _wrong(name, given, "True or False")


def _strategy(name: str, given: object) -> None:
    if given is not None and given not in get_args(Ask):
        raise _wrong(name, given, " or ".join(map(repr, get_args(Ask))))


def _count(name: str, given: object) -> None:
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or not 1 <= given <= MAX_SAMPLES:  # type: ignore[operator]
        raise _wrong(name, given, f"a whole number from 1 to {MAX_SAMPLES}")


_CHECKS: Final[dict[str, Callable[[str, object], None]]] = {
    **dict.fromkeys(
        ("description", "url", "provider", "model", "context", "support_provider"), _text
    ),
    **dict.fromkeys(("check_support", "fresh", "fetch", "offline"), _flag),
    "ask": _strategy,
    "samples": _count,
}
"""What tells a wrong value of an argument; paths and names are checked where they are read."""


def _wrong(name: str, given: object, wanted: str) -> InputError:
    shown = " ".join(printable(repr(given)).split())[:80]
    return InputError(f"{name} must be {wanted}, but is {shown}")
