"""Takes keys out of whatever a server sends back, and makes one printable line of it."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from panel.foundation.quick_json import json_bytes
from panel.foundation.text import one_line
from panel.llm.config import ProviderConfig

HIDDEN = "[hidden]"
_SHORTEST = 6
"""Shorter values are words, not secrets: hiding them would blank out ordinary text."""


class Redactor:
    """Knows a provider's secrets in order to keep them out of messages and stored replies."""

    def __init__(self, config: ProviderConfig) -> None:
        secrets = set(_secrets(config))
        forms = secrets | {quote(secret, safe="") for secret in secrets}
        longest_first = sorted((f for f in forms if len(f) >= _SHORTEST), key=len, reverse=True)
        self._any = bool(longest_first)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._encoded = [json_bytes(form)[1:-1] for form in longest_first]

    def text(self, text: str) -> str:
        """Return the text with every secret hidden."""
        return self._pattern.sub(HIDDEN, text)

    def line(self, text: str, *, limit: int = 200) -> str:
        """Return one printable line of at most `limit` characters without secrets."""
        flat = one_line(self.text(text[:20_000]))
        return flat if len(flat) <= limit else flat[: limit - 1] + "…"

    def data(self, value: Any) -> Any:
        """Return JSON data with every secret hidden, in keys and values, at any depth."""
        return self._hidden(value) if self._any and self._may_hold_one(value) else value

    def _may_hold_one(self, value: Any) -> bool:
        """Tell whether a secret may be somewhere in JSON data: one look instead of hundreds."""
        try:
            return any(map(json_bytes(value).__contains__, self._encoded))
        except ValueError:
            return True

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self._hidden(item) for key, item in value.items()}
        return value


def _secrets(config: ProviderConfig) -> Iterable[str]:
    if config.key is not None:
        yield config.key.get_secret_value()
    yield from (value for name, value in config.headers.items() if name.lower() != "x-hf-bill-to")
    if config.proxy and (password := urlsplit(config.proxy).password):
        yield password
