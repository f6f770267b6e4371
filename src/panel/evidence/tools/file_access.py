"""Access to local files: which may become evidence. A list is untrusted and may name any file.

Looks at paths and at the beginning of files. Of a long list only the first files are looked into:
what a file holds is checked again when it is read (`gather`).
"""

import os
import re
from pathlib import Path
from typing import Final

from panel.foundation.errors import ToolError
from panel.foundation.text import printable

ALLOW: Final = "--allow-outside"

_HEAD: Final = 2_000_000
"""Bytes that are searched for a key: as many as an evidence file may have."""
_LOOKED_INTO: Final = 1_000
"""Files of one list that are searched before anything is asked; the others when they are read."""
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


class ListFolder:
    """The folder of one list, whose files the list may name; looks at each of its folders once."""

    def __init__(self, folder: Path, *, allow_outside: bool = False) -> None:
        """`allow_outside`: the user lets the list name files outside its folder."""
        self.folder = folder.resolve()
        self._allow_outside = allow_outside
        self._plain: dict[str, tuple[Path, frozenset[str]]] = {}
        self._looked_into = 0

    def file(self, name: str, place: str) -> Path:
        """Return where a file is, symbolic links followed.

        Args:
            name: The file as the list names it.
            place: File and line of the list, for messages.

        Raises:
            ToolError: there is none, it lies outside the list's folder, is hidden, or is a private
                key.
        """
        above, _, last = name.rpartition("/")
        if above not in self._plain:
            self._plain[above] = self._plain_files(above)
        real, files = self._plain[above]
        if last in files:
            path = real / last
            if has_key_name(path):
                raise _private(printable(name)[:_MAX_NAME], place, _KEY_FOUND)
        else:
            path = self._checked(name, place)
        self._looked_into += 1
        if self._looked_into <= _LOOKED_INTO:
            _check_key(path, printable(name)[:_MAX_NAME], place)
        return path

    def _plain_files(self, above: str) -> tuple[Path, frozenset[str]]:
        """Return a folder and its files that need no further look: no link, nothing hidden."""
        steps = above.split("/") if above else []
        real = self.folder.joinpath(*steps)
        if os.sep == "/" and not any(step.startswith(".") or not step for step in steps):
            try:
                if real.resolve() == real:
                    with os.scandir(real) as entries:
                        files = [e.name for e in entries if e.is_file(follow_symlinks=False)]
                    return real, frozenset(name for name in files if not name.startswith("."))
            except (OSError, ValueError):
                pass
        return real, frozenset()

    def _checked(self, name: str, place: str) -> Path:
        listed_path = self.folder / name
        path = evidence_file(listed_path, shown=name, place=place)
        shown = printable(name)[:_MAX_NAME]
        plain = Path(os.path.normpath(listed_path))
        parts = (part for variant in (path, plain) for part in _below(variant, self.folder))
        if any(part.startswith(".") for part in parts):
            raise ToolError(
                f"{place}: evidence {shown!r} is a hidden file, or in a hidden folder:"
                " it is not read",
                hint="copy what is about the tool beside the list, under a name without a dot",
            )
        if not path.is_relative_to(self.folder) and not self._allow_outside:
            raise ToolError(
                f"{place}: evidence {shown!r} lies outside the list's folder:"
                " nothing was read or asked",
                hint=f"add {ALLOW} to the command if that file is meant",
            )
        if has_key_name(path):
            raise _private(shown, place, _KEY_FOUND)
        return path


def evidence_file(path: Path, *, shown: str, place: str) -> Path:
    """Return the absolute path of an existing file; `shown` is its name in messages."""
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise ToolError(f"{place}: no evidence file {printable(shown)[:200]!r}")
    return path.resolve()


def check_named(path: Path, *, shown: str, place: str) -> None:
    """Refuse a private key or a file of secrets that the user names himself; raises ToolError."""
    name = printable(shown)[:_MAX_NAME]
    hidden = path.name.startswith(".")
    if (
        _SECRET_NAME.fullmatch(path.name)
        or _SECRET_FOLDERS.intersection(path.parts)
        or (hidden and _ASSIGNED.search(_head(path)))
    ):
        raise _private(name, place, "holds secrets")
    _check_key(path, name, place)


def _below(path: Path, folder: Path) -> tuple[str, ...]:
    """Return the parts of a path below what it shares with the list's folder."""
    shared = os.path.commonpath([path, folder])
    return path.relative_to(shared).parts


def has_key_name(path: Path) -> bool:
    """Tell whether a file is named as private keys are."""
    name = path.name
    return _KEY_NAME.fullmatch(name) is not None and not _PUBLIC.fullmatch(name)


def holds_key(head: bytes) -> bool:
    """Tell whether the beginning of a file holds a private key or a password."""
    return any(hint in head for hint in _HINTS) and _KEY.search(head) is not None


_KEY_FOUND: Final = "is a private key or holds one"


def _check_key(path: Path, name: str, place: str) -> None:
    if has_key_name(path) or holds_key(_head(path)):
        raise _private(name, place, _KEY_FOUND)


def refused_key(name: str) -> ToolError:
    """Return the error for a file that turns out to hold a key when it is read."""
    return _private(name, "", _KEY_FOUND)


def _private(name: str, place: str, what: str) -> ToolError:
    return ToolError(
        f"{place}{': ' if place else ''}evidence {name!r} {what}: it is not read and not sent"
        " anywhere",
        hint="give a page about the tool: --evidence README.md",
    )


def _head(path: Path) -> bytes:
    """Return the beginning of a file; nothing of pipes and folders: reading refuses them."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return file.read(_HEAD)
    except OSError:
        pass
    return b""
