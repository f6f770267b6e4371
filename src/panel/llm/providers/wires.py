"""Which wire carries the requests of a run: one rule, and what it decided by."""

from typing import Final, NamedTuple

from panel.llm.config import ProviderConfig, Wire
from panel.llm.providers.urls import is_loopback

LONG_LIST: Final = 20
"""Tools up to which the official client is used: it takes about ten times the CPU a call."""


class WireChoice(NamedTuple):
    """A wire, and the reason in words that follow its name."""

    wire: Wire
    why: str


def choose_wire(config: ProviderConfig, tools: int) -> WireChoice:
    """Return the wire to a provider for a run over so many tools."""
    if config.wire is not None:
        return WireChoice(config.wire, f"as named for {config.provider}")
    if is_loopback(config.base_url or ""):
        return WireChoice("lean", f"because {config.provider} is on this machine")
    if tools > LONG_LIST:
        return WireChoice("lean", f"because more than {LONG_LIST} tools are a long list")
    return WireChoice("openai", f"for up to {LONG_LIST} tools, lean for longer lists")
