"""The kind of a tool where nobody states it: by its address, or by the metadata of a model card.

Pure, and wrong about none of the tools it was measured on: what a page says of a tool in prose
(an application that calls itself a package) is no sign of its kind.
"""

import re
from typing import Final

from panel.evidence.adapters.adapter import Address, adapter_of
from panel.evidence.source import Evidence
from panel.evidence.tools.tool import KindOrigin, Tool, ToolKind

_MODEL_CARD: Final = re.compile(r"^(?:pipeline_tag|base_model):", re.MULTILINE)
"""Keys that the metadata of a model card has, and that of a data set or of a program has not."""


def with_kind(tool: Tool, evidence: Evidence) -> Tool:
    """Return the tool with its kind, and how that is known; a stated kind stays."""
    if tool.kind is not None and tool.kind_origin is None:
        return tool
    kind: ToolKind | None = None
    origin: KindOrigin | None = None
    if by_address := _address_kind(tool.url):
        kind, origin = by_address, "address"
    elif _is_model_card(evidence):
        kind, origin = "model", "evidence"
    return tool.model_copy(update={"kind": kind, "kind_origin": origin})


def _address_kind(url: str | None) -> ToolKind | None:
    at = Address.of(url or "")
    adapter = adapter_of(at)
    return adapter.kind(at) if adapter else None


def _is_model_card(evidence: Evidence) -> bool:
    """Tell whether the first document begins with the metadata of a model card."""
    return any(
        passage.heading == "Metadata"
        and passage.kind == "list"
        and _MODEL_CARD.search(passage.text)
        for source in evidence.sources[:1]
        for passage in source.passages
    )
