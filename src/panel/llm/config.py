"""`ProviderConfig`: one `--provider` value resolved to where a model is called and how."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Ask = Literal["whole", "stepwise"]
"""The run strategies: all criteria in one call, or one call a criterion."""

ResponseFormat = Literal["json_schema", "json_object", "prompt"]
"""How an answer in JSON is asked for, strictest first."""

Kind = Literal["wire", "local", "replay"]

Wire = Literal["openai", "lean"]
"""What carries requests: the official client, or aiohttp."""

Concurrency = int | Literal["auto"]
"""Calls in flight at most, or as many as the provider takes."""

CEILING: Final = 256
"""Calls in flight at most where the provider's limit is found by asking."""

Credentials = Literal["entra", "aws"]
"""A vendor's own sign-in instead of a key: Microsoft Entra ID, or AWS credentials."""


BatchForm = Literal["files", "inline"]
"""How a provider takes many questions as one job: a file in OpenAI's form, or in one request."""


class ProviderConfig(BaseModel):
    """Where and how one run calls its model. Holds the key: never stored, never printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    """The value as the user gave it (`auto`, `cerebras`, `local`, `http://…`, `replay:RUN`)."""
    kind: Kind
    model: str
    """The model as people name it; for `local` the short name of its row."""
    wire_model: str
    """The model as sent: with the router's `:provider` or `:policy` suffix where one applies."""
    base_url: str | None = None
    """Up to and including `/v1`; None for `local` (known once the child listens) and `replay`."""
    wire: Wire | None = None
    """None until `wires.choose_wire` has decided. Not part of a question's meaning."""
    key: SecretStr | None = None
    key_from: str = ""
    """Where the key was found, for messages: a variable's name or a file."""
    key_header: str = "Authorization"
    """`Authorization` sends a bearer token; any other header gets the key itself."""
    credentials: Credentials | None = None
    """How requests are authorised where there is no key; over the openai wire only."""
    api_version: str | None = None
    """Of Azure, whose deployment `wire_model` then stands in the path; None elsewhere, and for
    Azure's `/openai/v1`."""
    headers: dict[str, str] = Field(default={}, repr=False)
    proxy: str | None = Field(default=None, repr=False)
    """The proxy the environment names for this host; never one for this machine's own servers."""
    prices: dict[str, tuple[float, float]] = {}
    """USD per million input and output tokens by serving provider; `""` is any provider."""
    prices_from: str = ""
    """Where these stand, for messages; empty: with the provider, or in panel.toml."""
    batches: BatchForm | None = None
    """None: no batch API is known."""
    batch_price: float = 1.0
    """Share of `prices` that an answer costs in a batch job."""
    format: ResponseFormat = "json_schema"
    """The strictest format to try."""
    ask: Ask = "whole"
    stream: bool = False
    concurrency: int = 8
    """Calls in flight at most."""
    finds_limit: bool = False
    """How many calls the provider takes at a time is found by asking; `concurrency` is a ceiling
    that it seldom reaches."""
    deadline: float = 120.0
    """Seconds for one question, repeats after cut replies included. Waits for the server do not
    count, and a request that timed out while others were answered is repeated with as many."""
    evidence_tokens: int = 12_000
    """Estimated tokens of passages shown to the model."""
    thinking: int = 0
    """Tokens of room beyond a written answer: a limit, so what is not used costs nothing."""
    why: str = ""
    """Why this provider, for messages: what was found, or the run that is replayed."""
    run: str = ""
    """The run whose stored answers are used, as the user named it; only of kind `replay`."""


def call_limit(concurrency: Concurrency) -> dict[str, Any]:
    """Return the fields of a configuration that say how many calls may be in flight."""
    if concurrency == "auto":
        return {"concurrency": CEILING, "finds_limit": True}
    return {"concurrency": concurrency, "finds_limit": False}
