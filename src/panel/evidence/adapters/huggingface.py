"""Hugging Face models, datasets and Spaces: the card, and what the Hub's API says of it.

Over plain HTTPS, not through huggingface_hub: that library would follow redirects without panel's
deny list and deadlines, and would look for tokens on this machine by itself.
"""

import re

from panel.evidence.adapters.adapter import Adapter, Address, FetchSpec, HostKey, HostRecord
from panel.evidence.adapters.records import count, day, fields, sentences_of, words
from panel.evidence.fetch.page import FetchedPage
from panel.evidence.tools.tool import ToolKind

_HOSTS = frozenset({"huggingface.co", "hf.co"})
_HUB = "https://huggingface.co"
_KINDS = {"spaces": "Space", "datasets": "dataset"}
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}")
_SITE = frozenset({
    "api", "blog", "chat", "collections", "docs", "enterprise", "inference", "inference-endpoints",
    "join", "learn", "login", "models", "organizations", "papers", "posts", "pricing", "settings",
    "storage", "support", "tasks", "terms-of-service", "privacy",
})  # fmt: skip


class HuggingFace(Adapter):
    """huggingface.co/ORG/NAME, …/spaces/ORG/NAME, …/datasets/ORG/NAME, and pages below them."""

    rank = 10
    keys = (HostKey("huggingface.co", ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")),)

    def matches(self, at: Address) -> bool:
        """Tell a model, dataset or Space from the site's own pages."""
        _, parts = _split(at)
        has_repository = len(parts) == 2 and all(_NAME.fullmatch(part) for part in parts)
        return at.host in _HOSTS and has_repository and parts[0].lower() not in _SITE

    def name(self, at: Address) -> str:
        """Return the name without its owner."""
        return _split(at)[1][1]

    def kind(self, at: Address) -> ToolKind | None:
        """Tell a model from datasets and Spaces, which may hold anything."""
        return None if _split(at)[0] else "model"

    def requests(self, at: Address) -> tuple[FetchSpec, ...]:
        """Return the card and the Hub's record."""
        kind, parts = _split(at)
        name, label = "/".join(parts), _KINDS.get(kind, "model")
        place = f"{_HUB}/{kind}/{name}" if kind else f"{_HUB}/{name}"
        card, api = f"{place}/raw/main/README.md", f"{_HUB}/api/{kind or 'models'}/{name}"
        return (
            FetchSpec(f"{label} card", (card,), "card", "text/plain", media_type="text/markdown"),
            FetchSpec(f"{label} record", (api,), "record", "application/json", _record),
        )


def _split(at: Address) -> tuple[str, tuple[str, ...]]:
    kind = at.parts[0] if at.parts and at.parts[0] in _KINDS else ""
    return kind, at.parts[1:3] if kind else at.parts[:2]


def _record(page: FetchedPage) -> HostRecord:
    data = fields(page)
    tags = data.get("tags")
    licences = (
        [words(tag) for tag in tags if words(tag)[:8] == "license:"]
        if isinstance(tags, list)
        else []
    )
    runtime = data.get("runtime")
    flags = [name for name in ("gated", "disabled", "private") if data.get(name)]
    sentences = sentences_of(
        Repository=words(data.get("id")),
        Licence=", ".join(licence.removeprefix("license:") for licence in licences),
        Access=", ".join(flags),
        State=words(runtime.get("stage")).lower() if isinstance(runtime, dict) else "",
        Task=words(data.get("pipeline_tag")),
        Library=words(data.get("library_name")) or words(data.get("sdk")),
        Downloads_last_month=count(data.get("downloads")),
        Likes=count(data.get("likes")),
        Created=day(data.get("createdAt")),
        Last_change=day(data.get("lastModified")),
    )
    return HostRecord("Hugging Face metadata", sentences)


ADAPTER = HuggingFace()
