"""A certificate that is not trusted here: what is wrong with it, and what mends that."""

import ssl
from collections.abc import Mapping
from typing import Final

_UNREAD: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT")
"""Where other programs look for authorities; Python's TLS does not."""


def certificate_fault(fault: BaseException) -> str | None:
    """Return what is wrong with a server's certificate; None where that is not what broke."""
    seen: set[int] = set()
    found: BaseException | None = fault
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        inner = getattr(found, "certificate_error", None)  # the client's own error wraps it
        if inner is None and isinstance(found, ssl.SSLCertVerificationError):
            return (found.verify_message or "it cannot be verified").rstrip(".")
        found = inner if isinstance(inner, BaseException) else found.__cause__
    return None


def certificate_hint(wrong: str, environ: Mapping[str, str]) -> str:
    """Return the next step for a certificate of which `wrong` is said."""
    if "expired" in wrong or "not yet valid" in wrong:
        return "the server must renew it, or this machine's clock is wrong"
    if "mismatch" in wrong or "not valid for" in wrong:
        return "the address must be one that the certificate is made for"
    if path := environ.get("SSL_CERT_FILE", "").strip():
        return f"SSL_CERT_FILE={path} must hold the authority that signed it"
    unread = next((name for name in _UNREAD if environ.get(name, "").strip()), None)
    if unread:
        return f"{unread} is set but not read: export SSL_CERT_FILE=${unread}"
    return "export SSL_CERT_FILE=… names a file with the authority that signed it"
