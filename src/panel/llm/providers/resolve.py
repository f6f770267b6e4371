"""Turns one `--provider` value into a `ProviderConfig`.

Reads a mapping and a token file, no network.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import MissingKey, ProviderError, SettingsError
from panel.foundation.settings import ProviderSettings, Settings
from panel.foundation.text import begins_like_key, looks_like_key, printable
from panel.foundation.urls import host_of
from panel.llm.config import ProviderConfig, call_limit
from panel.llm.providers.credentials import can_sign_in, install_hint
from panel.llm.providers.keys import NOT_SHOWN, Key, find_key, hugging_face_token, variable_shown
from panel.llm.providers.table import ProviderRow, provider_table
from panel.llm.providers.urls import (
    checked_url,
    filled,
    full_address,
    is_loopback,
    named_address,
    usable_proxy,
)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS: Final = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type",
     "host", "transfer-encoding"}
)  # fmt: skip
OWN_SERVER: Final = ProviderRow(thinking=0, batches="files")
"""A server that is named by its address."""
_SECRET: Final = re.compile("auth|key|token|secret|cookie", re.IGNORECASE)


class _Query(NamedTuple):
    """The arguments of `resolve`, with the settings' share of it worked in."""

    provider: str
    model: str | None
    settings: Settings
    environ: Mapping[str, str]
    bill_to: str | None
    why: str


def resolve(
    value: str | None,
    *,
    model: str | None,
    settings: Settings,
    environ: Mapping[str, str],
    bill_to: str | None = None,
) -> ProviderConfig:
    """Return the configuration that a provider value, settings and environment mean together.

    `ProviderConfig.model` is "" where nobody named a model: for `local` its default model, for a
    server what `catalog.complete_target` finds there.

    Raises:
        ProviderError: unknown name, an address that cannot be used, a key that would go in clear.
        MissingKey: the provider needs a key; says in which variable and where to get it.
    """
    provider, why = _choose(value, settings, environ)
    if value is None or value == settings.provider or settings.provider is None:
        model = model or settings.model
    if begins_like_key(model or ""):  # a name may be long and odd
        raise ProviderError(f"there is no model {NOT_SHOWN}", hint="--model NAME")
    return _resolved(_Query(provider, model, settings, environ, bill_to or settings.bill_to, why))


def usual_model(provider: str, settings: Settings) -> str:
    """Return the model that a provider is asked for where none is named; "" where none is known.

    Raises nothing: an unknown provider has none.
    """
    known = provider_table()
    routed = provider in (*known.router.policies, *known.router.providers)
    row = known.router if routed else known.rows.get(provider.removeprefix("direct:"))
    table = settings.providers.get(provider)
    return settings.of(provider).model or (table and table.model) or (row and row.model) or ""


def _choose(value: str | None, settings: Settings, environ: Mapping[str, str]) -> tuple[str, str]:
    if named := (value or "").strip() or (settings.provider or "").strip():
        return named, ""
    if key := hugging_face_token(environ):
        return "auto", f"a Hugging Face token was found in {key.found_in}"
    return "local", "no provider was named and no Hugging Face token was found"


def _resolved(query: _Query) -> ProviderConfig:
    table, name = provider_table(), query.provider
    if name in query.settings.providers:
        return _configured(query, query.settings.providers[name])
    if name.startswith("replay:"):
        return ProviderConfig(provider=name, kind="replay", model=query.model or "", wire_model="")
    if name.lower().startswith(("http://", "https://")):
        url = checked_url(name, where="--provider")
        return _provider_config(
            query._replace(provider=url), OWN_SERVER, ProviderSettings(base_url=url)
        )
    if name in (*table.router.policies, *table.router.providers):
        return _routed(query)
    row = table.row(name.removeprefix("direct:"))
    if row is None or (row.kind == "local" and name != "local"):
        raise _unknown(query)
    return _provider_config(query, row, ProviderSettings())


