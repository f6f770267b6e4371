"""The ledger of a built site: which files in its folder the build wrote, and from what.

A folder with files and without a ledger is somebody else's, and is left alone.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from panel.foundation.atomic_files import inside, write_atomic
from panel.foundation.errors import InputError, RunError

NAME: Final = ".panel-site.json"

_FORMAT: Final = 1


class WrittenFile(NamedTuple):
    """A file as it was written."""

    stamp: str
    """What it was made from; empty where that is not told."""
    digest: str
    """SHA-256 of its bytes; empty where it was about to be written."""


Files = dict[str, WrittenFile]


def read_ledger(out: Path) -> Files:
    """Return the files that earlier builds wrote in `out`.

    Raises `InputError` where the folder is no folder, or holds files that no build wrote.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise InputError(f"{out} is a file, not a folder", hint="--out another folder")
    path = inside(out, NAME)
    if not path.exists():
        if any(not each.name.startswith(".") for each in out.iterdir()):
            raise InputError(
                f"{out} has files in it that `panel site build` did not write",
                hint="--out another folder, or move them away",
            )
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] != _FORMAT:
            raise ValueError
        return {
            name: WrittenFile(str(stamp), str(digest))
            for name, (stamp, digest) in told["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path} is not what `panel site build` wrote",
            hint=f"remove {out} and build again",
        ) from None


def write_ledger(out: Path, files: Mapping[str, WrittenFile]) -> None:
    """Write the ledger; a reader sees the old one or the new one."""
    told = {"format": _FORMAT, "by": "panel site build", "files": dict(sorted(files.items()))}
    write_atomic(out, NAME, [json.dumps(told, indent=0, ensure_ascii=False), "\n"])


def check_free(out: Path, paths: Iterable[str], known: Mapping[str, WrittenFile]) -> None:
    """Raise `RunError` where a file that no build wrote, or a link, stands in the way."""
    for path in paths:
        if inside(out, path).exists() and path not in known:
            raise RunError(
                f"{out / path} was not written by `panel site build`",
                hint="move it away and build again",
            )
