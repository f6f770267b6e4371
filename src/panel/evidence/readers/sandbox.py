"""The sandbox: an untrusted document is read in a child process with limits.

The child is `sandbox_child`; this module starts it, waits for it, ends it, and checks its answer.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import Any, Final

from panel.evidence.readers.block import Block, Extract
from panel.evidence.readers.sandbox_child import OUTPUT
from panel.foundation.errors import Unparseable

SECONDS: Final = 5.0
"""From the child's start to its answer."""

_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""More children than cores only slow each other down."""

PASSED_ON: Final = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR", "TEMP")
"""Variables that a child process needs: no key is among them."""


def parse(
    raw: bytes, media_type: str, *, name: str, charset: str | None = None, whole: bool = False
) -> Extract:
    """Return what a document shows and hides; blocks for up to SECONDS, so call it in a thread.

    Args:
        raw: Its bytes, 2 MB at most.
        media_type: One that `document.is_known`.
        name: What errors call it: a host or a file name.
        charset: As its server names it.
        whole: Keep menus, side columns and footers of a web page.

    Raises:
        Unparseable: too much time or memory, damaged, encrypted.
    """
    options = [*([charset] if charset else []), *(["--whole"] if whole else [])]
    command = [
        sys.executable,
        "-P",
        "-m",
        "panel.evidence.readers.sandbox_child",
        media_type,
        *options,
    ]
    environ = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    with _AT_ONCE, tempfile.TemporaryFile() as output:
        try:
            process = subprocess.run(
                command, input=raw, stdout=output, stderr=subprocess.DEVNULL, timeout=SECONDS,
                env=environ, start_new_session=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unparseable(f"{name}: not read within {SECONDS:.3g} s") from None
        except OSError as error:
            reason = (error.strerror or "error").lower()
            raise Unparseable(f"{name}: the reader cannot be started: {reason}") from None
        output.seek(0)
        text = output.read(OUTPUT)
    if process.returncode < 0:
        raise Unparseable(f"{name}: reading it took too much time or memory")
    return _extract(text, name)


def _extract(text: bytes, name: str) -> Extract:
    try:
        data: dict[str, Any] = json.loads(text)
        if error := data.get("error"):
            raise Unparseable(f"{name}: {error}")
        return Extract(
            blocks=tuple(Block(kind, words, heading) for kind, heading, words in data["blocks"]),
            hidden=tuple(data["hidden"]), removed=data["removed"], flags=tuple(data["flags"]),
            aside=data["aside"], links=tuple((url, text) for url, text in data["links"]),
            title=data["title"], why=tuple(data["why"]),
            characters=tuple((kind, count) for kind, count in data["characters"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unparseable(f"{name}: the reader broke off") from None
