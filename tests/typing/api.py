"""Code of a user that only the type checker reads: what the public names are to it.

Checked by `tests/api/test_typing.py`, which also checks that a wrong call is found. Never run.
"""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import assert_type

import panel
from panel.testing import Answer, Failure, ScriptedProvider, ScriptedRequest, ship


async def many(tools: list[panel.Tool]) -> None:
    async with panel.AsyncPanel(provider="cerebras", samples=3, runs="runs") as p:
        assert_type(p, panel.AsyncPanel)
        card = await p.review("https://github.com/simonw/sqlite-utils")
        assert_type(card, panel.Scorecard)
        document = panel.Document(text="# X", name="README.md")
        assert_type(await p.review(panel.Tool(name="X"), evidence=[document]), panel.Scorecard)
        await p.review(Path("x.yaml"), evidence=["README.md", Path("notes.md"), document])
        assert_type(p.review_many(tools), AsyncGenerator[panel.Scorecard, None])
        async for scorecard in p.review_many(tools, on_event=print):
            assert_type(scorecard, panel.Scorecard)
        assert_type(await p.refresh("tools.yaml"), tuple[panel.Movement, ...])
    assert_type(await panel.areview("X", description="x"), panel.Scorecard)


def plain(persona: panel.Persona) -> None:
    with panel.Panel(provider="local", personas=["builder", persona]) as p:
        assert_type(p, panel.Panel)
        assert_type(p.review("X", description="x", on_event=watch), panel.Scorecard)
        (moved,) = p.refresh()
        assert_type(moved.card, panel.Scorecard | None)
        assert_type(moved.reasons, tuple[panel.Reason, ...])
        assert_type(p.review_many(["a.yaml", Path("b.yaml")]), Iterator[panel.Scorecard])
    assert_type(panel.review("X", description="x"), panel.Scorecard)


def watch(event: panel.Event | panel.LeftOut) -> None:
    match event:
        case panel.Started() | panel.Stepped():
            assert_type(event.tool, panel.Tool)
        case panel.Reviewed():
            assert_type(event.review, panel.Review | panel.Missing)
        case panel.Decided():
            assert_type(event.card, panel.Scorecard)
        case panel.LeftOut() | panel.WentOver():
            assert_type(event.reason, str)


def stored() -> None:
    run = panel.open_run("latest")
    assert_type(run, panel.StoredRun)
    a, b = run.scorecards()
    assert_type(a.verdict, panel.Verdict)
    assert_type(a.reviews, tuple[panel.Review, ...])
    assert_type(a.reviews[0].findings, tuple[panel.Finding, ...])
    assert_type(a.evidence[0], panel.Source)
    assert_type(panel.verify(run), panel.VerifyReport)
    assert_type(panel.compare(a, b), panel.Comparison)
    assert_type(panel.render(a, "html"), str)
    assert_type(panel.__version__, str)


def scripted(request: ScriptedRequest) -> Answer:
    return Failure(503) if request.persona is None else ship(request)


def endpoint() -> None:
    with ScriptedProvider(scripted) as provider:
        assert_type(provider.url, str)
        panel.review("X", description="x", provider=provider.url)


async def wrong(p: panel.AsyncPanel, b: panel.Panel, card: panel.Scorecard) -> None:
    panel.AsyncPanel(ask="loud")  # type: ignore[arg-type]
    panel.Panel(sample=3)  # type: ignore[call-arg]
    await p.review(5)  # type: ignore[arg-type]
    b.review("X", evidences="README.md")  # type: ignore[call-arg]
    panel.review("X", samples="3")  # type: ignore[arg-type]
    panel.verify(card)  # type: ignore[arg-type]
