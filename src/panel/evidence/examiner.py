"""Examining tools in child processes: reading files, and searching them, takes most of a core.

The child is `examine_child`; this module starts it, asks it, and ends it.
"""

import asyncio
import os
import sys
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from panel.evidence.readers.sandbox import PASSED_ON
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError

_PATIENCE: Final = 5.0
"""Seconds that a child is given to end."""


class ExaminerGone(Exception):
    """The child process cannot be started, or ended in the middle."""


class _Answer(BaseModel):
    """What the child sends: a tool and its evidence, or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: Tool | None = None
    evidence: Evidence | None = None
    error: str = ""
    hint: str | None = None


class Examiner:
    """One child process; use it in an `async with`, and ask it one tool at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def examine(self, tool: Tool) -> tuple[Tool, Evidence]:
        """Return a tool, of the kind that its evidence shows, and its evidence.

        Raises:
            ToolError: a file cannot be used.
            ExaminerGone: the child has ended.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ExaminerGone
        request = tool.model_dump_json().encode()
        try:
            process.stdin.write(len(request).to_bytes(8, "big") + request)
            await process.stdin.drain()
            size = int.from_bytes(await process.stdout.readexactly(8), "big")
            body = await process.stdout.readexactly(size)
        except (OSError, asyncio.IncompleteReadError):
            raise ExaminerGone from None
        answer = _Answer.model_validate_json(body)
        if answer.tool is None or answer.evidence is None:
            raise ToolError(answer.error, hint=answer.hint)
        return answer.tool, answer.evidence

    async def __aenter__(self) -> Self:
        """Start the child; where none can be started, the first question says so."""
        environ = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "panel.evidence.examine_child",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env=environ, start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._process = None
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the child: at once where it is in the middle of a tool."""
        if (process := self._process) is None:
            return
        if process.returncode is None:
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.wait_for(process.wait(), _PATIENCE)
