"""The headers that every answer carries: what a page may load, where it may be framed. Pure."""

from typing import Final

from panel.publish.site.page import policy

_ALWAYS: Final = (
    ("content-security-policy", policy(live=True, header=True)),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # Not no-referrer: a browser would then send `Origin: null` with the site's own forms.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
_ON_HTTPS: Final = (("strict-transport-security", "max-age=31536000"),)

Raw = tuple[tuple[bytes, bytes], ...]


def security(*, secure: bool) -> Raw:
    """Return the headers, as ASGI wants them; `secure`: the site is read over https."""
    chosen = (*_ALWAYS, *_ON_HTTPS) if secure else _ALWAYS
    return tuple((name.encode(), value.encode()) for name, value in chosen)
