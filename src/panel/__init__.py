"""panel: four reviewers read the evidence about a tool and say ship or skip.

    import panel

    async with panel.AsyncPanel(provider="cerebras") as p:
        card = await p.review("https://github.com/simonw/sqlite-utils")
    print(card.verdict.outcome, card.verdict.ship_percent)

Names are imported when first used, so that `import panel` stays light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panel.api.blocking import Panel, review
    from panel.api.client import AsyncPanel, areview
    from panel.api.stored import StoredRun, compare, open_run, render, verify
    from panel.engine.refresh import Movement
    from panel.engine.verify.report import VerifyReport
    from panel.evidence.source import Passage, Source
    from panel.evidence.tools.tool import Document, Tool
    from panel.foundation.errors import (
        CallError,
        DiskFull,
        InputError,
        MissingKey,
        ModelError,
        PanelError,
        PersonaError,
        ProviderError,
        RunDamaged,
        RunError,
        RunStopped,
        SettingsError,
        ToolError,
    )
    from panel.foundation.settings import Settings
    from panel.report.comparison.comparison import Comparison
    from panel.reviews.events import (
        Decided,
        Event,
        JobMoved,
        LeftOut,
        Reviewed,
        Started,
        Stepped,
        WentOver,
    )
    from panel.reviews.evidence_changes import Reason
    from panel.reviews.personas import Criterion, Persona
    from panel.reviews.review import Finding, Forecast, Missing, PropositionForecast, Review
    from panel.reviews.verdict.scorecard import Scorecard, Verdict

    __version__: str

_HOMES = {
    "panel.api.blocking": ("Panel", "review"),
    "panel.api.client": ("AsyncPanel", "areview"),
    "panel.api.stored": ("StoredRun", "compare", "open_run", "render", "verify"),
    "panel.engine.refresh": ("Movement",),
    "panel.engine.verify.report": ("VerifyReport",),
    "panel.evidence.source": ("Passage", "Source"),
    "panel.evidence.tools.tool": ("Document", "Tool"),
    "panel.foundation.errors": (
        "CallError", "DiskFull", "InputError", "MissingKey", "ModelError", "PanelError",
        "PersonaError", "ProviderError", "RunDamaged", "RunError", "RunStopped", "SettingsError",
        "ToolError",
    ),
    "panel.foundation.settings": ("Settings",),
    "panel.report.comparison.comparison": ("Comparison",),
    "panel.reviews.events": (
        "Decided", "Event", "JobMoved", "LeftOut", "Reviewed", "Started", "Stepped", "WentOver",
    ),
    "panel.reviews.evidence_changes": ("Reason",),
    "panel.reviews.personas": ("Criterion", "Persona"),
    "panel.reviews.review": ("Finding", "Forecast", "Missing", "PropositionForecast", "Review"),
    "panel.reviews.verdict.scorecard": ("Scorecard", "Verdict"),
}  # fmt: skip

__all__ = [
    "AsyncPanel", "CallError", "Comparison", "Criterion", "Decided", "DiskFull", "Document",
    "Event", "Finding", "Forecast", "InputError", "JobMoved", "LeftOut", "Missing", "MissingKey",
    "ModelError", "Movement", "Panel", "PanelError", "Passage", "Persona", "PersonaError",
    "PropositionForecast", "ProviderError", "Reason", "Review", "Reviewed", "RunDamaged",
    "RunError", "RunStopped", "Scorecard", "Settings", "SettingsError", "Source", "Started",
    "Stepped", "StoredRun", "Tool", "ToolError", "Verdict", "VerifyReport", "WentOver",
    "__version__", "areview", "compare", "open_run", "render", "review", "verify",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        return version("panel-verdict")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'panel' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
