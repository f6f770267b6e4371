"""What a user asked for, in one frozen value: the same from the command line and from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from panel.foundation.settings import Settings
from panel.llm.config import Ask

if TYPE_CHECKING:
    from panel.engine.connections import Connections
    from panel.review.personas import Persona


@dataclass(frozen=True)
class Options:
    """What a user asked for, wherever it was said; None leaves it to settings or defaults."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None = None
    model: str | None = None
    ask: Ask | None = None
    personas: "tuple[str | Persona, ...] | None" = None
    """Reviewers by name or as they are; None: all that are shipped or lie in `personas/` here."""
    samples: int = 1
    context: str | None = None
    bill_to: str | None = None
    concurrency: int | None = None
    check_support: bool = False
    """Ask a second time whether cited passages support their findings."""
    support_provider: str | None = None
    """Who is asked that; None: whoever answered."""
    support_model: str | None = None
    fresh: bool = False
    """Ask again even where an earlier run has the answer."""
    fetch: bool = False
    """Read the address of every tool that has one, also of those that bring evidence."""
    offline: bool = False
    """Fetch nothing: evidence comes from files and earlier runs."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Base addresses of servers that play hosts of the web, for tests and demonstrations."""
    discreet: bool = False
    """A stranger chose the addresses: no reason tells which names the network here knows."""
    on_read: Callable[[str], None] = lambda line: None
    """Told of each tool whose address was read, in one line."""
    calibrates: bool = False
    """Measure the judge: ask without a fit and without written parts."""
    command: tuple[str, ...] = ()
    connections: "Connections | None" = None
    """Keeps endpoints open from one session to the next; None: each session opens its own."""
    sealed: bool = False
    """Read nothing that belongs to this user: no `personas/` here, no configuration folder."""
    on_download: Callable[[str, int, int], None] = lambda what, done, total: None
    """Told of a model's arrival: what, bytes so far, bytes in all."""