def _configured(query: _Query, table: ProviderSettings) -> ProviderConfig:
    """A table of panel.toml: a server of its own, or changes to a provider panel knows."""
    where = f"panel.toml [providers.{query.provider}]"
    if table.base_url is not None:
        url = checked_url(table.base_url, where=where)
        return _provider_config(query, OWN_SERVER, table.model_copy(update={"base_url": url}))
    known = provider_table()
    if query.provider in (*known.router.policies, *known.router.providers):
        return _routed(query, table)
    row = known.row(query.provider.removeprefix("direct:"))
    if row is None:
        raise ProviderError(f"{where}: base_url is missing", hint='base_url = "https://…/v1"')
    return _provider_config(query, row, table)


def _routed(query: _Query, table: ProviderSettings | None = None) -> ProviderConfig:
    row, name = provider_table().router, query.provider
    model = query.model or (table.model if table else None) or row.model or ""
    plain, _, suffix = model.partition(":")
    if suffix and name != "auto":
        raise ProviderError(
            f"the model {printable(model)[:120]} names a route and so does the provider {name}",
            hint=f"--provider {name} --model {printable(plain)[:100]}",
        )
    if suffix and suffix not in (*row.policies, *row.providers):
        raise _unknown(query._replace(provider=suffix))
    config = _provider_config(query._replace(model=plain), row, table or ProviderSettings())
    route = suffix or ("" if name == "auto" else name)
    wire_model = f"{plain}:{route}" if route and route != "auto" else plain
    return config.model_copy(update={"wire_model": wire_model})


def _provider_config(query: _Query, row: ProviderRow, table: ProviderSettings) -> ProviderConfig:
    """Lay the table over the row. The row's key goes to the row's host only."""
    model = query.model or table.model or row.model or ""
    own = {name: _first(getattr(table, name), getattr(row, name)) for name in _SHARED}
    own["ask"] = table.ask or query.settings.ask or row.ask
    if row.kind == "local":
        named = table.concurrency if table.concurrency != "auto" else None
        return ProviderConfig(provider=query.provider, kind="local", model=model, wire_model=model,
                      why=query.why, concurrency=named or row.concurrency or 1, **own)  # fmt: skip
    url = table.base_url or _address(query, row)
    if version := _api_version(query, row, table):
        url = _azure_address(query, url, model)
    key = _key(query, row, table)
    headers = _headers(query, row, table)
    _refuse_in_clear(query, url, key, headers)
    own |= {"prices": {"": table.price}} if table.price else {}
    own |= call_limit(table.concurrency or query.settings.concurrency or row.calls(url))
    return ProviderConfig(
        provider=query.provider, kind="wire", model=model, wire_model=model, base_url=url,
        key=key.value if key else None, key_from=key.found_in if key else "",
        key_header=table.key_header or row.key_header, headers=headers, api_version=version,
        credentials=row.credentials if key is None else None,
        proxy=usable_proxy(url, query.environ), why=query.why, **own,
    )  # fmt: skip


_SHARED: Final = (
    "format", "stream", "deadline", "evidence_tokens", "thinking", "wire", "batches",
    "batch_price",
)  # fmt: skip


def _first(value: Any, default: Any) -> Any:
    return default if value is None else value


def _address(query: _Query, row: ProviderRow) -> str:
    for name in row.base_url_env:
        if text := query.environ.get(name, "").strip():
            url = named_address(text, where=name, usual=row.base_url or "", path=row.path)
            _of_the_vendor(query, row, url, name)
            return url
    assert row.base_url is not None  # every wire row of the table has one: a test checks it
    return filled(row.base_url, query.environ, provider=query.provider, instead=row.base_url_env)


def _api_version(query: _Query, row: ProviderRow, table: ProviderSettings) -> str | None:
    if table.api_version:
        return table.api_version
    for name in row.api_version_env:
        if text := query.environ.get(name, "").strip():
            if not _NAME.fullmatch(text):
                raise ProviderError(f"{name} does not hold a version, for instance 2024-10-21")
            return text
    return None


