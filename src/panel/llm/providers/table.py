"""The table of providers as data: `table.toml` read and validated. Knows no environment."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from panel.llm.config import Ask, Kind, ResponseFormat


class ProviderRow(BaseModel):
    """One named provider: an address, the key that belongs to it, and what it can do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = "wire"
    base_url: str | None = None
    """May hold `{NAME}`: filled from the environment variable of that name."""
    base_url_env: tuple[str, ...] = ()
    path: str | None = None
    """Where the API is on an address of `base_url_env`, which then names no more than a host."""
    hosts: tuple[str, ...] = ()
    """Ends of the host names that an address of `base_url_env` may have; empty: any."""
    key_env: tuple[str, ...] = ()
    key_url: str | None = None
    """Where a key is had; None when the server needs none."""
    key_optional: bool = False
    """The server answers without a key too, less often."""
    key_header: str = "Authorization"
    model: str | None = None
    format: ResponseFormat = "json_schema"
    ask: Ask = "whole"
    stream: bool = False
    concurrency: int = Field(default=8, ge=1)
    deadline: float = Field(default=120.0, gt=0)
    evidence_tokens: int = Field(default=12_000, gt=0)
    thinking: int = Field(default=4_000, ge=0)
    """Tokens of room beyond an answer, for models that think before they give it."""
    direct: bool = False
    """The plain name means the router; this row is `direct:NAME`."""


class Router(ProviderRow):
    """The Hugging Face router: one address and one key for many providers."""

    policies: tuple[str, ...]
    providers: tuple[str, ...]


class ProviderTable(BaseModel):
    """Every provider panel knows by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    router: Router
    rows: dict[str, ProviderRow]
    gone: dict[str, str]
    """What once was a provider, and why it is none any more."""

    def names(self) -> list[str]:
        """Return every value of `--provider` that is a plain or `direct:` name."""
        own = [name for name, row in self.rows.items() if not row.direct]
        direct = [f"direct:{name}" for name, row in self.rows.items() if row.direct]
        return [*self.router.policies, *self.router.providers, *own, *direct]


@cache
def provider_table() -> ProviderTable:
    """Return the shipped table."""
    return ProviderTable.model_validate(
        tomllib.loads(Path(__file__).with_name("table.toml").read_text())
    )
