"""J2: a provider that returns whatever an attacker likes harms nothing but its own tool's score."""

import asyncio
import json
import re

import html5lib
import pytest

from panel.engine.options import Options
from panel.engine.session import Session
from panel.evidence.tools.tool import Tool
from panel.foundation.settings import load_settings
from tests.support.cards import PAYLOADS
from tests.support.faultd import JSON, FaultServer, answer, respond
from tests.support.gullible import Gullible, inside, prompt_of
from tests.support.sessions import worked

CANARY = "canary-secret-9f8e7d6c5b4a"
MARK = "This one belongs to the attacker."


def evil(schema, payload, url):
    """A valid reply with the payload in every text, and all it could wish for elsewhere."""
    text = f"{payload} <img src='{url}/pixel'> [go]({url}/go) {url}/bare ../../../etc/passwd"
    part = schema["properties"]
    finding = {
        "because": text,
        "cites": ["E1.1", "E9.9", "../../x", url, payload[:150]],
        "answer": "yes",
    }
    whole = {
        "persona": part["persona"]["enum"][0],
        "findings": dict.fromkeys(part.get("findings", {}).get("properties", ()), finding),
        "fields": dict.fromkeys(part.get("fields", {}).get("properties", ()), text),
        "status": {"cites": ["E1.1", payload[:150]], "is": "active"},
        "missing": [text, text + "!"],
        "beats": {
            name: f"{text} [E1.1] [E2.7] for {name}."
            for name in part.get("beats", {}).get("properties", ())
        },
        "turns_on": text,
        "chances": dict.fromkeys(part.get("chances", {}).get("properties", ()), 100),
        "forecast": {"claim": text, "probability": 100},
        "summary": f"{text} [E1.1] [E2.7]",
        "stance": "ship",
    }
    return {name: value for name, value in whole.items() if name in part}


class Owned(Gullible):
    """Answers honestly about every tool but the attacker's."""

    def __init__(self, canary, payload):
        super().__init__([])
        self.canary, self.payload = canary, payload

    def __call__(self, request):
        if request.method == "GET":
            return respond(200, {"object": "list", "data": [{"id": "owned"}]}, (JSON,))
        body = request.json()
        if self.payload is not None and MARK in inside(prompt_of(body)):
            schema = body["response_format"]["json_schema"]["schema"]
            url = f"http://127.0.0.1:{self.canary.port}"
            return answer(json.dumps(evil(schema, self.payload, url)))
        return super().__call__(request)


def tools(folder):
    paths = []
    for n in range(3):
        path = folder / f"{n}.md"
        path.write_text(f"# Tool {n}\n\nTool {n} sorts. {MARK if n == 1 else ''}\n\nIt is free.\n")
        paths.append(Tool(name=f"Tool {n}", slug=f"tool-{n}", evidence=(path,)))
    return paths


def batch(folder, payload, monkeypatch):
    """Return the cards, how often the canary was connected to, and every file that is new."""
    pages = folder / "pages"
    pages.mkdir(parents=True)
    monkeypatch.setenv("PANEL_CONFIG", str(folder / "config"))
    environ = {"PANEL_CONFIG": str(folder / "config"), "HF_TOKEN": CANARY, "OPENAI_API_KEY": CANARY}
    settings = load_settings(None, {}).model_copy(update={"runs": folder / "runs"})
    listed = tools(pages)
    before = set(folder.rglob("*"))

    async def work():
        async with FaultServer([respond(200, "caught")]) as canary:
            async with FaultServer(Owned(canary, payload)) as server:
                options = Options(
                    settings=settings, environ=environ, provider=server.base_url, ask="whole"
                )
                async with await Session.start(options, listed) as session:
                    cards = await worked(session)
            return cards, canary.connections

    cards, connections = asyncio.run(work())
    return cards, connections, set(folder.rglob("*")) - before


def comparable(card):
    """Return what a card says, without run, times and sizes."""
    data = card.model_dump(mode="json")
    for name in ("run", "created", "usage", "provider", "judges"):
        del data[name]
    for part in (*data["evidence"], *data["reviews"]):
        part.pop("retrieved", None)
        part.pop("provider", None)
    return data


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        cards, _, new = batch(tmp_path_factory.mktemp("clean"), None, patch)
        (report,) = (path for path in new if path.name == "report.html")
        own = sorted(active(report.read_text(encoding="utf-8")))
        return [comparable(card) for card in cards], own


def active(page):
    """Yield what a browser would run, load or send."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    for element in tree.iter():
        tag = str(element.tag).rpartition("}")[2]
        if tag in {"script", "img", "iframe", "object", "embed", "link", "form", "input", "base",
                   "audio", "video", "use", "image"}:  # fmt: skip
            yield tag
        for name, value in element.attrib.items():
            if name.startswith("on") or re.match(r"\s*(?:javascript|data|vbscript):", value, re.I):
                yield f"{tag} {name}={value}"
            if name in {"src", "srcset", "action", "background"}:
                yield f"{tag} {name}"
            if name == "href" and not value.startswith(("#", "https://")):
                yield f"{tag} {name}={value}"


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_j2_whatever_the_provider_returns_only_its_own_tools_score_moves(
    tmp_path, monkeypatch, clean, payload
):
    clean, own_parts = clean
    cards, connections, new = batch(tmp_path, payload, monkeypatch)
    assert [comparable(c) for c in (cards[0], cards[2])] == [clean[0], clean[2]]
    assert comparable(cards[1])["verdict"] != clean[1]["verdict"], "the attacker did answer"
    assert connections == 0, "nothing a reply names is ever fetched"
    own = [tmp_path / "runs", tmp_path / "config"]
    assert all(any(path == o or o in path.parents for o in own) for path in new), new
    for path in new:
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path
        if path.suffix == ".html":
            # The run's page has a search field and a script of its own, and nothing else.
            expected = own_parts if path.name == "report.html" else []
            assert sorted(active(path.read_text(encoding="utf-8"))) == expected
    known = {p.id for s in cards[1].evidence for p in s.passages}
    for review in cards[1].reviews:
        assert {c for f in review.findings for c in f.cites} <= known
        assert review.unknown_cites > 0
