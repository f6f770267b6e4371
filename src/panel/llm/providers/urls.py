"""Addresses: checking a server's URL, and which proxy the environment names for it.

Computes from text and a mapping; resolves no name and opens no connection.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from panel.foundation.errors import ProviderError
from panel.foundation.text import begins_like_key, looks_like_key
from panel.foundation.urls import host_of, web_address

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_|]*)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,62})*")


def checked_url(url: str, *, where: str) -> str:
    """Return the URL without a final slash, up to the part before `/chat/completions`.

    An address without a path gets `/v1`. `where` says whose it is in errors, which never show
    the address itself: it might hold a secret.

    Raises:
        ProviderError: not http or https, no host, or holds a user, a password or a query.
    """
    parts = web_address(url.strip())
    if parts is None:
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


def filled(
    template: str, environ: Mapping[str, str], *, provider: str, instead: Sequence[str] = ()
) -> str:
    """Fill `{NAME}` in a row's address from the environment, a plain name each.

    `{NAME|OTHER}` takes the first of the variables that holds anything; `instead` are those
    that could have held the whole address.

    Raises:
        ProviderError: none of them is set, or one holds more than a name.
    """

    def value(match: re.Match[str]) -> str:
        names = match.group(1).split("|")
        name = next((name for name in names if environ.get(name, "").strip()), None)
        if name is None:
            wanted = list(dict.fromkeys([*instead, *names]))
            raise ProviderError(
                f"{provider} needs {' or '.join(wanted)}", hint=f"export {wanted[0]}=…"
            )
        text = environ[name].strip()
        if not _NAME.fullmatch(text) or begins_like_key(text):
            raise ProviderError(f"{provider}: {name} must be a plain name, not an address")
        return text

    return _VARIABLE.sub(value, template)


def named_address(text: str, *, where: str, usual: str, path: str | None = None) -> str:
    """Return the address that a variable names, which may lack its scheme, host or port.

    They are those of the `usual` one then. A server that listens everywhere is called on this
    machine. `path` is where that server's API always is, whatever follows the host.

    Raises:
        ProviderError: as `checked_url`.
    """
    known = urlsplit(usual)
    if looks_like_key(text):
        raise ProviderError(f"{where}: not an address", hint=_SHAPE)
    if "://" not in text:
        text = f"{known.scheme}://{'localhost' if text.startswith(':') else ''}{text}"
        if known.scheme == "http" and known.port and not re.search(r":\d+(/|$)", text):
            host, _, rest = text.partition("://")[2].partition("/")
            text = f"{known.scheme}://{host}:{known.port}/{rest}"
    url = checked_url(text, where=where)
    parts = urlsplit(url)
    if parts.hostname in _EVERYWHERE:
        here = _EVERYWHERE[parts.hostname]
        parts = parts._replace(netloc=f"{here}:{parts.port}" if parts.port else here)
    return parts._replace(path=path or parts.path).geturl()


_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def full_address(text: str) -> str | None:
    """Return what a text without `http://` would be as an address; None where it is none.

    A key is none: there has to be a port, a path or a number where the host is.
    """
    host = re.match(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w./-]*)?$", text, re.ASCII)
    if host is None:
        return None
    name, port, path = host.groups()
    number = _number(name.strip("[]"))
    if not (port or number or name == "localhost" or (path and "." in name)):
        return None
    near = port or number or name == "localhost"
    try:
        return checked_url(f"{'http' if near else 'https'}://{text}", where="--provider")
    except ProviderError:
        return None


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
    """Return the proxy that the environment names for an address; None for this machine.

    NO_PROXY is read as curl reads it: names with all that is below them, addresses, networks,
    each with a port or without, and `*`. A proxy without a scheme is an http one.
    """
    _, proxy = _proxy(url, environ)
    return proxy


def usable_proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy as `proxy_for` does.

    Raises:
        ProviderError: panel cannot go through it; names the variable and never shows its value.
    """
    variable, proxy = _proxy(url, environ)
    if proxy is None:
        return None
    hint = f"name an http proxy, or list {host_of(url)} in NO_PROXY to go there directly"
    scheme = proxy.partition("://")[0]
    if scheme.startswith("socks") and len(scheme) <= len("socks5h"):
        raise ProviderError(
            f"{variable} names a {scheme} proxy; panel goes through http and https proxies only",
            hint=hint,
        )
    if web_address(proxy) is None:
        raise ProviderError(f"{variable} does not hold the address of a proxy", hint=hint)
    return proxy


def _proxy(url: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the variable that decides, and its proxy with a scheme in small letters."""
    parts = urlsplit(url)
    if is_loopback(url) or _exempt(parts, environ):
        return "", None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for spelled in (name, name.upper()):
            if spelled in environ:
                text = environ[spelled].strip()
                if not text:  # set to nothing: no proxy for these
                    return spelled, None
                scheme, _, rest = text.rpartition("://")
                return spelled, f"{scheme.lower() or 'http'}://{rest}"
    return "", None


def _exempt(url: SplitResult, environ: Mapping[str, str]) -> bool:
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    host = (url.hostname or "").rstrip(".")
    port = url.port or (443 if url.scheme == "https" else 80)
    return any(_covers(entry, host, port) for entry in re.split(r"[,\s]+", listed.lower()))


def _covers(entry: str, host: str, port: int) -> bool:
    """Tell whether one entry of NO_PROXY is about a host."""
    if entry == "*":
        return True
    if match := re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", entry):
        entry = match[1]
        if int(match[2]) != port:
            return False
    entry = entry.removeprefix("[").removesuffix("]").lstrip("*").strip(".")
    if number := _number(host):
        try:
            network = ip_network(entry, strict=False)
        except ValueError:
            return False
        return number.version == network.version and number in network
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """Return a host that is written as a number; an IPv4 one inside IPv6 as that."""
    try:
        number = ip_address(host)
    except ValueError:
        return None
    return getattr(number, "ipv4_mapped", None) or number
