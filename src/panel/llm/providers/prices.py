"""Prices of calls from the lists of `genai-prices`, read without the network.

They stand in where neither panel.toml nor the provider's own listing has a price. A price that no
list knows is unknown, never zero.
"""

from importlib import metadata
from typing import Final

from panel.llm.config import ProviderConfig
from panel.llm.providers.table import provider_table
from panel.llm.providers.urls import is_loopback

_SAMPLE: Final = 1_000
"""Tokens that a price is read for: some models have a higher one for long prompts."""


def with_list_prices(config: ProviderConfig) -> ProviderConfig:
    """Return the configuration with the listed price, where it has none and one is listed."""
    if config.prices or config.kind != "wire" or is_loopback(config.base_url or ""):
        return config
    price = _list_price(config)
    if price is None:
        return config
    source = f"genai-prices {metadata.version('genai-prices')}"
    return config.model_copy(update={"prices": {"": price}, "prices_from": source})


def _list_price(config: ProviderConfig) -> tuple[float, float] | None:
    # Half a second of CPU, for more than a thousand models.
    import genai_prices

    usage = genai_prices.Usage(input_tokens=_SAMPLE, output_tokens=_SAMPLE)
    try:
        if config.base_url == provider_table().router.base_url:
            _, _, pinned = config.wire_model.partition(":")
            found = genai_prices.calc_price(
                usage, config.model, provider_id=f"huggingface_{pinned or 'none'}"
            )
        else:
            url = config.base_url or ""
            found = genai_prices.calc_price(usage, config.model, provider_api_url=url)
    except (LookupError, ValueError):
        return None
    read, written = found.input_price, found.output_price
    if read is None or written is None:
        return None
    return float(read) * 1e6 / _SAMPLE, float(written) * 1e6 / _SAMPLE
