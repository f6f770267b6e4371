"""The child process that reads one document: bytes on stdin, JSON on stdout, then it exits.

It gives up its rights before it reads: memory, time, files, other processes, the network.

    python -P -m panel.evidence.readers.sandbox_child MEDIA-TYPE [CHARSET] [--whole]
    python -P -m panel.evidence.readers.sandbox_child FD

With a number it is a fork server on that socket: each document is read by a fork, which finds
readers imported and no other document.
"""

import contextlib
import gc
import json
import os
import socket
import sys
from typing import Any, Final

from panel.evidence.readers.block import Extract
from panel.evidence.readers.document import prepare, read_document
from panel.foundation.fork_server import serve

MEMORY: Final = 768 * 2**20
"""Bytes of address space."""
CPU_SECONDS: Final = 5
OUTPUT: Final = 16 * 2**20
"""Bytes of the answer."""
READY: Final = b"ready\n"
"""What a process for one document writes to standard error once the readers are imported."""
_TEXT: Final = 2_000_000
"""Characters of all blocks: no less than a document of 2 MB has."""
_HIDDEN: Final = (100, 400)
"""Hidden texts in the answer, and characters of each."""
_DENIED: Final = (
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostby",
    "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.startfile",
    "os.remove", "os.rename", "os.mkdir", "shutil.",
)  # fmt: skip


def main() -> None:
    """Read the document on stdin as the arguments say, or serve forks that do."""
    if sys.argv[1].isdecimal():
        serve(socket.socket(fileno=int(sys.argv[1])), _fork, prepare=_prepare)
    else:
        media_type, *options = sys.argv[1:]
        prepare(media_type, whole="--whole" in options)
        _say_ready()
        _read(sys.argv[1:])


def _say_ready() -> None:
    """Say that the document can be read now; from here on nobody hears what goes wrong."""
    os.write(2, READY)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _prepare(request: bytes) -> None:
    """Import the readers that a document needs; what of it stays is searched for garbage once."""
    media_type, *options = json.loads(request)
    if prepare(media_type, whole="--whole" in options):
        gc.collect()
        gc.freeze()


def _fork(request: bytes, descriptors: list[int]) -> None:
    """Read the document in the first descriptor, and write the answer into the second."""
    code = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        _read(json.loads(request))
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)  # without taking apart what the server has imported


def _read(arguments: list[str]) -> None:
    """Read the document on stdin."""
    _limit()
    media_type, *options = arguments
    whole = "--whole" in options
    charset = next((word for word in options if word != "--whole"), None)
    raw = sys.stdin.buffer.read()
    sys.addaudithook(_refuse)
    try:
        answer = as_data(read_document(raw, media_type, charset=charset, whole=whole))
    except MemoryError:
        answer = {"error": "reading it takes too much memory"}
    except RecursionError:
        answer = {"error": "it is nested too deep"}
    except ValueError as error:
        answer = {"error": str(error)[:200]}
    sys.stdout.write(json.dumps(answer))


def as_data(extract: Extract) -> dict[str, Any]:
    """Return an extract as JSON data, truncated at the limits above."""
    blocks, remaining = [], _TEXT
    for block in extract.blocks:
        blocks.append([block.kind, block.heading, block.text[:remaining]])
        remaining -= len(block.text) + 1
        if remaining <= 0:
            break
    count, length = _HIDDEN
    return {
        "blocks": blocks, "hidden": [text[:length] for text in extract.hidden[:count]],
        "why": extract.why[:count], "characters": extract.characters,
        "removed": extract.removed, "flags": extract.flags, "aside": extract.aside,
        "links": extract.links, "title": extract.title,
    }  # fmt: skip


def _limit() -> None:
    """Give up memory, time and files for good; a system without such limits has the deadline."""
    try:
        import resource
    except ImportError:
        return
    for resource_id, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource_id, (limit, limit))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Stop a parser that opens files, sockets or processes."""
    if event.startswith(_DENIED) or (event == "open" and _writes(arguments)):
        raise PermissionError(event)


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode = arguments[1] if len(arguments) > 1 else None
    return isinstance(mode, str) and bool(set(mode) & set("wax+"))


if __name__ == "__main__":
    main()
