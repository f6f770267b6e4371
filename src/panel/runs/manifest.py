"""A run's manifest, `run.json`: its plan as fingerprints and numbers, versions and counts.

It holds no key. `compatibility.meaning` names the fields that a resume must not change.
"""

import hashlib
import json
import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.foundation.errors import RunError
from panel.foundation.text import begins_like_key
from panel.foundation.urls import host_of
from panel.llm.config import Ask, ProviderConfig
from panel.reviews.calibration.calibration import Calibration
from panel.reviews.choices import choices
from panel.reviews.personas import Persona
from panel.reviews.plan import CalibratedJudge, ReviewPlan
from panel.reviews.score import Rule
from panel.reviews.verdict.scorecard import Outcome, Scorecard

SCHEMA: Final = "panel.run/1"

_USERINFO: Final = re.compile(r"(?<=//)[^/@\s]+@")
_QUERY: Final = re.compile(r"(?<=\w)\?\S*=\S*")
_KEYS: Final = re.compile(r"\b(?:hf_|sk-|gsk_|xai-|AIza|Bearer\s+)[\w.-]{8,}")


class ItemCounts(BaseModel):
    """How a finished run ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: int = 0
    outcomes: dict[Outcome, int] = {}
    reviews: int = 0
    missing: int = 0

    @classmethod
    def of(cls, cards: Iterable[Scorecard]) -> Self:
        """Count scorecards, read one at a time."""
        outcomes: Counter[Outcome] = Counter()
        tools = reviews = missing = 0
        for card in cards:
            tools += 1
            outcomes[card.verdict.outcome] += 1
            reviews += len(card.reviews)
            missing += len(card.missing)
        return cls(tools=tools, outcomes=dict(outcomes), reviews=reviews, missing=missing)


class Checker(BaseModel):
    """The model that checks whether cited passages support their findings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    wire_model: str


