"""Where panel's own files live. Computes places; creates nothing."""

import os
import sys
from pathlib import Path
from typing import Literal


def data_folder(kind: Literal["personas", "prompts", "controls"]) -> Path:
    """Return the folder of shipped data: inside the wheel, or at the root of a checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "data" / kind
    # An editable install has no copies inside the package: the checkout's own files are read.
    return shipped if shipped.is_dir() else package.parents[1] / kind


def cache_folder() -> Path:
    """Return the folder for what can be fetched again: model files."""
    return _folder("PANEL_CACHE", "XDG_CACHE_HOME", ".cache", "Library/Caches", "LOCALAPPDATA")


def config_folder() -> Path:
    """Return the folder for what belongs to this installation: its secret, fitted calibrations."""
    return _folder(
        "PANEL_CONFIG", "XDG_CONFIG_HOME", ".config", "Library/Application Support", "APPDATA"
    )


def broken_link(path: Path) -> str | None:
    """Return what is wrong where a path, or a folder above it, is a link to nothing."""
    for part in (path, *path.parents):
        if part.is_symlink() and not part.exists():
            return f"{part} is a link to {part.readlink()}, which is not there"
    return None


def _folder(own: str, xdg: str, linux: str, mac: str, windows: str) -> Path:
    if chosen := os.environ.get(own):
        return Path(chosen)
    if base := os.environ.get(xdg):
        return Path(base) / "panel"
    if sys.platform == "win32" and (base := os.environ.get(windows)):
        return Path(base) / "panel"
    return Path.home() / (mac if sys.platform == "darwin" else linux) / "panel"
