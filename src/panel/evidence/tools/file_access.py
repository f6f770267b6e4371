"""Access to local files: which may become evidence. A list is untrusted and may name any file.

Looks at paths and at the beginning of a file; reads no evidence.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from panel.foundation.errors import ToolError
from panel.foundation.text import printable

ALLOW: Final = "--allow-outside"

_HEAD: Final = 2_000_000
"""Bytes that are searched for a key: as many as an evidence file may have."""
_MAX_NAME: Final = 200

_KEY_NAME: Final = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519|xmss)(?:_sk)?(?:\..*)?|id_\w+"
    r"|.*\.(?:pem|key|p12|pfx|pk8|ppk|jks|keystore|kdbx|asc\.key|agekey|age)"
    r"|_netrc|credentials?(?:\.(?:json|csv|ini|ya?ml|toml|txt))?|secring\.gpg|kubeconfig"
    r"|env|\w*\.env(?:\..*)?",
    re.IGNORECASE,
)
_PUBLIC: Final = re.compile(r".*\.pub|id_\w+\.(?:md|html?|rst|txt)", re.IGNORECASE)
_SECRET_NAME: Final = re.compile(
    r"\.env(?:rc)?(?:[._-].*)?|\.netrc|\.npmrc|\.yarnrc.*|\.pypirc|\.git-credentials|\.pgpass|\.my\.cnf"
    r"|\.htpasswd|\.dockercfg|\.s3cfg|\.boto|\.vault-token|\.(?:ba|z|k)?sh_history|\.python_history"
    r"|\.psql_history|\.credentials.*|\.authinfo.*|\.token.*|\.secrets?.*",
    re.IGNORECASE,
)
"""Files that begin with a dot and hold passwords, tokens or what was typed."""
_SECRET_FOLDERS: Final = frozenset({
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", ".gcloud",
})  # fmt: skip

_HINTS: Final = (
    b"PRIVATE KEY", b"private_key", b"AGE-SECRET-KEY", b"PuTTY-User", b"password", b"aws_secret",
)  # fmt: skip
"""A file with none of these holds no key, and is not searched."""
_KEY: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY"
    rb"|^[ \t>]*-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-{4,5}\s+"
    rb"(?:[\w-]+: [^\n]*\s+)*[A-Za-z0-9+/]{20}[A-Za-z0-9+/=\s]{0,80}"
    rb"|\"private_key\"\s*:\s*\"-----BEGIN"
    rb"|AGE-SECRET-KEY-1[A-Z0-9]{20}"
    rb"|\APuTTY-User-Key-File-\d"
    rb"|\A(?:\s*#[^\n]*\n)*\s*(?:machine\s+\S+|default)\s+login\s+\S+\s+(?:account\s+\S+\s+)?password\s+\S"
    rb"|^[ \t]*aws_secret_access_key[ \t]*=[ \t]*[A-Za-z0-9+/]{30}",
    re.MULTILINE,
)
_ASSIGNED: Final = re.compile(
    rb"^[ \t]*(?:export[ \t]+)?[\w.:/-]*"
    rb"(?:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|auth)\w*[ \t]*[=:][ \t]*[^\s#]{6}",
    re.MULTILINE | re.IGNORECASE,
)


def check_listed(
    path: Path, listed_path: Path, folder: Path, *, shown: str, place: str, allow_outside: bool
) -> None:
    """Refuse a file that a list may not name.

    Args:
        path: Where the file is, symbolic links followed.
        listed_path: The same as the list names it, absolute.
        folder: The list's folder, symbolic links followed.
        shown: Its name in the list, for messages.
        place: File and line of the list, for messages.
        allow_outside: Whether the user lets the list name files outside its folder.

    Raises:
        ToolError: it lies outside the list's folder, is hidden, or is a private key.
    """
    name = printable(shown)[:_MAX_NAME]
    plain = Path(os.path.normpath(listed_path))
    if any(part.startswith(".") for variant in (path, plain) for part in _below(variant, folder)):
        raise ToolError(
            f"{place}: evidence {name!r} is a hidden file, or in a hidden folder: it is not read",
            hint="copy what is about the tool beside the list, under a name without a dot",
        )
    if not path.is_relative_to(folder) and not allow_outside:
        raise ToolError(
            f"{place}: evidence {name!r} lies outside the list's folder: nothing was read or asked",
            hint=f"add {ALLOW} to the command if that file is meant",
        )
    _check_key(path, name, place)


def check_named(path: Path, *, shown: str, place: str) -> None:
    """Refuse a private key or a file of secrets that the user names himself; raises ToolError."""
    name = printable(shown)[:_MAX_NAME]
    hidden = path.name.startswith(".")
    if (
        _SECRET_NAME.fullmatch(path.name)
        or _SECRET_FOLDERS.intersection(path.parts)
        or (hidden and _holds(path, _ASSIGNED))
    ):
        raise _private(name, place, "holds secrets")
    _check_key(path, name, place)


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    """Return the parts of a path below what it shares with the list's folder."""
    shared = os.path.commonpath([path, folder])
    return path.relative_to(shared).parts


def _check_key(path: Path, name: str, place: str) -> None:
    has_key_name = _KEY_NAME.fullmatch(path.name) and not _PUBLIC.fullmatch(path.name)
    if has_key_name or _holds(path, _KEY, _HINTS):
        raise _private(name, place, "is a private key or holds one")


def _private(name: str, place: str, what: str) -> ToolError:
    return ToolError(
        f"{place}: evidence {name!r} {what}: it is not read and not sent anywhere",
        hint="give a page about the tool: --evidence README.md",
    )


def _holds(path: Path, pattern: re.Pattern[bytes], hints: Sequence[bytes] = (b"",)) -> bool:
    if not path.is_file():
        return False  # pipes and folders are refused where they are read
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return any(hint in head for hint in hints) and pattern.search(head) is not None
