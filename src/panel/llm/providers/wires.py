"""Which wire carries the requests of a run: one rule, and what it decided by."""

from typing import Final, NamedTuple

from panel.foundation.errors import ProviderError
from panel.llm.config import ProviderConfig, Wire
from panel.llm.providers.urls import is_loopback

LONG_LIST: Final = 20
"""Tools up to which the official client is used: it takes six times the CPU a call."""


class WireChoice(NamedTuple):
    """A wire, and the reason in words that follow its name."""

    wire: Wire
    why: str


def choose_wire(config: ProviderConfig, tools: int) -> WireChoice:
    """Return the wire to a provider for a run over so many tools.

    Raises:
        ProviderError: it was named and cannot authorise requests.
    """
    if config.credentials is not None:
        if config.wire == "lean":
            raise ProviderError(
                f"{config.provider}: the lean wire sends a key only, and none was found",
                hint="--wire openai, or export a key: panel providers says in which variable",
            )
        return WireChoice("openai", f"because {config.provider} is signed in to without a key")
    if config.wire is not None:
        return WireChoice(config.wire, f"as named for {config.provider}")
    if is_loopback(config.base_url or ""):
        return WireChoice("lean", f"because {config.provider} is on this machine")
    if tools > LONG_LIST:
        return WireChoice("lean", f"because more than {LONG_LIST} tools are a long list")
    return WireChoice("openai", f"for up to {LONG_LIST} tools, lean for longer lists")
