"""panel: four reviewers read the evidence about a tool and say ship or skip.

    import panel

    card = await panel.areview("examples/tools/sqlite-utils.yaml", provider="local")
    print(card.verdict.outcome, card.verdict.ship_percent)

Names are imported when first used, so that `import panel` stays light.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panel.api import areview, review
    from panel.evidence.tools.tool import Tool
    from panel.foundation.errors import PanelError
    from panel.review.verdict.scorecard import Scorecard

__all__ = ["PanelError", "Scorecard", "Tool", "areview", "review"]

_HOMES = {
    "PanelError": "panel.foundation.errors",
    "Scorecard": "panel.review.verdict.scorecard",
    "Tool": "panel.evidence.tools.tool",
    "areview": "panel.api",
    "review": "panel.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'panel' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
