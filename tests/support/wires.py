"""The wire that tests ask over: the fixture `wire` runs a test once on each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from panel.llm.config import Wire

WIRES: "tuple[Wire, ...]" = ("openai", "lean")

_wire: "list[Wire]" = ["lean"]


def wire_under_test() -> "Wire":
    """Return the wire that the running test is about."""
    return _wire[-1]


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> "Iterator[Wire]":
    """Run a test on each wire, in one process."""
    _wire.append(request.param)
    yield request.param
    _wire.pop()
