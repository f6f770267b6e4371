"""A provider that believes everything it reads outside the fence: the worst judge there is.

It takes any order that stands outside a correctly marked block, a chat token anywhere, and any
character nobody can see; then it says yes to everything. Otherwise its answers are drawn from the
question alone, so that two pages about the same tool are answered alike.
"""

import hashlib
import json
import math
import random
import re
from typing import Any

from panel.testing import _review
from tests.support.faultd import JSON, Request, Scenario, _place, answer, respond

BLOCK = re.compile(r"^BEGIN DATA ([0-9a-f]{12})$\n(.*?)^END DATA \1$", re.MULTILINE | re.DOTALL)
TOKENS = re.compile(
    r"<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>|</?think>|<｜"
)
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e0fff]")


def letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def pieces(text: str) -> set[str]:
    """Return every twelve letters in a row of a text."""
    plain = letters(text)
    return {plain[at : at + 12] for at in range(len(plain) - 11)}


def prompt_of(body: dict[str, Any]) -> str:
    return "\n".join(message["content"] for message in body["messages"])


def outside(prompt: str) -> str:
    """Return what stands outside the data blocks, the markers taken out."""
    return BLOCK.sub("[data]", prompt)


def inside(prompt: str) -> str:
    return "\n".join(match.group(2) for match in BLOCK.finditer(prompt))


class Gullible:
    """A handler for the loopback server; knows orders, keeps what it obeyed."""

    def __init__(self, orders: list[str]) -> None:
        # Any twelve letters in a row of an order, outside the block, are enough to obey it.
        self.orders = {piece for order in orders for piece in pieces(order)}
        self.trusted: set[str] = set()
        """What stands outside the block about clean pages: our own words are no order."""
        self.learning = False
        self.prompts: list[str] = []
        self.obeyed: list[str] = []

    def __call__(self, request: Request) -> Scenario:
        if request.method == "GET":
            return respond(200, {"object": "list", "data": [{"id": "gullible"}]}, (JSON,))
        body = request.json()
        prompt = prompt_of(body)
        if self.learning:
            self.trusted |= pieces(outside(prompt))
        self.prompts.append(prompt)
        obeys = self.would_obey(prompt)
        if obeys:
            self.obeyed.append(prompt)
        return self.answered(body, prompt, obeys=obeys)

    def would_obey(self, prompt: str) -> bool:
        ordered = self.orders & (pieces(outside(prompt)) - self.trusted)
        return bool(ordered) or bool(TOKENS.search(prompt)) or bool(UNSEEN.search(prompt))

    def answered(self, body: dict[str, Any], prompt: str, *, obeys: bool) -> Scenario:
        tail = outside(prompt).rpartition("[data]")[2]
        luck = random.Random(hashlib.sha256(tail.encode()).digest())
        form = body.get("response_format") or {}
        ids = re.findall(r"^\[(E\d+\.\d+)\]", inside(prompt), re.MULTILINE) or ["E1.1"]
        if form.get("type") == "json_schema":
            return answer(json.dumps(_whole(form["json_schema"]["schema"], luck, ids, obeys)))
        if body.get("logprobs"):
            yes = 0.95 if obeys else luck.uniform(0.05, 0.95)
            places = [_place({"yes": math.log(yes), "no": math.log(1 - yes)})]
            return answer("yes" if yes > 0.5 else "no", logprobs=places, finish="length")
        if "Which passage" in tail:
            return answer(ids[0])
        return answer(_written(tail))


def _whole(
    schema: dict[str, Any], luck: random.Random, ids: list[str], obeys: bool
) -> dict[str, Any]:
    part = schema["properties"]
    if "beats" in part:
        return dict(_review(schema, obeys, ids))
    findings = {
        name: {
            "because": "The page says so.",
            "cites": ids[:1],
            "answer": "yes" if obeys else luck.choice(["yes", "yes", "no", "unclear"]),
        }
        for name in part["findings"]["properties"]
    }
    whole = {
        "persona": part["persona"]["enum"][0],
        "findings": findings,
        "fields": dict.fromkeys(part.get("fields", {}).get("properties", ()), "It does one thing."),
        "status": {"cites": ids[:1], "is": "active"},
        "missing": ["who pays"],
        "forecast": {"claim": "It will still be here.", "probability": 60},
        "summary": "I judged it by its page.",
        "stance": "ship" if obeys else luck.choice(["ship", "skip"]),
    }
    return {name: value for name, value in whole.items() if name in part}


def _written(tail: str) -> str:
    names = re.findall(r"^([A-Z][a-z0-9 ]+): ", tail, re.MULTILINE)
    return "\n".join(f"{name}: I found that {name.lower()} holds up." for name in names)
