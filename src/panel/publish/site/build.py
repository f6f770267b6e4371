"""A site as files: written where they changed, removed where they are gone.

The build manifest lists the files that builds wrote and what each was made from. A folder with
files and without a manifest belongs to somebody else and is left alone.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from panel.foundation.atomic_files import inside, sweep, write_atomic, write_error
from panel.foundation.errors import InputError, PanelError, RunError
from panel.publish.site.site import Site

NAME: Final = ".panel-site.json"

_FORMAT: Final = 1


class WrittenFile(NamedTuple):
    """A file as it was written."""

    stamp: str
    """A hash of what it was made from; empty for pages that are quick to render."""
    digest: str
    """SHA-256 of its bytes; empty where it was about to be written."""


Files = dict[str, WrittenFile]


def read_manifest(out: Path) -> Files:
    """Return the files that earlier builds wrote in `out`.

    Raises `InputError` where the folder is no folder, or holds files that no build wrote.
    """
    if not out.exists():
        return {}
    if not out.is_dir():
        raise InputError(f"{out} is a file, not a folder", hint="--out another folder")
    path = inside(out, NAME)
    if not path.exists():
        if any(not file.name.startswith(".") for file in out.iterdir()):
            raise InputError(
                f"{out} has files in it that `panel site build` did not write",
                hint="--out another folder, or move them away",
            )
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError
        return {
            name: WrittenFile(str(stamp), str(digest))
            for name, (stamp, digest) in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path} is not what `panel site build` wrote",
            hint=f"remove {out} and build again",
        ) from None


def write_manifest(out: Path, files: Mapping[str, WrittenFile]) -> None:
    """Write the manifest; a reader sees the old one or the new one."""
    manifest = {"format": _FORMAT, "by": "panel site build", "files": dict(sorted(files.items()))}
    write_atomic(out, NAME, [json.dumps(manifest, indent=0, ensure_ascii=False), "\n"])


def check_free(out: Path, paths: Iterable[str], known: Mapping[str, WrittenFile]) -> None:
    """Raise `RunError` where a file that no build wrote, or a link, is at one of the paths."""
    for path in paths:
        if inside(out, path).exists() and path not in known:
            raise RunError(
                f"{out / path} was not written by `panel site build`",
                hint="move it away and build again",
            )


Watch = Callable[[int, int], None]
"""A callback with the number of files done and of all files."""


@dataclass
class Built:
    """What a build did."""

    files: int = 0
    written: int = 0
    removed: int = 0
    failed: list[str] = field(default_factory=list)
    """Pages that could not be made, one line each."""


def build(site: Site, out: Path, *, watch: Watch = lambda done, total: None) -> Built:
    """Write the site to a folder.

    A page is not made again where nothing it depends on changed, and not written where its bytes
    are the same. A page that cannot be rendered is reported and left as it was.

    Raises:
        InputError: the folder holds files of somebody else.
        RunError: a link or such a file stands in the way, or a file cannot be written.
        DiskFull: there is no room left.
    """
    before = read_manifest(out)
    paths = list(site.paths())
    check_free(out, paths, before)
    _make(out)
    sweep(out)
    # Written first, so that the next build knows every file that a killed build leaves.
    write_manifest(out, {path: WrittenFile("", "") for path in paths} | before)
    built, after = Built(), Files()
    for done, path in enumerate(paths, 1):
        file = _build_file(site, out, path, before.get(path, WrittenFile("", "")), built)
        if file:
            after[path] = file
        watch(done, len(paths))
    built.files = len(after)
    built.removed = _remove(out, before.keys() - after.keys())
    write_manifest(out, after)
    return built


def _build_file(
    site: Site, out: Path, path: str, before: WrittenFile, built: Built
) -> WrittenFile | None:
    place = inside(out, path)
    stamp = site.stamp(path) or ""
    if stamp and stamp == before.stamp and _digest(place) == before.digest:
        return before
    try:
        made = site.render(path)
    except PanelError as error:
        built.failed.append(f"{path}: {error.message}")
        return before if before.digest and place.exists() else None
    if made is None:
        return None
    digest = hashlib.sha256(made).hexdigest()
    if _digest(place) != digest:
        _write(out, path, made)
        built.written += 1
    return WrittenFile(stamp, digest)


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from error


def _write(out: Path, name: str, content: bytes) -> None:
    """Replace a file whole; it need not outlive a power cut, since it can be built again."""
    path = inside(out, name)
    _make(path.parent)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".panel-", suffix=".tmp", dir=path.parent)
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(error, path) from error
        raise


def _remove(out: Path, names: set[str]) -> int:
    """Remove files that earlier builds wrote, and the folders that this empties."""
    removed = 0
    for name in sorted(names):
        path = inside(out, name)
        if path.is_file():
            path.unlink()
            removed += 1
        parent = path.parent
        while parent != out:
            with suppress(OSError):
                parent.rmdir()
            parent = parent.parent
    return removed
