"""The Python face: review a tool and get the scorecard, the same data as the JSON contract."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from panel.errors import ToolError
from panel.evidence.collect import tool_name
from panel.providers.target import Ask
from panel.session.options import Options
from panel.session.session import Session
from panel.settings import load_settings
from panel.tools.tool import Tool
from panel.tools.toollist import read_tools, single_tool
from panel.verdict.scorecard import Scorecard

P = ParamSpec("P")


async def areview(
    tool: Tool | str | Path,
    *,
    evidence: Sequence[str | Path] = (),
    description: str | None = None,
    url: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    ask: Ask | None = None,
    personas: Sequence[str] | None = None,
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
        evidence: local files about a tool given by name.
        description: what the tool is, for a tool given by name.
        url: the tool's address, for a tool given by name; read where no `evidence` is given.
        provider: where the model is called, as `--provider`; None means settings, then default.
        model: the model, as `--model`.
        ask: `whole` or `stepwise`; None leaves it to the provider.
        personas: names of the reviewers; None asks all.
        samples: how often each reviewer answers.
        context: for whom the reviewers judge, in words.
        check_support: ask again whether each cited passage shows what it is cited for.
        support_provider: who is asked that; None means `provider`.
        fresh: ask again even where an earlier run has the answer.
        fetch: read the tool's address even where it brings evidence.
        offline: fetch nothing; evidence comes from files and earlier runs.
        allow_outside: let a tool file name evidence outside its own folder.
        runs: folder for runs; None means settings, then `runs` here.

    Raises:
        InputError: tool, settings, provider or model cannot be used; nothing was written.
        RunStopped: the provider turned the run down; what was answered is kept.
    """
    settings = load_settings(None, os.environ)
    if runs is not None:
        settings = settings.model_copy(update={"runs": Path(runs)})
    options = Options(
        settings=settings,
        environ=os.environ,
        provider=provider,
        model=model,
        ask=ask,
        personas=tuple(personas) if personas is not None else None,
        samples=samples,
        context=context if context is not None else settings.context,
        check_support=check_support or support_provider is not None,
        support_provider=support_provider,
        fresh=fresh,
        fetch=fetch or (not evidence and (url is not None or _is_address(tool))),
        offline=offline,
    )
    files = tuple(Path(e) for e in evidence)
    reviewed = _tool(
        tool, url=url, description=description, evidence=files, allow_outside=allow_outside
    )
    async with await Session.start(options, [reviewed]) as session:
        (card,) = await session.work()
    return card


def _blocking(call: Callable[P, Coroutine[Any, Any, Scorecard]]) -> Callable[P, Scorecard]:
    @wraps(call)
    def blocking(*args: P.args, **kwargs: P.kwargs) -> Scorecard:
        return asyncio.run(call(*args, **kwargs))

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
    if _is_address(tool):
        url, tool = str(tool), tool_name(str(tool))
    if evidence or description or url:
        return single_tool(str(tool), url=url, description=description, evidence=evidence)
    found = read_tools(Path(tool), allow_outside=allow_outside).tools
    if len(found) != 1:
        raise ToolError(f"{tool} lists {len(found)} tools; one is reviewed at a time")
    return found[0]


def _is_address(tool: Tool | str | Path) -> bool:
    return isinstance(tool, str) and tool.lower().startswith(("http://", "https://"))
