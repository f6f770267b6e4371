"""What a user asked for, in one frozen value: the same from the command line and from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from panel.providers.target import Ask
from panel.settings import Settings


@dataclass(frozen=True)
class Options:
    """What a user asked for, wherever it was said; None leaves it to settings or defaults."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None = None
    model: str | None = None
    ask: Ask | None = None
    personas: tuple[str, ...] | None = None
    samples: int = 1
    context: str | None = None
    bill_to: str | None = None
    concurrency: int | None = None
    fresh: bool = False
    """Ask again even where an earlier run has the answer."""
    calibrates: bool = False
    """Measure the judge: ask without a fit and without written parts."""
    command: tuple[str, ...] = ()
    on_download: Callable[[str, int, int], None] = lambda what, done, total: None
    """Told of a model's arrival: what, bytes so far, bytes in all."""
