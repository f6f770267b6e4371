"""The rows of `models.toml`: which files panel knows by a short name, and how to trust them."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ModelRow(BaseModel):
    """One known model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)
    """Bytes of the file."""
    licence: str
    memory: int = Field(gt=0)
    """Bytes of memory it wants in all, at the engine's usual context."""
    repo: str | None = None
    """`organisation/name` on the Hub; None where only a package has it."""
    revision: str = "main"
    packages: tuple[str, ...] = ()
    """Data packages as `name==version`, in the order of their bytes."""
    proves_machinery_only: bool = False
    """Too small to judge anything: its verdicts mean nothing."""


@cache
def rows() -> tuple[ModelRow, ...]:
    """Return the known models, the default first."""
    text = (Path(__file__).parent / "models.toml").read_text(encoding="utf-8")
    return tuple(ModelRow(**row) for row in tomllib.loads(text)["model"])
