"""What is wrong with a server's certificate, and what to do about it."""

import ssl
from collections.abc import Mapping
from typing import Final

from panel.llm.openai_compat.transport import error_chain

_UNREAD: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT")
"""Where other programs look for authorities; Python's TLS does not."""


def certificate_problem(error: BaseException) -> str | None:
    """Return what is wrong with a server's certificate; None where that is not what broke."""
    for cause in reversed(error_chain(error)):  # aiohttp's own error is of the class, without words
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (cause.verify_message or "it cannot be verified").rstrip(".")
    return None


def certificate_hint(reason: str, environ: Mapping[str, str]) -> str:
    """Return the next step for a certificate that is rejected for `reason`."""
    if "expired" in reason or "not yet valid" in reason:
        return "the server must renew it, or this machine's clock is wrong"
    if "mismatch" in reason or "not valid for" in reason:
        return "the address must be one that the certificate is made for"
    if path := environ.get("SSL_CERT_FILE", "").strip():
        return f"SSL_CERT_FILE={path} must hold the authority that signed it"
    unread = next((name for name in _UNREAD if environ.get(name, "").strip()), None)
    if unread:
        return f"{unread} is set but not read: export SSL_CERT_FILE=${unread}"
    return "export SSL_CERT_FILE=… names a file with the authority that signed it"
