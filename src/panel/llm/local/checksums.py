"""Whether a model file is what it should be: GGUF magic, size and sha256.

A hash that was right is remembered beside the models by path, size and modification time, so that
a gigabyte is read once and not for every run. Where a file comes from is not known here.
"""

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from panel.foundation.errors import ModelError

OnProgress = Callable[[str, int, int], None]
"""Called with a label, the bytes done and the bytes in all; first with 0 bytes done."""

MAGIC: Final = b"GGUF"
SMALLEST: Final = 1_000_000
"""Bytes. No chat model is smaller: a shorter file is a pointer, an error page or a cut download."""

CHUNK: Final = 1 << 20
SIDECAR: Final = "verified.json"


def check_gguf(path: Path) -> None:
    """Raise ModelError unless the file begins as a GGUF file does and is not absurdly short."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
        size = path.stat().st_size
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    if magic != MAGIC:
        raise ModelError(f"{path} is not a GGUF model file", hint="--model FILE.gguf")
    if size < SMALLEST:
        raise ModelError(f"{path} is cut short: {size:,} bytes", hint="fetch it again")


def digest(path: Path, on_progress: OnProgress) -> str:
    """Return the file's sha256 in hex."""
    total, done, sha = path.stat().st_size, 0, hashlib.sha256()
    label = f"checking {path.name}"
    on_progress(label, 0, total)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
            done += len(chunk)
            on_progress(label, done, total)
    return sha.hexdigest()


def is_trusted(
    path: Path, sha256: str, size: int, *, sidecars: Path, on_progress: OnProgress
) -> bool:
    """Tell whether the file has this hash, reading it only if it changed since that was seen."""
    stat = path.stat()
    if stat.st_size != size:
        return False
    remembered = _remembered(sidecars).get(str(path.resolve()))
    if remembered == [stat.st_size, stat.st_mtime_ns, sha256]:
        return True
    if digest(path, on_progress) != sha256:
        return False
    remember(path, sha256, sidecars=sidecars)
    return True


def remember(path: Path, sha256: str, *, sidecars: Path) -> None:
    """Note that the file as it is now has this hash; a read-only folder only costs another look."""
    stat = path.stat()
    notes = _remembered(sidecars)
    notes[str(path.resolve())] = [stat.st_size, stat.st_mtime_ns, sha256]
    with contextlib.suppress(OSError), replacing(sidecars / SIDECAR) as file:
        file.write(json.dumps(notes).encode())


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the target's name once all is written, and leaves nothing if not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def hash_of(path: Path, *, sidecars: Path) -> tuple[str, int] | None:
    """Return the sha256 and size last noted for this path, however the file looks now."""
    match _remembered(sidecars).get(str(path.resolve())):
        case [int(size), _, str(sha256)]:
            return sha256, size
    return None


def _remembered(sidecars: Path) -> dict[str, Any]:
    try:
        notes = json.loads((sidecars / SIDECAR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}
