"""The configuration of a provider that is asked through a client of the caller's own."""

from typing import Any

from pydantic import SecretStr

from panel.foundation.errors import ProviderError
from panel.foundation.settings import Settings
from panel.llm.config import ProviderConfig, call_limit
from panel.llm.openai_compat.own_client import client_kind
from panel.llm.providers.table import ProviderRow, provider_table


def own_client_config(client: Any, model: str | None, settings: Settings) -> ProviderConfig:
    """Return where a client asks and how much at once; its key is there to be kept out of words.

    A client whose address is a provider's of the table goes by that name.

    Raises:
        ProviderError: no model was named.
    """
    if client_kind(client) == "hub":
        provider, row, url, model = _hub(client, model)
        secret = client.token
    else:
        url = str(client.base_url).rstrip("/")
        provider, row = _known(url)
        secret = client.api_key
    if not model:
        raise ProviderError("the client needs a model", hint='model="NAME"')
    return ProviderConfig(
        provider=provider, kind="wire", model=model, wire_model=model, base_url=url,
        key=SecretStr(secret) if isinstance(secret, str) and secret else None,
        key_from="the client", format=row.format, ask=settings.ask or row.ask, stream=row.stream,
        **call_limit(settings.concurrency or row.calls(url)), deadline=row.deadline,
        evidence_tokens=row.evidence_tokens, thinking=row.thinking, wire="openai",
        why="a client was passed",
    )  # fmt: skip


def _hub(client: Any, model: str | None) -> tuple[str, ProviderRow, str, str | None]:
    """Return provider, row, address and model of an `AsyncInferenceClient`."""
    own = client.model if isinstance(client.model, str) else None
    if own and own.startswith(("http://", "https://")):
        # To an address the client sends a schema in a form of its own, which few servers keep to.
        return own, ProviderRow(thinking=0, format="json_object"), own, model
    router = provider_table().router
    return client.provider or "auto", router, router.base_url or "", model or own


def _known(url: str) -> tuple[str, ProviderRow]:
    table = provider_table()
    if url == table.router.base_url:
        return "auto", table.router
    for name, row in table.rows.items():
        if row.base_url == url:
            return (f"direct:{name}" if row.direct else name), row
    return url, ProviderRow(thinking=0)
