"""Settings: panel.toml and the PANEL_* variables, read once into a frozen model."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from panel.foundation.did_you_mean import did_you_mean
from panel.foundation.errors import SettingsError
from panel.foundation.text import looks_like_key, printable

FILE = "panel.toml"
MAX_BYTES = 1_000_000


CallLimit = Annotated[int, Field(ge=1, le=1000)] | Literal["auto"]
"""Calls in flight at most, or as many as the provider takes."""


class ProviderSettings(BaseModel):
    """`[providers.NAME]`: a server of one's own, or other values for a provider panel knows.

    With a `base_url` nothing is taken over from a known provider of the same name: a key goes to
    the host it was named for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str | None = None
    key_env: str | None = None
    key_header: str | None = None
    api_version: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,40}$")
    """Of Azure's API: its deployments stand in the path then."""
    model: str | None = None
    format: Literal["json_schema", "json_object", "prompt"] | None = None
    ask: Literal["whole", "stepwise"] | None = None
    stream: bool | None = None
    concurrency: CallLimit | None = None
    deadline: float | None = Field(default=None, gt=0, le=86_400)
    evidence_tokens: int | None = Field(default=None, ge=200)
    thinking: int | None = Field(default=None, ge=0, le=100_000)
    """Tokens of room beyond an answer, for models that think first; 0 for small contexts."""
    wire: Literal["openai", "lean"] | None = None
    """What carries requests: the official client, or aiohttp."""
    batches: Literal["files", "inline"] | None = None
    """How it takes many questions as one job: OpenAI's batch API, or OpenRouter's."""
    batch_price: float | None = Field(default=None, gt=0, le=1)
    """Share of the usual price that an answer costs in such a job."""
    headers: dict[str, str] = {}
    price: tuple[float, float] | None = None
    """USD per million input and output tokens."""


class PersonaSettings(BaseModel):
    """`[personas.NAME]`: the model that answers for one reviewer instead of the run's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(min_length=1)
    model: str | None = None
    """None: the provider's usual one."""


class RuleSettings(BaseModel):
    """`[rule]`: numbers and weights of the verdict rule; None keeps the rule's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ship_at: float | None = Field(default=None, ge=0, le=100)
    min_coverage: float | None = Field(default=None, ge=0, le=1)
    quorum: float | None = Field(default=None, gt=0, le=1)
    unclear_band: float | None = Field(default=None, ge=0, lt=0.5)
    weights: Path | None = None
    """A file of fitted weights (`panel fit`), as `runs` from the folder one works in."""


class ServeSettings(BaseModel):
    """`[serve]`: what `panel serve` takes from its visitors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_day: int = Field(default=100, ge=0, le=100_000)
    """Reviews that may be asked for in any 24 hours, by all together: each costs model calls."""
    requests_per_person: int = Field(default=10, ge=0, le=100_000)
    """Those of one person: who has signed in, or else a network."""


class Settings(BaseModel):
    """What panel.toml and the environment say. Every value has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str | None = None
    model: str | None = None
    """Belongs to `provider`: another provider named on the command line does not take it over."""
    ask: Literal["whole", "stepwise"] | None = None
    fallback: tuple[str, ...] = ()
    """`PROVIDER` or `PROVIDER/MODEL`, asked in order where a reviewer's own cannot answer."""
    bill_to: str | None = None
    context: str | None = None
    runs: Path = Path("runs")
    concurrency: CallLimit | None = None
    rule: RuleSettings = RuleSettings()
    serve: ServeSettings = ServeSettings()
    providers: dict[str, ProviderSettings] = {}
    personas: dict[str, PersonaSettings] = {}

    def of(self, provider: str) -> Self:
        """Return the settings as a reviewer's own provider is asked by them.

        The model is that of the settings' provider: another one is not asked for it.
        """
        return self if provider == self.provider else self.model_copy(update={"model": None})


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read settings; `path` None means $PANEL_CONFIG_FILE, else panel.toml here if it exists.

    PANEL_PROVIDER, PANEL_MODEL and PANEL_RUNS go over the file.

    Raises:
        SettingsError: unreadable file, unknown key or impossible value; names file and key.
    """
    explicit = path or (Path(chosen) if (chosen := environ.get("PANEL_CONFIG_FILE")) else None)
    file = explicit or Path(FILE)
    values: dict[str, Any] = _read(file) if explicit or file.is_file() else {}
    if provider := environ.get("PANEL_PROVIDER"):
        values["provider"] = provider
        values.pop("model", None)
    values |= {
        key: environ[name]
        for key, name in (("model", "PANEL_MODEL"), ("runs", "PANEL_RUNS"))
        if environ.get(name)
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _first_error(error, file) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{file}: larger than 1 MB")
        return tomllib.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        what = (error.strerror or "cannot be read").lower()
        raise SettingsError(f"{file}: {what}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: not UTF-8 text", hint="save the file as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: not valid TOML: {printable(str(error))[:120]}") from None


def _first_error(error: ValidationError, file: Path) -> SettingsError:
    """Name the first error by file and key; never its value, which may be a secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ["…" if looks_like_key(str(part)) else str(part) for part in first["loc"]]
    key = printable(".".join(place))[:120]
    if first["type"] != "extra_forbidden":
        return SettingsError(f"{file}: {key}: {first['msg'].lower()}")
    keys = _known_keys(place)
    hint = did_you_mean(place[-1], keys, most=1, cutoff=0.5) or f"known here: {', '.join(keys)}"
    return SettingsError(f"{file}: unknown key {key}", hint=hint)


def _known_keys(place: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    if len(place) > 1:
        tables: dict[str, type[BaseModel]] = {
            "rule": RuleSettings, "serve": ServeSettings, "personas": PersonaSettings
        }  # fmt: skip
        model = tables.get(place[0], ProviderSettings)
    return sorted(model.model_fields)
