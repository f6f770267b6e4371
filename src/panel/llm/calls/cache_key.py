"""Request keys: equal keys, equal answers. Says what a question means, not where or when."""

import hashlib
import json
from typing import Final

from panel.llm.config import ProviderConfig
from panel.llm.types import ChatRequest

_TAG: Final = "q1:"
"""Goes up when the way a digest is made changes, so that old answers are not taken for new."""


def request_digest(question: ChatRequest) -> str:
    """Return the digest of everything that can change the answer but the model.

    The fence's marker is left out: it depends on the installation, not on the question.
    """
    parts = [
        question.system, question.shared, question.tail, question.max_tokens, question.schema,
        question.logprobs, question.temperature, question.sample,
    ]  # fmt: skip
    return _digest(parts)


def request_key(question: ChatRequest, target: ProviderConfig) -> str:
    """Return the key of a question to a target: provider and model, not its address or key."""
    return _TAG + _digest([request_digest(question), target.provider, target.wire_model])


def _digest(parts: list[object]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
