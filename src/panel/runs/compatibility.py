"""The meaning of a run, field by field: a resume must ask the same as the run's start.

Host, key and number of calls at once are not part of it.
"""

import json
from collections.abc import Mapping

from panel.evidence.source import Evidence
from panel.evidence.tools.tool import Tool
from panel.foundation.errors import RunError
from panel.reviews.choices import choices
from panel.runs.manifest import JudgeRecord, Manifest, fingerprint


def meaning(manifest: Manifest) -> dict[str, str]:
    """Return the fields of a run's meaning: values where they are short, else fingerprints."""
    by_name = {
        "persona": manifest.personas,
        "prompt": manifest.prompts,
        "schema": manifest.schemas,
        "rule": {name: _of_rule(value) for name, value in manifest.rule.model_dump().items()},
    }
    return {
        "provider": _provider(manifest.provider),
        "model": manifest.wire_model,
        "ask": manifest.ask,
        **{name: _short(value) for name, value in choices(manifest).items()},
        "temperature": str(manifest.temperature),
        "evidence_tokens": str(manifest.evidence_tokens),
        "calibration": manifest.calibration or "none",
        "support": manifest.support.wire_model if manifest.support else "none",
        **{f"judge {name}": _judge(record) for name, record in manifest.other_judges.items()},
        **{f"{kind} {name}": at for kind, by in by_name.items() for name, at in by.items()},
    }


def _provider(name: str) -> str:
    return "an address" if "://" in name else name


def _judge(record: JudgeRecord) -> str:
    parts = (record.wire_model, _provider(record.provider), record.ask, record.evidence_tokens)
    return " ".join(str(part) for part in (*parts, record.calibration or "uncalibrated"))


def _of_rule(value: object) -> str:
    """Return a number of the rule as one word; fitted weights as their fingerprint."""
    return fingerprint(json.dumps(value, default=str)) if isinstance(value, dict) else str(value)


def _short(choice: object) -> str:
    """Return a review choice as one word; a text as its fingerprint."""
    if choice is None:
        return "none"
    return fingerprint(choice) if isinstance(choice, str) else str(choice)


def differences(stored: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Return a line `field: stored → current` for each field that differs, in field order."""
    names = [*stored, *(name for name in current if name not in stored)]
    return [
        f"{name}: {stored.get(name, 'none')} → {current.get(name, 'none')}"
        for name in names
        if stored.get(name) != current.get(name)
    ]


def check_same(stored: Manifest, current: Manifest) -> None:
    """Raise `RunError` naming every field of the meaning that changed since the run started."""
    if stored.samples > 1 and stored.temperature == 0.0:
        # panel 0.1.0 stored 0.0 whatever it sent.
        stored = stored.model_copy(update={"temperature": current.temperature})
    changed = differences(meaning(stored), meaning(current))
    # Others may be asked by now; but answers of one that stays are read as they were.
    asked = {f"fallback {record.provider}": _judge(record) for record in current.fallbacks}
    known = {f"fallback {record.provider}": _judge(record) for record in stored.fallbacks}
    both = asked.keys() & known.keys()
    changed += differences({n: known[n] for n in known if n in both}, {n: asked[n] for n in both})
    if changed:
        raise changed_fields(stored.run, changed)


def changed_fields(run: str, changed: list[str]) -> RunError:
    """Return the error for a resume of a run whose meaning changed."""
    return RunError(
        f"run {run} was asked something else: {'; '.join(changed)}",
        hint=f"`panel rerun {run}` makes a new run over the same evidence",
    )


def check_known(run: str, field: str, stored: str | None, current: str) -> None:
    """Raise `RunError` where a field with a stored fingerprint has another one now."""
    if stored not in (None, current):
        raise changed_fields(run, differences({field: str(stored)}, {field: current}))


def evidence_fingerprint(evidence: Evidence) -> str:
    """Return the fingerprint of the evidence without the times at which it was read."""
    return fingerprint(
        evidence.model_dump(
            mode="json", exclude={"links": True, "sources": {"__all__": {"retrieved"}}}
        )
    )


def tool_fingerprint(tool: Tool) -> str:
    """Return the fingerprint of a tool's entry without the paths of its files."""
    return fingerprint(tool.model_dump(mode="json", exclude={"evidence", "slug"}))
