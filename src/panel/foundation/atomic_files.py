"""Atomic writes inside one folder: a reader sees the old file or the new one, never a torn one.

Knows nothing of runs. A name cannot lead out of the folder, and no symbolic link is followed.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from panel.foundation.errors import DiskFull, PanelError, RunError
from panel.foundation.paths import broken_link

MAX_NAME_BYTES: Final = 160
"""Longest file name: a slug of 120 bytes, a hash and an extension."""

_TEMPORARY: Final = ".panel-"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomic(folder: Path, name: str, chunks: Iterable[str]) -> Path:
    """Write `chunks` as UTF-8 to `folder/name` and return the path once it is on disk.

    `name` may have folders in it, with `/`; they are made. Raises `RunError` for a name that leads
    out of the folder or through a link, `DiskFull` when there is no room; leaves no temporary file.
    """
    path = inside(folder, name)
    try:
        _make_folders(folder, path.parent)
        _replace(path, chunks)
    except OSError as error:
        raise write_error(error, path) from error
    return path


def inside(folder: Path, name: str) -> Path:
    """Return `folder/name`; raise `RunError` where that is not a plain file inside the folder."""
    parts = PurePosixPath(name).parts
    sound = bool(parts) and not any(_unsound(part) for part in parts)
    if not sound or "\0" in name or "\\" in name or name.endswith("/"):
        raise RunError(f"{name!r} is no file name inside {folder.name}")
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise RunError(f"{path} is a symbolic link; panel does not write through links")
    if path.is_dir():
        raise RunError(f"{path} is a folder, not a file")
    return path


def write_error(error: OSError, path: Path) -> PanelError:
    """Return what an `OSError` met while writing `path` means in panel's terms."""
    if error.errno in _FULL:
        return disk_full(path)
    if wrong := broken_link(path):
        return RunError(f"cannot write {path}: {wrong}", hint="make what it links to, or unlink it")
    return RunError(f"cannot write {path}: {error.strerror or error}")


def disk_full(path: Path) -> DiskFull:
    """Return the error for a full disk, naming the path and the bytes that are left."""
    return DiskFull(
        f"no room left to write {path}: {free_bytes(path)} bytes free",
        hint="free some space",
    )


def free_bytes(path: Path) -> int:
    """Return the bytes free where `path` is, or would be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def sweep(folder: Path) -> None:
    """Remove temporary files that a killed writer left in `folder` and its subfolders."""
    for leftover in folder.rglob(f"{_TEMPORARY}*.tmp"):
        leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable, where the system can do that."""
    if os.name == "nt":  # Windows neither needs nor allows opening a folder for this
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unsound(part: str) -> bool:
    return part in {"", ".", "..", "/"} or len(part.encode()) > MAX_NAME_BYTES


def _make_folders(folder: Path, parent: Path) -> None:
    if not parent.is_dir():
        parent.mkdir(parents=True, exist_ok=True)
        while parent != folder:
            parent = parent.parent
            sync_folder(parent)


def _replace(path: Path, chunks: Iterable[str]) -> None:
    handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY, suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        if os.name != "nt":
            os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
