"""The table of providers as data: `table.toml`, and rows of installed packages. Validated.

A package adds a row as an entry point of the group `panel.providers`, named after the provider: a
dictionary with the keys of a row. It is imported when that provider is asked for. Knows no
environment.
"""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.foundation.plugins import broken_plugin, load_plugin, plugin_names
from panel.llm.config import Ask, BatchForm, Concurrency, Credentials, Kind, ResponseFormat, Wire
from panel.llm.providers.urls import is_loopback


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
    credentials: Credentials | None = None
    """What signs in where no key is found and the vendor's library is installed."""
    api_version_env: tuple[str, ...] = ()
    """Variables that may name a dated version of Azure's API."""
    model: str | None = None
    format: ResponseFormat = "json_schema"
    ask: Ask = "whole"
    stream: bool = False
    concurrency: int | None = Field(default=None, ge=1)
    """Calls in flight at most; None: as many as a hosted provider takes, 8 on this machine."""
    deadline: float = Field(default=120.0, gt=0)
    evidence_tokens: int = Field(default=12_000, gt=0)
    wire: Wire | None = None
    """What carries its requests; None leaves it to the rule of `wires.choose_wire`."""
    batches: BatchForm | None = None
    """How it takes many questions as one job; None where no batch API is known."""
    batch_price: float = Field(default=1.0, gt=0, le=1)
    """Share of the usual price that an answer costs there."""
    thinking: int = Field(default=4_000, ge=0)
    """Tokens of room beyond an answer, for models that think before they give it."""
    direct: bool = False
    """The plain name means the router; this row is `direct:NAME`."""

    def calls(self, url: str) -> Concurrency:
        """Return how many calls may be in flight to a server at this address."""
        return self.concurrency or (8 if is_loopback(url) else "auto")


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

    def row(self, name: str) -> ProviderRow | None:
        """Return the row of a name, without `direct:`; None where no provider is called so.

        Raises:
            InputError: it is that of a plug-in that cannot be used.
        """
        if name in self.rows:
            return self.rows[name]
        return _plugin(name) if name in plugin_names("providers") else None

    def names(self) -> list[str]:
        """Return every value of `--provider` that is a plain or `direct:` name."""
        own = [name for name, row in self.rows.items() if not row.direct]
        direct = [f"direct:{name}" for name, row in self.rows.items() if row.direct]
        shipped = [*self.router.policies, *self.router.providers, *own, *direct]
        return [*shipped, *(name for name in plugin_names("providers") if name not in shipped)]


def _plugin(name: str) -> ProviderRow:
    """Return the row of a plug-in: an address of its own, and so a key of its own."""
    data = load_plugin("providers", name)
    try:
        row = ProviderRow.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise broken_plugin("providers", name, f"{where}: {first['msg'].lower()}") from None
    if row.kind != "wire" or row.base_url is None or row.direct:
        raise broken_plugin("providers", name, "it needs a base_url, and no kind or direct")
    return row


@cache
def provider_table() -> ProviderTable:
    """Return the shipped table."""
    return ProviderTable.model_validate(
        tomllib.loads(Path(__file__).with_name("table.toml").read_text())
    )
