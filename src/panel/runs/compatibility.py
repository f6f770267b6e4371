"""What a run means, field by field: a resume must find every field as it was.

Who is asked over which host, with which key and how many at once does not belong to it.
"""

from collections.abc import Mapping

from panel.foundation.errors import RunError
from panel.evidence.source import Evidence
from panel.review.choices import choices
from panel.runs.manifest import Manifest, fingerprint
from panel.evidence.tools.tool import Tool


def meaning(manifest: Manifest) -> dict[str, str]:
    """Return the fields of a run's meaning: values where they are short, else fingerprints."""
    by_name = {
        "persona": manifest.personas,
        "prompt": manifest.prompts,
        "schema": manifest.schemas,
        "rule": {name: str(value) for name, value in manifest.rule.model_dump().items()},
    }
    return {
        "provider": "an address" if "://" in manifest.provider else manifest.provider,
        "model": manifest.wire_model,
        "ask": manifest.ask,
        **{name: _short(value) for name, value in choices(manifest).items()},
        "temperature": str(manifest.temperature),
        "evidence_tokens": str(manifest.evidence_tokens),
        "calibration": manifest.calibration or "none",
        "support": manifest.support.wire_model if manifest.support else "none",
        **{f"{kind} {name}": at for kind, by in by_name.items() for name, at in by.items()},
    }


def _short(choice: object) -> str:
    """Return a review choice as one word; a text as its fingerprint."""
    if choice is None:
        return "none"
    return fingerprint(choice) if isinstance(choice, str) else str(choice)


def differences(stored: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Return one `field: stored → current` for each field that is not the same, in field order."""
    names = [*stored, *(name for name in current if name not in stored)]
    return [
        f"{name}: {stored.get(name, 'none')} → {current.get(name, 'none')}"
        for name in names
        if stored.get(name) != current.get(name)
    ]


def check_same(stored: Manifest, current: Manifest) -> None:
    """Raise `RunError` naming every field of the meaning that changed since the run started."""
    changed = differences(meaning(stored), meaning(current))
    if changed:
        raise changed_fields(stored.run, changed)


def changed_fields(run: str, changed: list[str]) -> RunError:
    """Return the refusal to resume a run whose meaning changed."""
    return RunError(
        f"run {run} was asked something else: {'; '.join(changed)}",
        hint=f"`panel rerun {run}` makes a new run over the same evidence",
    )


def check_known(run: str, field: str, stored: str | None, current: str) -> None:
    """Raise `RunError` where a field the run already knows has another fingerprint now."""
    if stored not in (None, current):
        raise changed_fields(run, differences({field: str(stored)}, {field: current}))


def evidence_fingerprint(evidence: Evidence) -> str:
    """Return the fingerprint of what the evidence says, whenever it was read."""
    return fingerprint(evidence.model_dump(mode="json", exclude={"sources": {"__all__": _WHEN}}))


def tool_fingerprint(tool: Tool) -> str:
    """Return the fingerprint of what a tool's own entry says, wherever its files lie."""
    return fingerprint(tool.model_dump(mode="json", exclude={"evidence", "slug"}))


_WHEN = {"retrieved"}
