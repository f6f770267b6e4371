"""Keys: where a row's key is found, that it can be sent at all, and the token of `hf auth login`.

Never prints one.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from panel.foundation.errors import MissingKey
from panel.foundation.text import looks_like_key
from panel.llm.providers.table import provider_table

_SENDABLE = re.compile(r"[\x21-\x7e]{1,4096}")
_VARIABLE = re.compile(r"[A-Z]{1,12}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
NOT_SHOWN = "(not shown: it may be a key)"


class Key(NamedTuple):
    """A key and where it was found: a variable's name or a file."""

    value: SecretStr
    found_in: str


def find_key(names: Sequence[str], environ: Mapping[str, str]) -> Key | None:
    """Return the key in the first of these variables that holds anything."""
    for name in names:
        if text := environ.get(name, "").strip():
            return _checked(text, name)
    return None


def variable_shown(name: str, environ: Mapping[str, str]) -> str:
    """Return a variable's name for messages; what may be a key pasted in its place is not shown."""
    named = _VARIABLE.fullmatch(name) and len(name) <= 50 and len(re.findall(r"\d", name)) < 5
    return name if (named or name in environ) and not looks_like_key(name) else NOT_SHOWN


def hugging_face_token(environ: Mapping[str, str]) -> Key | None:
    """Return the token of the Hugging Face variables, else of the file `hf auth login` writes."""
    if key := find_key(provider_table().router.key_env, environ):
        return key
    if (file := _token_file(environ)) is None:
        return None
    try:
        text = file.read_text("utf-8", "replace")[:5000].strip()
    except OSError:
        return None
    return _checked(text, str(file)) if text else None


def _token_file(environ: Mapping[str, str]) -> Path | None:
    if named := environ.get("HF_TOKEN_PATH"):
        return Path(named)
    if folder := environ.get("HF_HOME"):
        return Path(folder) / "token"
    if folder := environ.get("XDG_CACHE_HOME"):
        return Path(folder) / "huggingface" / "token"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home) / ".cache" / "huggingface" / "token" if home else None


def _checked(text: str, found_in: str) -> Key:
    if not _SENDABLE.fullmatch(text):
        raise MissingKey(
            f"what {found_in} holds is not a key: it has blanks or characters no header can carry",
            hint="copy the key again, one line without quotes",
        )
    return Key(SecretStr(text), found_in)


def fresh_token(file: str) -> str | None:
    """Return the token that belongs to a token file, renewed where it runs out within a day.

    May ask the Hub, and write the file anew. None where huggingface_hub knows another file or has
    no token: what the file holds is all there is then.
    """
    if not Path(file).with_name("stored_tokens").exists():  # no login that could be renewed
        return None
    # Imported here: it costs as much as the rest of a command, and only the router needs it.
    from huggingface_hub import constants, get_token

    if Path(constants.HF_TOKEN_PATH) != Path(file):
        return None
    try:
        return get_token()
    except Exception:  # whatever it met, the file's own token may still be good
        return None
