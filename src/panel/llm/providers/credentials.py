"""A vendor's own sign-in: which package extra brings its library, and whether that is there."""

from importlib.util import find_spec
from typing import Final

from panel.llm.config import Credentials

_EXTRAS: Final[dict[Credentials, str]] = {"entra": "azure", "aws": "bedrock"}
_LIBRARIES: Final[dict[Credentials, str]] = {"entra": "azure.identity", "aws": "botocore"}


def can_sign_in(credentials: Credentials | None) -> bool:
    """Tell whether the library that signs in is installed; does not import it."""
    if credentials is None:
        return False
    try:
        return find_spec(_LIBRARIES[credentials]) is not None
    except ModuleNotFoundError:  # the package above it is not there
        return False


def install_hint(credentials: Credentials | None) -> str:
    """Return what else can be done where no key is there; "" where a key is the only way."""
    if credentials is None:
        return ""
    return f", or pip install 'panel-verdict[{_EXTRAS[credentials]}]' and sign in"
