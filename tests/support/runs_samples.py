"""Small but complete tools, evidence, reviews, cards, calls and manifests for the run tests."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from panel.evidence.source import Evidence, Passage, Source
from panel.evidence.tools.tool import Tool
from panel.llm.config import ProviderConfig
from panel.llm.types import CallRecord, CallTag, ChatRequest, ChatResponse, Usage
from panel.reviews.personas import Criterion, ForecastAsk, Persona
from panel.reviews.plan import ReviewPlan
from panel.reviews.review import Finding, Forecast, Missing, Review
from panel.reviews.score import Rule
from panel.reviews.verdict.scorecard import CardTool, RunUsage, Scorecard, Verdict, VoteTotals
from panel.runs.manifest import Manifest, new_manifest

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
SHARED = "Rules, the tool and its evidence. " * 300


def tool(slug: str = "sieve", **more: Any) -> Tool:
    return Tool(name=slug.title(), slug=slug, description=f"{slug} sorts things", **more)


def evidence(text: str = "Sieve is maintained – since 2019.") -> Evidence:
    passages = (Passage(id="E1.1", text=text), Passage(id="E1.2", text="MIT", heading="Licence"))
    source = Source(id="E1", source="README.md", retrieved=NOW, sha256="0" * 64, passages=passages)
    return Evidence(sources=(source,))


def review(
    persona: str = "builder", vote: str = "ship", answer: str = "yes", **more: Any
) -> Review:
    finding = Finding(
        criterion="maintained", question="Is it maintained today?", kind="fact",
        answer=answer, p=0.9, cites=("E1.1",), because="It says so.",
    )  # fmt: skip
    values: dict[str, Any] = {
        "persona": persona, "title": f"The {persona.title()}", "vote": vote, "score": 70.0,
        "coverage": 0.8, "stance": "ship", "summary": "I would use it [E1.1].",
        "findings": (finding,), "fields": {"primitive": "a sieve"},
        "forecast": Forecast(claim="It lives", probability=0.4, resolve_by=date(2027, 11, 22)),
        "provider": "local", "model": "tiny", "usage": Usage(input_tokens=10, output_tokens=5),
    }  # fmt: skip
    return Review(**values | more)


def card(slug: str = "sieve", outcome: str = "ship", **more: Any) -> Scorecard:
    values: dict[str, Any] = {
        "run": "a-run", "created": NOW, "provider": "local", "model": "tiny", "asked": "whole",
        "tool": CardTool(name=slug.title(), slug=slug),
        "verdict": Verdict(
            outcome=outcome, ship_percent=50.0, score=61.5, votes=VoteTotals(ship=1)
        ),
        "reviews": (review("builder"), review("skeptic", "skip", "no")),
        "missing": (Missing(persona="business", reason="timeout", detail="120 s passed"),),
        "evidence": evidence().sources,
        "usage": RunUsage(calls=4, input_tokens=40, output_tokens=20, unpriced_calls=4, seconds=2),
    }  # fmt: skip
    return Scorecard(**values | more)


def reply(text: str = "yes", **more: Any) -> ChatResponse:
    usage = Usage(input_tokens=1000, cached_tokens=900, output_tokens=7, cost_usd=0.001)
    raw = {"choices": [{"message": {"content": text}}], "odd": "\ud800"}
    return replace(
        ChatResponse(
            text, "stop", usage, "tiny-1", "groq", "req-1", ({"yes": -0.1, "no": -2.3},), raw
        ),
        **more,
    )


def call(
    key: str, *, answer: ChatResponse | None = None, slug: str = "sieve", **more: Any
) -> CallRecord:
    question = ChatRequest(
        "You are a reviewer.", SHARED, f"Answer {key}", 200, schema={"type": "object"}
    )
    record = CallRecord(
        key=key, tag=CallTag(slug, "builder", "review"), question=question, attempt=1,
        started=NOW, seconds=1.5, reply=answer or reply(f"reply to {key}"),
    )  # fmt: skip
    return replace(record, **more)


def persona(name: str = "builder", **more: Any) -> Persona:
    values: dict[str, Any] = {
        "name": name, "title": f"The {name.title()}", "lens": "what it takes to build with it",
        "criteria": (
            Criterion(id="maintained", question="Is it maintained today?", kind="fact"),
        ),
        "fields": (), "forecast": ForecastAsk(ask="What becomes of it?", horizon_months=12),
        "voice": "You build things.", "origin": f"personas/{name}.md",
    }  # fmt: skip
    return Persona(**values | more)


def target(**more: Any) -> ProviderConfig:
    values: dict[str, Any] = {
        "provider": "groq", "kind": "wire", "model": "tiny", "wire_model": "org/tiny:groq",
        "base_url": "https://router.example/v1", "key": SecretStr("canary-key-123456"),
    }  # fmt: skip
    return ProviderConfig(**values | more)


def manifest(**more: Any) -> Manifest:
    """Return a manifest; `more` are fields of its plan, `target`, or arguments of its run."""
    plan: dict[str, Any] = {
        "personas": (persona("builder"), persona("skeptic")), "judge": more.pop("target", target()),
        "rule": Rule(), "context": "a small team",
    }  # fmt: skip
    plan |= {f.name: more.pop(f.name) for f in fields(ReviewPlan) if f.name in more}
    temperature = more.pop("temperature", 0.0)
    run: dict[str, Any] = {
        "created": NOW, "command": ("panel", "review", "sieve"), "tools": 1,
        "prompts": {"review": "Rules: $x"}, "schemas": {"builder": {"type": "object"}},
    }  # fmt: skip
    made = new_manifest(ReviewPlan(**plan), **run | more)
    return made.model_copy(update={"temperature": temperature})


def files_in(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}
