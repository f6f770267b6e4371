"""`AsyncPanel.refresh` and its blocking twin: what is reviewed again, and what is told of it."""

import asyncio

import pytest

import panel
from panel.runs.folders import list_folders
from panel.runs.run import Run

FIRST = "# Widget\n\nWidget sorts log files by day. Install it with `pip install widget`.\n"
SECOND = "# Gadget\n\nGadget counts words in text files. Install it with `pip install gadget`.\n"


@pytest.fixture
def listed(tmp_path, provider):
    """A list of two tools with a page each, reviewed once."""
    (tmp_path / "widget.md").write_text(FIRST)
    (tmp_path / "gadget.md").write_text(SECOND)
    path = tmp_path / "tools.yaml"
    path.write_text(
        "".join(f"- name: {n}\n  evidence: {n.lower()}.md\n" for n in ("Widget", "Gadget"))
    )
    with client(tmp_path, provider) as p:
        assert len(list(p.review_many(path))) == 2
    provider.requests.clear()
    return path


def client(folder, provider, **more):
    return panel.Panel(
        provider=provider.url, runs=folder / "runs", settings=panel.Settings(), **more
    )


def test_what_changed_is_reviewed_again_and_what_moved_is_told(listed, provider):
    folder = listed.parent
    seen = []
    with client(folder, provider) as p:
        same = p.refresh(listed)
        assert [(m.tool.name, m.state, m.card) for m in same] == [
            ("Widget", "same", None),
            ("Gadget", "same", None),
        ]
        assert not provider.requests
        assert len(list_folders(folder / "runs")) == 1
        (folder / "widget.md").write_text(FIRST.replace("by day", "by hour, as of today"))
        widget, gadget = p.refresh(listed, on_event=seen.append)
    assert gadget == same[1]
    assert widget.state == "changed"
    assert widget.card.tool.name == "Widget"
    assert widget.verdict == widget.card.verdict
    assert widget.before == same[0].before == same[0].verdict
    assert any("by hour" in reason.after for reason in widget.reasons)
    assert all("Widget" in request.prompt for request in provider.requests)
    assert any(isinstance(event, panel.Decided) for event in seen)
    with Run.open(list_folders(folder / "runs")[0]) as run:
        assert run.manifest.parent == list_folders(folder / "runs")[1].name


def test_all_that_has_a_verdict_is_read_anew_where_no_list_is_given(listed, provider):
    folder = listed.parent
    (folder / "widget.md").unlink()

    async def refresh():
        async with panel.AsyncPanel(
            provider=provider.url, runs=folder / "runs", settings=panel.Settings()
        ) as p:
            return await p.refresh()

    gadget, widget = asyncio.run(refresh())
    assert (gadget.state, widget.state) == ("same", "unread")
    assert "widget.md" in widget.unread
    assert widget.verdict == widget.before is not None
    assert not provider.requests


def test_a_cap_is_held_over_all_runs_of_a_refresh(listed, provider):
    folder = listed.parent
    with client(folder, provider, samples=2) as p:
        p.review("Third", description="It is a third tool.", evidence=folder / "gadget.md")
    provider.requests.clear()
    with client(folder, provider) as p:
        for name in ("widget", "gadget"):
            page = folder / f"{name}.md"
            page.write_text(page.read_text().replace("Install", "Today, install"))
        with pytest.raises(panel.RunStopped, match="a cap is reached"):
            p.refresh(max_calls=16)
    assert len(provider.requests) == 16


def test_without_any_verdict_it_says_what_to_do(tmp_path, provider):
    with client(tmp_path, provider) as p, pytest.raises(panel.RunError) as refused:
        p.refresh()
    assert refused.value.hint == "panel batch LIST"
    assert "there are no verdicts in" in str(refused.value)
