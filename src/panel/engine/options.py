"""Options: what a user asks for, in one frozen value, from the command line and from Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from panel.engine.caps import Caps
from panel.engine.card_files import Scorecards
from panel.foundation.settings import Settings
from panel.llm.config import Ask, Concurrency, Wire
from panel.reviews.choices import ReviewChoices
from panel.reviews.propositions import ASKED

if TYPE_CHECKING:
    from panel.engine.connections import Connections
    from panel.reviews.personas import Persona


Engine = Literal["asyncio", "batch-api", "ray"]
"""`asyncio`: one by one, from this process; `batch-api`: first questions as a provider's jobs;
`ray`: one by one, from Ray workers."""


@dataclass(frozen=True)
class JudgeChoice:
    """The model that answers for one reviewer instead of the run's."""

    provider: str
    model: str | None = None
    """None: the provider's usual one."""
    ask: Ask | None = None
    where: str = ""
    """Where the choice was made, for error messages."""


@dataclass(frozen=True, kw_only=True)
class Options(ReviewChoices):
    """What a user asks for, by command or by API; None leaves it to settings or defaults."""

    settings: Settings
    environ: Mapping[str, str]
    provider: str | None = None
    model: str | None = None
    ask: Ask | None = None
    personas: "tuple[str | Persona, ...] | None" = None
    """Reviewers by name or as they are; None: all that are shipped or lie in `personas/` here."""
    spread: tuple[str, ...] = ()
    """`PROVIDER` or `PROVIDER/MODEL`, one a reviewer in turn, instead of one for all."""
    judges: Mapping[str, JudgeChoice] | None = None
    """By reviewer, of a stored run; None: those of `spread`, else of the settings."""
    fallback: tuple[str, ...] | None = None
    """`PROVIDER` or `PROVIDER/MODEL`, asked in order where a judge cannot answer; None: those of
    `fallbacks`, else of the settings."""
    fallbacks: tuple[JudgeChoice, ...] | None = None
    """Those of a stored run; None: it is none."""
    propositions: tuple[str, ...] = ASKED
    bill_to: str | None = None
    concurrency: Concurrency | None = None
    """Calls in flight at most; `auto`: as many as the provider takes."""
    wire: Wire | None = None
    caps: Caps = field(default_factory=Caps)
    """What this work may cost and take; not stored."""
    limit: int | None = None
    """Review so many of the tools that are not finished, the first; None: all."""
    dry_run: bool = False
    """Open nothing that takes time or writes: what is opened is not asked."""
    client: object | None = None
    """A client of the caller's own, which is asked instead of a provider."""
    engine: Engine = "asyncio"
    """How questions are asked."""
    ray_address: str | None = None
    """Of a Ray cluster; None starts Ray on this machine."""
    workers: int | None = None
    """Ray workers; None is one for each CPU of the cluster."""
    tools: int = 1
    """How many tools the run is about: long lists are asked over the lean wire."""
    check_support: bool = False
    """Check by further calls whether cited passages support their findings."""
    support_provider: str | None = None
    """The provider of that check; None: the judge's."""
    support_model: str | None = None
    fresh: bool = False
    """Reuse no answers of earlier runs."""
    fetch: bool = False
    """Read the address of every tool that has one, also of those that bring evidence."""
    offline: bool = False
    """Fetch nothing: evidence comes from files and earlier runs."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Base addresses of servers that replace hosts of the web, in tests and demonstrations."""
    discreet: bool = False
    """A visitor chose the addresses: error messages do not reveal which names resolve here."""
    on_read: Callable[[str], None] = lambda line: None
    """Called with one line for each tool whose address was read."""
    scorecards: Scorecards | None = None
    """Whose scorecards are written as files; None: those the run was asked for, else `auto`."""
    calibrates: bool = False
    """Measure the judge: ask without a calibration and without written parts."""
    command: tuple[str, ...] = ()
    """The words of the command line, for the manifest."""
    connections: "Connections | None" = None
    """Keeps endpoints open from one session to the next; None: each session opens its own."""
    sealed: bool = False
    """Read nothing that belongs to this user: no `personas/` here, no configuration folder."""
    on_download: Callable[[str, int, int], None] = lambda name, done, total: None
    """Called while a model is downloaded: its name, bytes so far, bytes in all."""