def _azure_address(query: _Query, url: str, model: str) -> str:
    """Return the address below which Azure's dated versions have their deployments."""
    if not _NAME.fullmatch(model):
        raise ProviderError(
            f"{query.provider} needs the name of a deployment", hint="--model DEPLOYMENT"
        )
    base = url.removesuffix("/v1")
    return base if base.endswith("/openai") else f"{base}/openai"


def _of_the_vendor(query: _Query, row: ProviderRow, url: str, variable: str) -> None:
    """Refuse to take a vendor's key to a host that is not the vendor's."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if row.hosts and not (host.endswith(row.hosts) and url.startswith("https://")):
        raise ProviderError(
            f"{variable} names {host_of(url)}, which is no https address of {query.provider}:"
            f" it would end in {' or '.join(row.hosts)}",
            hint="name the server in panel.toml: [providers.NAME] with base_url and key_env",
        )


def _key(query: _Query, row: ProviderRow, table: ProviderSettings) -> Key | None:
    if table.key_env:
        if key := find_key([table.key_env], query.environ):
            return key
        shown = variable_shown(table.key_env, query.environ)
        raise MissingKey(
            f"panel.toml [providers.{query.provider}] takes its key from the variable {shown},"
            " which is not set",
            hint='key_env is the name of a variable: key_env = "MINE_KEY"' if shown is NOT_SHOWN
            else f"export {shown}=…",
        )  # fmt: skip
    if table.base_url is not None:
        return None
    routed = row is provider_table().router
    key = hugging_face_token(query.environ) if routed else find_key(row.key_env, query.environ)
    if key is None and row.key_url and not (row.key_optional or can_sign_in(row.credentials)):
        raise MissingKey(
            f"{query.provider} needs a key in {' or '.join(row.key_env)}",
            hint=f"get one at {row.key_url} and export {row.key_env[0]}=…"
            + install_hint(row.credentials),
        )
    return key


def _headers(query: _Query, row: ProviderRow, table: ProviderSettings) -> dict[str, str]:
    headers = dict(table.headers)
    if query.bill_to and row is provider_table().router:
        headers["X-HF-Bill-To"] = query.bill_to
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or re.search(r"[^\t\x20-\x7e]", value):
            raise SettingsError(f"{query.provider}: header {name!r:.80} cannot be sent as it is")
        if name.lower() in _OURS:
            raise SettingsError(
                f"{query.provider}: the header {name} is set by panel itself",
                hint="a key comes from key_env, under key_header if it is not a bearer token",
            )
    return headers


def _refuse_in_clear(query: _Query, url: str, key: Key | None, headers: Mapping[str, str]) -> None:
    if url.startswith("https://") or is_loopback(url):
        return
    secret = next((f"the header {name}" for name in headers if _SECRET.search(name)), None)
    secret = f"the key in {key.found_in}" if key else secret
    if secret:
        raise ProviderError(
            f"{secret} would go over plain http to {host_of(url)}",
            hint="use an https address, or an ssh tunnel to localhost",
        )


def _unknown(query: _Query) -> ProviderError:
    """Say that a name is none, and what may have been meant; a key typed there is not shown."""
    if looks_like_key(query.provider):
        return ProviderError(
            f"unknown provider {NOT_SHOWN}",
            hint="a key goes into a variable: panel providers says which",
        )
    if gone := provider_table().gone.get(query.provider):
        return ProviderError(f"unknown provider {query.provider}: {gone}")
    if url := full_address(query.provider):
        return ProviderError(
            f"unknown provider {query.provider[:80]}", hint=f"as an address: --provider {url}"
        )
    names = [*provider_table().names(), *query.settings.providers]
    name = printable(query.provider)[:80]
    hint = did_you_mean(name.lower(), names, cutoff=0.5) or "panel providers lists them all"
    return ProviderError(f"unknown provider {name}", hint=hint)