class JudgeRecord(BaseModel):
    """The model that answers for one persona."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    wire_model: str
    host: str | None
    ask: Ask
    evidence_tokens: int
    prices: dict[str, tuple[float, float]]
    """USD per million input and output tokens by serving provider; `""` is any provider."""
    calibration: str | None
    """Fingerprint; None where there is none."""


class Manifest(BaseModel):
    """The description of a run: written when it starts, completed when it ends."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["panel.run/1"] = Field(default="panel.run/1", alias="schema")
    run: str = ""
    """The run's name, filled in when its folder is made."""
    created: datetime
    command: tuple[str, ...]
    provider: str
    model: str
    wire_model: str
    host: str | None
    """Host, and port where one is named, of the server asked; None for `local` and `replay`."""
    ask: Ask
    judges: dict[str, JudgeRecord] = {}
    """Who answers for each persona; empty in older runs, which had one model for all."""
    fallbacks: tuple[JudgeRecord, ...] = Field(default=(), exclude_if=lambda records: not records)
    """Whoever was asked, in order, where one of those could not answer."""
    samples: int
    temperature: float
    evidence_tokens: int
    context: str | None
    """For whom the reviewers judge, in the user's words."""
    write: bool = True
    """Reviewers asked `whole` write their reviews after the vote."""
    second_look: bool = False
    """Reviewers that contradict each other on a fact answer again."""
    propositions: tuple[str, ...] = Field(default=(), exclude_if=lambda idents: not idents)
    """Ids of the propositions that those who write were asked about."""
    backtest: str | None = Field(default=None, exclude_if=lambda shown: shown is None)
    """How the tools of a backtest were shown; None: the run is no backtest."""
    rule: Rule
    personas: dict[str, str]
    """Fingerprints by name; the same for prompts and answer schemas."""
    prompts: dict[str, str]
    schemas: dict[str, str]
    calibration: str | None
    """Fingerprint of the judge's calibration; None where there is none."""
    support: Checker | None = None
    """None where support is not checked."""
    calibrates: bool = False
    """The run measured its judge, without a calibration and without written parts."""
    tools: int
    """Tools to review."""
    parent: str | None
    """The run whose evidence this one uses again, or whose verdicts it renews."""
    versions: dict[str, str]
    """Of panel, of Python and, for `local`, of the engine."""
    finished: datetime | None = None
    counts: ItemCounts | None = None

    @property
    def other_judges(self) -> dict[str, JudgeRecord]:
        """The judges that are not the run's own, by persona."""
        own = (self.provider, self.wire_model, self.ask)
        return {
            name: judge
            for name, judge in self.judges.items()
            if (judge.provider, judge.wire_model, judge.ask) != own
        }

    @property
    def models(self) -> set[tuple[str, str]]:
        """Provider and model, as sent, of all that answer."""
        every = (*self.other_judges.values(), *self.fallbacks)
        others = {(judge.provider, judge.wire_model) for judge in every}
        return {(self.provider, self.wire_model)} | others

    @property
    def all_providers(self) -> str:
        """The providers of all judges, with commas between them."""
        return _joined(j.provider for j in self.judges.values()) or self.provider

    @property
    def all_models(self) -> str:
        """The models of all judges, with commas between them."""
        return _joined(j.model for j in self.judges.values()) or self.model

    def text(self) -> str:
        """Return the manifest as the text of `run.json`."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"


def new_manifest(
    plan: ReviewPlan,
    *,
    created: datetime,
    command: Sequence[str],
    prompts: Mapping[str, str],
    schemas: Mapping[str, dict[str, Any]],
    tools: int = 0,
    parent: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> Manifest:
    """Return the manifest of a run that is about to start.

    `prompts` are template texts by name, `schemas` JSON Schemas by persona, `versions` those of
    further programs (`{"xllamacpp": "…"}`). Keys and user names in `command` and addresses are
    left out.
    """
    judge = plan.judge
    secret = _secret(judge)
    for other in (*plan.judges.values(), *plan.fallbacks):
        command = [public(word, _secret(other.config)) for word in command]
    return Manifest(
        created=created,
        command=tuple(public(word, secret) for word in command),
        provider=public(judge.provider, secret),
        model=judge.model,
        wire_model=judge.wire_model,
        host=host_of(judge.base_url) if judge.base_url else None,
        ask=judge.ask,
        judges={p.name: _record(_own(plan, p)) for p in plan.personas},
        fallbacks=tuple(map(_record, plan.fallbacks)),
        temperature=plan.temperature,
        evidence_tokens=judge.evidence_tokens,
        rule=plan.rule,
        personas={persona.name: persona_fingerprint(persona) for persona in plan.personas},
        prompts={name: fingerprint(text) for name, text in sorted(prompts.items())},
        schemas={name: fingerprint(schema) for name, schema in sorted(schemas.items())},
        calibrates=plan.calibrates,
        calibration=plan.calibration and fingerprint(plan.calibration.model_dump(mode="json")),
        support=plan.support and _checker(plan.support, secret),
        tools=tools,
        parent=parent,
        versions={
            "panel": _version(),
            "python": platform.python_version(),
            **(versions or {}),
        },
        **choices(plan),
    )


def plan_of(
    manifest: Manifest,
    *,
    personas: Sequence[Persona],
    calibration: Calibration | None,
    calibrations: Mapping[str, Calibration] | None = None,
    fallbacks: Mapping[str, Calibration] | None = None,
) -> ReviewPlan:
    """Return the plan of a stored run: its judges are of kind `replay` and have no address.

    `personas`, `calibration` and, by persona, `calibrations` of further judges are those of the
    run, and by provider those of its `fallbacks`; the manifest holds their fingerprints only.
    """
    judge = ProviderConfig(
        provider=manifest.provider,
        kind="replay",
        model=manifest.model,
        wire_model=manifest.wire_model,
        ask=manifest.ask,
        evidence_tokens=manifest.evidence_tokens,
        run=manifest.run,
    )
    support = None
    if manifest.support is not None:
        support = judge.model_copy(update=manifest.support.model_dump())
    return ReviewPlan(
        personas=tuple(personas),
        judge=judge,
        rule=manifest.rule,
        calibration=calibration,
        judges={
            name: CalibratedJudge(_replayed(judge, record), (calibrations or {}).get(name))
            for name, record in manifest.other_judges.items()
        },
        fallbacks=tuple(
            CalibratedJudge(_replayed(judge, record), (fallbacks or {}).get(record.provider))
            for record in manifest.fallbacks
        ),
        support=support,
        calibrates=manifest.calibrates,
        **choices(manifest),
    )


def _replayed(judge: ProviderConfig, record: JudgeRecord) -> ProviderConfig:
    parts = {"provider", "model", "wire_model", "ask", "evidence_tokens"}
    return judge.model_copy(update=record.model_dump(include=parts))


def _own(plan: ReviewPlan, persona: Persona) -> CalibratedJudge:
    plan = plan.of(persona.name)
    return CalibratedJudge(plan.judge, plan.calibration)


def _record(calibrated: CalibratedJudge) -> JudgeRecord:
    judge, calibration = calibrated.config, calibrated.calibration
    return JudgeRecord(
        provider=public(judge.provider, _secret(judge)),
        model=judge.model,
        wire_model=judge.wire_model,
        host=host_of(judge.base_url) if judge.base_url else None,
        ask=judge.ask,
        evidence_tokens=judge.evidence_tokens,
        prices=judge.prices,
        calibration=calibration and fingerprint(calibration.model_dump(mode="json")),
    )


def _secret(config: ProviderConfig) -> str:
    return config.key.get_secret_value() if config.key else ""


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _checker(config: ProviderConfig, secret: str) -> Checker:
    secret = _secret(config) or secret
    return Checker(
        provider=public(config.provider, secret), model=config.model, wire_model=config.wire_model
    )


def by_this_version(manifest: Manifest) -> bool:
    """Tell whether a run was written by the version of panel that reads it."""
    return manifest.versions.get("panel") == _version()


def _version() -> str:
    return metadata.version("panel-verdict")


def read_manifest(text: str, *, where: Path) -> Manifest:
    """Return the manifest in the text of `where`; raises `RunError` naming what is wrong."""
    try:
        data = json.loads(text)
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema != SCHEMA and isinstance(schema, str) and schema.startswith("panel.run/"):
            raise RunError(
                f"{where} has format {schema}; this panel reads {SCHEMA}",
                hint="use the panel that wrote it, or a newer one",
            )
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunError(f"{where} is damaged: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where} is damaged: {error}") from error


def fingerprint(value: object) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text, or of a value's sorted JSON."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def persona_fingerprint(persona: Persona) -> str:
    """Return the fingerprint of a persona without the path of its file."""
    return fingerprint(persona.model_dump(mode="json", exclude={"origin"}))


def public(word: str, secret: str = "") -> str:
    """Return a word of a command line with keys, user names and queries removed."""
    if secret:
        word = word.replace(secret, "***")
    if begins_like_key(word):
        return "***"
    return _KEYS.sub("***", _QUERY.sub("", _USERINFO.sub("", word)))
