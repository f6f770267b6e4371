"""The family of a model, by its name: models of one family share training data and mistakes."""

import re
from typing import Final

_KNOWN: Final = {
    "openai": r"gpt|chatgpt|o[134](?![a-z0-9])",
    "anthropic": r"claude",
    "google": r"gemini|gemma",
    "mistral": r"mistral|mixtral|ministral|magistral|codestral|devstral|pixtral",
    "cohere": r"command|aya|c4ai",
    "zai": r"glm|chatglm",
    "moonshot": r"kimi|moonlight",
    "qwen": r"qwen|qwq",
    "llama": r"(?:code|tiny)?llama",
}
"""Beginnings of the words that name a maker's models under more than one name."""

_DISTILLED: Final = re.compile(r"distill?(?:ed)?[-_.]?(?P<base>llama|qwen)")
"""A distilled model is one of the family that its weights come from."""


def family(model: str) -> str:
    """Return the family of a model: a maker panel knows, else the first word of its name."""
    name = model.rpartition("/")[2].lower()
    if distilled := _DISTILLED.search(name):
        return distilled["base"]
    words = [word for word in re.split(r"[^a-z0-9]+", name) if word]
    for known, beginnings in _KNOWN.items():
        if any(re.match(beginnings, word) for word in words):
            return known
    first = re.match(r"[a-z]+", words[0]) if words else None
    return first[0] if first else name
