"""What a page may load and where it may send: its Content-Security-Policy. Pure."""


def policy(*, live: bool, header: bool = False) -> str:
    """Return the policy of a page made in advance, or of a `live` one with forms.

    `'self'` covers files beside a page opened from disk too. `frame-ancestors` is obeyed in a
    `header` only.
    """
    parts = [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        f"connect-src {_own(live)}",
        f"form-action {_own(live)}",
        "base-uri 'none'",
    ]
    return "; ".join([*parts, "frame-ancestors 'none'"] if header else parts)


def _own(allowed: bool) -> str:
    return "'self'" if allowed else "'none'"
