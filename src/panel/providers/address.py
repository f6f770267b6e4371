"""Addresses: checking a server's URL, and which proxy the environment names for it.

Computes from text and a mapping; resolves no name and opens no connection.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from panel.errors import ProviderError

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})")


def checked_url(url: str, *, where: str) -> str:
    """Return the URL without a final slash, up to the part before `/chat/completions`.

    An address without a path gets `/v1`. `where` says whose it is in errors, which never show
    the address itself: it might hold a secret.

    Raises:
        ProviderError: not http or https, no host, or holds a user, a password or a query.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ProviderError(f"{where}: not an address", hint=_SHAPE) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ProviderError(f"{where}: not an http(s) address", hint=_SHAPE)
    if re.search(r"[\s\x00-\x20\x7f\\]", url.strip()):
        raise ProviderError(f"{where}: the address holds a blank or control character", hint=_SHAPE)
    if parts.username is not None or parts.query or parts.fragment:
        raise ProviderError(
            f"{where}: the address of {parts.hostname} must not hold a user, password or query",
            hint="name the server in panel.toml: [providers.NAME] with base_url and key_env",
        )
    return _without_tail(parts)


_SHAPE = "an address looks like http://localhost:8000/v1"


def _without_tail(parts: SplitResult) -> str:
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def filled(template: str, environ: Mapping[str, str], *, provider: str) -> str:
    """Fill `{NAME}` in a row's address from the environment, one host label each."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        text = environ.get(name, "").strip()
        if not text:
            raise ProviderError(f"{provider} needs {name}", hint=f"export {name}=…")
        if not _LABEL.fullmatch(text):
            raise ProviderError(f"{provider}: {name} must be a plain name, not an address")
        return text

    return _VARIABLE.sub(value, template)


def host_of(url: str) -> str:
    """Return `host` or `host:port` of an address, for messages."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return f"{host}:{parts.port}" if parts.port else host


def is_loopback(url: str) -> bool:
    """Tell whether an address names this machine, by its text alone."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the environment names for an address; None for this machine."""
    parts = urlsplit(url)
    if is_loopback(url) or _exempt(parts.hostname or "", environ):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for spelled in (name, name.upper()):
            if (proxy := environ.get(spelled, "").strip()).startswith("http"):
                return proxy
    return None


def _exempt(host: str, environ: Mapping[str, str]) -> bool:
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    names = [name.strip().lstrip("*").lstrip(".").lower() for name in listed.split(",")]
    if "*" in [name.strip() for name in listed.split(",")]:
        return True
    return any(name and (host == name or host.endswith(f".{name}")) for name in names)
