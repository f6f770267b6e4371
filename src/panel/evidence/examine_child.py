"""The child process that examines tools: a request on stdin, an answer on stdout, until stdin ends.

    python -P -m panel.evidence.examine_child

A request and an answer are eight bytes of length, then JSON. It reads the files that a tool names,
cuts them into passages and searches these for text that speaks to the reviewer.
"""

import json
import os
import sys
from datetime import UTC, datetime
from typing import BinaryIO

from panel.evidence.gather import gather
from panel.evidence.kinds import with_kind
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import ToolError


def main() -> None:
    """Answer one request after the other."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    while (request := read_framed(sys.stdin.buffer)) is not None:
        body = _examined(request)
        answers.write(len(body).to_bytes(8, "big") + body)
        answers.flush()


def read_framed(stream: BinaryIO) -> bytes | None:
    """Return the next message; None where the stream ends."""
    head = stream.read(8)
    return stream.read(int.from_bytes(head, "big")) if len(head) == 8 else None


def _examined(request: bytes) -> bytes:
    tool = Tool.model_validate_json(request)
    try:
        evidence = gather(tool, now=datetime.now(UTC))
    except ToolError as error:
        return json.dumps({"error": error.message, "hint": error.hint}).encode()
    named = with_kind(tool, evidence).model_dump_json()
    return f'{{"tool":{named},"evidence":{evidence.model_dump_json()}}}'.encode()


if __name__ == "__main__":
    main()
