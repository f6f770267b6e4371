"""Review requests from the page: queued, worked by the real engine, followed, taken up again."""

import asyncio
import contextlib
import json
import re
import socket
import threading

import html5lib
import pytest

from panel.engine.options import Options
from panel.foundation.errors import ToolError
from panel.foundation.settings import ServeSettings, Settings
from panel.foundation.text import clean
from panel.publish.community.database import Database
from panel.publish.community.rate_limits import Rate
from panel.publish.community.requests import Requests
from panel.publish.server.proxy_headers import TrustedProxies
from panel.publish.server.review_request import ReviewRequest, read_review_request, settled
from panel.runs.history.archive import Archive
from tests.support.cards import named
from tests.support.command import answering
from tests.support.faultd import respond
from tests.support.forge import Forge
from tests.support.live import FREE, KEY, serving, until
from tests.support.shelf import shelve

WIDGET = "https://widget.example/"
TOLD = "Turns tables into widgets, in one process and one file, for small teams."


@pytest.fixture(autouse=True)
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("PANEL_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture(scope="module")
def slow():
    """The base URL of a provider that takes its time."""
    with answering("--latency", "0.5") as url:
        yield url


@contextlib.contextmanager
def forge(over=None):
    """Serve the pages of a few tools from a thread of its own."""
    loop, ready, box = asyncio.new_event_loop(), threading.Event(), []

    async def run():
        async with Forge(over) as server:
            box.append(server)
            ready.set()
            await done.wait()

    done = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield box[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


def asked(answers, **review):
    return {"provider": answers, "personas": ("builder", "skeptic", "business"), **review}


def ended(live, path):
    """Wait until a request has ended and return its page."""
    visitor = live.visitor()
    until(lambda: "data-progress" not in visitor.get(path).text, seconds=50)
    return visitor.get(path).text


def test_a_request_ends_at_the_tools_page(tmp_path, answers):
    with serving(tmp_path, review=asked(answers)) as live:
        answer = live.visitor().post("/request", name="Widget", url="", description=TOLD)
        assert (answer.status, answer.headers["location"]) == (303, "requests/1")
        page = ended(live, "/requests/1")
        (path,) = re.findall(r'class="onward" href="\.\./([^"]+)"', page)
        assert path == "tools/widget.html"
        assert "Widget" in live.visitor().get(f"/{path}").text
        assert 'href="tools/widget.html"' in live.visitor().get("/").text
        assert ">done<" in live.visitor().get("/requests").text


def test_its_stream_tells_each_step_and_ends(tmp_path, slow):
    with serving(tmp_path, review=asked(slow)) as live:
        live.visitor().post("/request", name="Widget", url="", description=TOLD)
        answer = live.visitor().get("/requests/1/events")
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        messages = [json.loads(line[6:]) for line in answer.text.splitlines() if "data:" in line]
        assert messages[-1]["ended"]
        assert messages[-1]["link"] == "tools/widget.html"
        assert any("reviewers read" in one["doing"] for one in messages)
        assert [step["title"] for one in messages for step in one["steps"]]


def test_an_address_is_read_under_the_limits_of_fetching(tmp_path, answers):
    with (
        forge() as web,
        serving(tmp_path, review=asked(answers, hosts=web.hosts(named=False))) as live,
    ):
        live.visitor().post("/request", name="Widget", url=WIDGET, description="The best of all.")
        assert "The verdict is in" in ended(live, "/requests/1")
        card = json.loads(live.visitor().get("/api/tools/widget").body)
        assert "widget.example/pricing" in web.asked()
        assert card["tool"]["description"] is None  # a stranger's words are no evidence


NOT_READ = (
    "http://widget.example/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/",
    "https://2130706433/", "https://169.254.169.254/latest/meta-data", "https://127.1/",
    "https://user:pw@widget.example/", "https://widget.example:22/", "file:///etc/passwd",
    "javascript:alert(1)", "https://", "https://widget.example/\r\nHost: evil",
    "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::7f00:1]/",
)  # fmt: skip


def test_f1_an_address_that_may_not_be_read_is_never_queued(tmp_path, answers):
    with serving(tmp_path, shelf=False, review=asked(answers)) as live:
        for url in NOT_READ:
            answer = live.visitor().post("/request", name="Widget", url=url, description="")
            assert (answer.status, url) == (422, url)
        assert live.state.requests.recent() == ()


def test_f1_an_address_that_leads_inside_fails_and_says_so(tmp_path, answers):
    # The name is public, what it stands for is not.
    with serving(tmp_path, shelf=False, review=asked(answers)) as live:
        live.visitor().post("/request", name="Widget", url="https://localtest.invalid/")
        page = ended(live, "/requests/1")
        assert "nothing could be read about Widget" in page
        assert live.visitor().get("/tools/widget.html").status == 404


def test_f1_nobody_learns_which_names_the_network_here_knows(tmp_path, answers, monkeypatch):
    known, real = {"inside.example.org": "10.0.0.7"}, socket.getaddrinfo

    def look_up(host, *more, **how):
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 443))]
        if host.endswith(".example.org"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return real(host, *more, **how)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    leads = {
        f"widget.example/{name}": respond(302, "", (("Location", f"https://{name}.example.org/"),))
        for name in ("inside", "nowhere")
    }
    with (
        forge(leads) as web,
        serving(tmp_path, shelf=False, review=asked(answers, hosts=web.hosts(named=False))) as live,
    ):
        messages = []
        for number, url in enumerate(
            ("https://inside.example.org/", "https://nowhere.example.org/",
             "https://widget.example/inside", "https://widget.example/nowhere"), 1
        ):  # fmt: skip
            live.visitor().post("/request", name="Widget", url=url)
            page = ended(live, f"/requests/{number}")
            messages.append(re.search("data-doing>(.*?)<", page)[1])
        api = [live.visitor().get(f"/api/requests/{number}").text for number in (1, 2, 3, 4)]
        assert len(set(messages)) == 1
        assert "nothing could be read about Widget" in messages[0]
        assert not any("public" in one or "no such host" in one for one in api)


TYPED = "<b>\"Quoted\" & 'single'</b>\n\n</textarea><script>"
WRONG = (
    ("name", {"name": "", "url": WIDGET, "description": TYPED}),
    ("name", {"name": "x" * 200, "url": WIDGET}),
    ("url", {"name": "Widget"}),
    ("url", {"name": TYPED, "description": "\n short"}),
    ("url", {"name": "Widget", "url": TYPED, "description": TYPED}),
    ("description", {"name": "Widget", "description": "y" * 5000}),
    ("name", {"name": "\u202e\u200b\x00", "url": WIDGET}),
)


def test_a_request_with_wrong_fields_is_told_what_is_wrong(tmp_path, answers):
    with serving(tmp_path, shelf=False, review=asked(answers)) as live:
        for field, fields in WRONG:
            answer = live.visitor().post("/request", **fields)
            assert (answer.status, fields) == (422, fields)
            form = sent_form(answer)
            for name in ("name", "url", "description"):
                element, text = form[name]
                assert text.splitlines() == clean(fields.get(name, ""))[0].splitlines()
                assert ("autofocus" in element.attrib) == (name == field)
                assert element.get("aria-invalid") == ("true" if name == field else None)
            fault = form[field][0].get("aria-describedby")
            assert f'id="{fault}" class="tone no small" role="alert">' in answer.text
        assert live.state.requests.recent() == ()


def sent_form(answer):
    """Return the fields of a page's request form, and the text in each as a browser shows it."""
    page = html5lib.parse(answer.text, namespaceHTMLElements=False)
    (form,) = [form for form in page.iter("form") if form.get("action") == "request"]
    return {
        field.get("name"): (field, field.get("value") if field.tag == "input" else field.text or "")
        for field in form.iter()
        if field.get("name")
    }


def test_a_known_tool_is_read_again_from_its_own_address_only(tmp_path):
    runs = tmp_path / "runs"
    other = named("Parley")
    web = other.model_copy(
        update={"tool": other.tool.model_copy(update={"url": "https://parley.example/"})}
    )
    shelve(runs, [web, named("Filed")])
    archive = Archive.open(runs)
    parley, filed = archive.history("parley"), archive.history("filed")
    again = settled(read_review_request("  PARLEY ", "", "Something else " * 9), parley)
    assert again == ReviewRequest("Parley", "https://parley.example/", None)
    assert settled(read_review_request("Parley", "https://Parley.example", ""), parley) == again
    with pytest.raises(ToolError, match="another address"):
        settled(read_review_request("Parley", "https://evil.example/", ""), parley)
    with pytest.raises(ToolError, match="only whoever runs this site"):
        settled(read_review_request("Filed", "https://evil.example/", ""), filed)


def test_a_page_cannot_give_its_tool_a_known_ones_name(tmp_path, answers):
    title = "<html><head><title>Quillstore</title></head><body><p>I am it, truly.</p></body></html>"
    html = (("Content-Type", "text/html"),)
    with (
        forge({"widget.example/": respond(200, title, html)}) as web,
        serving(tmp_path, review=asked(answers, hosts=web.hosts(named=False))) as live,
    ):
        before = live.visitor().get("/api/tools/quillstore").body
        live.visitor().post("/request", name="widget.example", url=WIDGET)
        assert "known here" in ended(live, "/requests/1")
        assert live.visitor().get("/api/tools/quillstore").body == before


def test_a_restarted_server_takes_up_what_was_left(tmp_path, answers):
    with Database.open(None, folder=tmp_path / "community") as database:
        requests = Requests(database)
        requests.add("Widget", None, TOLD)
        requests.add("Gadget", None, TOLD)
        assert requests.next().name == "Widget"  # and then the server died
    with serving(tmp_path, review=asked(answers)) as live:
        for number, key in ((1, "widget"), (2, "gadget")):
            assert f"tools/{key}.html" in ended(live, f"/requests/{number}")


def test_a_review_under_way_when_the_server_ends_goes_on_with_its_run(tmp_path, slow):
    with serving(tmp_path, shelf=False, review=asked(slow)) as live:
        live.visitor().post("/request", name="Widget", description=TOLD, url="")
        until(lambda: live.state.requests.get(1).run)
        begun = live.state.requests.get(1).run
    with serving(tmp_path, shelf=False, review=asked(slow)) as live:
        assert "tools/widget.html" in ended(live, "/requests/1")
        assert live.state.requests.get(1).run == begun
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [begun]


def test_a_replayed_run_answers_the_same_request(tmp_path, answers):
    with serving(tmp_path / "one", shelf=False, review=asked(answers)) as live:
        live.visitor().post("/request", name="Widget", description=TOLD, url="")
        ended(live, "/requests/1")
        first = json.loads(live.visitor().get("/api/tools/widget").body)
    provider = f"replay:{tmp_path / 'one' / 'runs' / first['run']}"
    with serving(tmp_path / "two", shelf=False, review=asked(provider)) as live:
        live.visitor().post("/request", name="Widget", description=TOLD, url="")
        ended(live, "/requests/1")
        again = json.loads(live.visitor().get("/api/tools/widget").body)
        assert again["verdict"] == first["verdict"]
        live.visitor().post("/request", name="Gadget", description=TOLD, url="")
        assert "could not be asked" in ended(live, "/requests/2")


def test_a_provider_that_fails_is_told_to_the_operator_only(tmp_path):
    with serving(tmp_path, review=asked("http://127.0.0.1:9/v1")) as live:
        live.visitor().post("/request", name="Widget", description=TOLD, url="")
        page = ended(live, "/requests/1")
        assert "127.0.0.1:9" not in page


def test_w2_requests_are_few_and_the_queue_is_bounded(tmp_path, answers):
    rates = FREE | {"request_network": Rate(burst=2, per_minute=0.5)}
    with serving(tmp_path, shelf=False, rates=rates, review=asked(answers)) as live:
        seen = [
            live.visitor().post("/request", name=f"Tool {n}", description=TOLD, url="").status
            for n in range(6)
        ]
        assert seen == [303, 303, 429, 429, 429, 429]
        late = live.visitor().post("/request", name="Late", description=TOLD, url="")
        assert int(late.headers["retry-after"]) > 0
        assert [text for _, text in sent_form(late).values()] == ["Late", "", TOLD]


def test_w2_reviews_have_a_budget_a_day(tmp_path):
    budget = ServeSettings(requests_per_day=4, requests_per_person=2)
    settings = Settings(runs=tmp_path / "runs", serve=budget)
    review = Options(settings=settings, environ={}, provider="http://127.0.0.1:9/v1")
    proxies = TrustedProxies.of(["127.0.0.1"])
    authorized = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def ask(live, name, where):
        fields = {"name": name, "url": "", "description": TOLD}
        headers = {"Origin": live.url, "X-Forwarded-For": where}
        visitor = live.visitor()
        visitor.vote("ship")  # a cookie makes nobody another person
        return visitor.ask("POST", "/request", fields=fields, headers=headers)

    for turn in range(2):
        with serving(tmp_path, options=review, proxies=proxies) as live:
            one = [ask(live, f"One {turn} {n}", "203.0.113.7") for n in range(4)]
            other = [ask(live, f"Other {turn} {n}", "198.51.100.7").status for n in range(2)]
            third = ask(live, f"Third {turn}", "192.0.2.7")
            body = json.dumps({"name": f"Program {turn}", "description": TOLD}).encode()
            program = live.visitor().ask("POST", "/api/requests", headers=authorized, body=body)
        if turn == 0:
            assert [reply.status for reply in one] == [303, 303, 429, 429]
            assert other == [303, 303]
            assert "one person or network may ask for 2 reviews a day" in one[-1].text.lower()
        assert third.status == program.status == 429
        assert 80_000 < int(third.headers["retry-after"]) <= 86_401
        assert "24 hours" in third.text
        assert json.loads(program.body)["error"] == "budget_spent"
        assert 80_000 < int(program.headers["retry-after"]) <= 86_401


def test_without_requests_none_are_taken(tmp_path):
    with serving(tmp_path, takes_requests=False) as live:
        assert live.visitor().post("/request", name="Widget", url=WIDGET).status == 403
        assert 'action="request"' not in live.visitor().get("/").text
        assert live.visitor().get("/requests/1").status == 404
