"""The API: the stored contract as it is, read-only without the key, described without a script."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from panel.foundation.errors import SettingsError
from panel.publish.server.api.docs import manual
from panel.publish.server.config import api_key, base_url
from panel.publish.server.page_cache import TrackedLookups
from panel.report.comparison.comparison import Comparison
from panel.report.scorecard import json as rendered
from panel.reviews.verdict.scorecard import Scorecard
from panel.runs.history.archive import Archive
from tests.support.live import KEY, assert_harmless, serving

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
TOLD = "Turns tables into widgets, in one process and one file, for small teams."
WRITING = [
    ("POST", "/api/requests", {"name": "Widget", "description": TOLD}),
    ("POST", "/api/votes", {"tool": "parley", "choice": "ship", "voter": "ada"}),
    ("GET", "/api/moderation/batches", None),
    ("POST", "/api/moderation/remove", {"mark": "none"}),
    ("POST", "/api/moderation/ban", {"address": "ada@reader.example"}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def live(folder):
    with serving(folder, review={"provider": "http://127.0.0.1:9/v1"}) as running:
        yield running


def read(live, path):
    answer = live.visitor().get(path)
    assert answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(answer.body)


def ask(live, method, path, payload, headers=AUTHORIZED):
    all_headers = {"Content-Type": "application/json", **headers}
    body = None if payload is None else json.dumps(payload).encode()
    answer = live.visitor().ask(method, path, headers=all_headers, body=body)
    return answer.status, json.loads(answer.body)


def test_a_scorecard_is_the_one_that_is_stored(live, folder):
    archive = Archive.open(folder / "runs")
    card = archive.card(archive.history("quillstore").latest)
    answer = live.visitor().get("/api/tools/quillstore")
    assert answer.text == rendered.render([card])
    assert Scorecard.model_validate_json(answer.body) == card


def test_the_newest_verdicts_are_listed_and_narrowed(live):
    _, reply = read(live, "/api/verdicts")
    assert reply["total"] == len(reply["verdicts"]) == 5
    _, held = read(live, "/api/verdicts?outcome=hold")
    assert [one["key"] for one in held["verdicts"]] == ["gullible"]
    _, kind = read(live, "/api/verdicts?category=developer%20TOOLS")
    assert [one["key"] for one in kind["verdicts"]] == ["quillstore"]
    _, part = read(live, "/api/verdicts?limit=2&offset=4")
    assert (part["total"], len(part["verdicts"])) == (5, 1)


def test_history_categories_tallies_and_comparisons_are_there(live):
    status, history = read(live, "/api/tools/parley/history")
    assert (status, len(history["verdicts"])) == (200, 1)
    _, categories = read(live, "/api/categories")
    assert categories == [{"name": "Developer tools", "tools": 1}, {"name": None, "tools": 4}]
    live.visitor().vote("ship", "parley")
    _, tally = read(live, "/api/tools/parley/tally")
    assert tally["anonymous"]["ship"] == tally["anonymous"]["total"] >= 1
    assert tally["verified"] == {
        "ship": 0, "skip": 0, "total": 0, "ship_percent": None, "interval": None,
    }  # fmt: skip
    _, tallies = read(live, "/api/tallies")
    assert tallies["tallies"]["parley"] == tally
    answer = live.visitor().get("/api/compare/quillstore/parley")
    comparison = Comparison.model_validate_json(answer.body)
    assert comparison.advice is not None


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/tools/nothing", 404, "not_found"),
        ("/api/tools/nothing/tally", 404, "not_found"),
        ("/api/compare/parley/nothing", 404, "not_found"),
        ("/api/compare/parley/parley", 422, "invalid"),
        ("/api/nothing", 404, "not_found"),
        ("/api/requests/99", 404, "not_found"),
        ("/api/requests/0", 422, "invalid"),
        ("/api/requests/canary", 422, "invalid"),
        ("/api/verdicts?limit=canary", 422, "invalid"),
        ("/api/verdicts?outcome=canary", 422, "invalid"),
    ],
)
def test_a_problem_is_one_shape_and_repeats_nothing(live, path, status, error):
    got, problem = read(live, path)
    assert (got, problem["error"]) == (status, error)
    assert problem.keys() == {"error", "message"}
    assert "canary" not in problem["message"]


@pytest.mark.parametrize(("method", "path", "body"), WRITING)
def test_nothing_is_written_without_the_key(live, method, path, body):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {KEY}"},
                 {"Authorization": "Bearer "}, {"Authorization": f"Bearer {KEY}é"}):  # fmt: skip
        status, problem = ask(live, method, path, body, headers)
        assert (status, problem["error"]) == (401, "key")


def test_where_no_key_is_set_nobody_writes(tmp_path):
    with serving(tmp_path, shelf=False, key=None) as live:
        for method, path, body in WRITING:
            for headers in (AUTHORIZED, {"Authorization": "Bearer "}):
                status, problem = ask(live, method, path, body, headers)
                assert (status, problem["error"]) == (403, "read_only")


def test_with_the_key_a_voter_has_one_vote(live):
    ballot = {"tool": "halfway", "voter": "ada"}
    for choice in ("ship", "ship", "skip"):
        status, got = ask(live, "POST", "/api/votes", {**ballot, "choice": choice})
        assert (status, got["choice"], got["tally"]["anonymous"]["total"]) == (200, choice, 1)
    _, got = ask(live, "POST", "/api/votes", {**ballot, "choice": "withdraw"})
    assert (got["choice"], got["tally"]["anonymous"]["total"]) == (None, 0)


def test_with_the_key_a_review_is_queued_once(live):
    body = {"name": "Widget", "description": TOLD}
    status, got = ask(live, "POST", "/api/requests", body)
    assert (status, got["name"]) == (202, "Widget")
    assert read(live, f"/api/requests/{got['id']}")[0] == 200
    for wrong in ({"name": "W"}, {**body, "url": "https://127.0.0.1/"}, {**body, "more": 1}, {}):
        assert ask(live, "POST", "/api/requests", wrong)[0] == 422


def test_a_banned_voter_counts_no_more_and_again(live):
    records = live.state
    ada = records.identities.verified("ada@reader.example")
    records.votes.cast(ada, "gullible", "ship", network="n")
    for banned, count in ((True, 0), (False, 1)):
        body = {"address": "ada@reader.example", "banned": banned}
        assert ask(live, "POST", "/api/moderation/ban", body) == (200, body)
        _, tally = read(live, "/api/tools/gullible/tally")
        assert tally["verified"]["total"] == count


def test_the_document_and_its_page_say_the_same(live):
    _, spec = read(live, "/api/openapi.json")
    page = live.visitor().get("/api").text
    assert_harmless(page)
    assert page.count("<script") == 1  # the site's own
    for path, methods in spec["paths"].items():
        assert path.startswith("/api/")
        for method, operation in methods.items():
            assert f"<b>{method.upper()}</b> {path}<" in page
            assert ("security" in operation) == (
                operation["tags"] == ["Moderation"] or method == "post"
            )
            assert operation["summary"].endswith(".")
    for name in ("Scorecard", "VerdictList", "Problem", "AskBody"):
        assert f'id="shape-{name.lower()}"' in page
    anchors = set(re.findall(r'href="#(shape[^"]+)"', page))
    assert anchors <= set(re.findall(r'id="(shape[^"]+)"', page))


def test_every_answer_of_the_document_is_the_one_that_comes(live):
    """A program made from the document finds the fields it was promised."""
    _, spec = read(live, "/api/openapi.json")
    shapes = spec["components"]["schemas"]
    for path, shape in (("/api/verdicts", "VerdictList"), ("/api/tallies", "TalliesReply"),
                        ("/api/tools/quillstore", "Scorecard")):  # fmt: skip
        _, got = read(live, path)
        # The card is of before 0.2, which named neither the ship threshold nor the judges.
        assert set(got) == set(shapes[shape]["properties"]) - {"ship_at", "judges"}


def address_of(length):
    return "a" * 60 + "@" + ".".join(["d" * 61] * 5)[: length - 64 - 1] + ".org"


LONG = {
    "url": lambda length: "https://widget.example/".ljust(length, "a"),
    "address": address_of,
}


def limited(live):
    """Every text of the document with a longest length: call, parameter, body, length."""
    _, spec = read(live, "/api/openapi.json")
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            for one in operation.get("parameters", ()):
                schemas = one["schema"].get("anyOf", [one["schema"]])
                for most in (schema["maxLength"] for schema in schemas if "maxLength" in schema):
                    yield method.upper(), path, one["name"], None, most
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                name = content["schema"]["$ref"].rpartition("/")[2]
                body = next(schema for _, at, schema in WRITING if at == path)
                for field, shape in spec["components"]["schemas"][name]["properties"].items():
                    if "maxLength" in shape:
                        yield method.upper(), path, field, body, shape["maxLength"]


def test_what_the_document_says_may_be_sent_is_taken_and_no_character_more(live):
    seen = {}
    for method, path, field, body, most in limited(live):
        for length in (most, most + 1):
            value = LONG.get(field, lambda n: "x" * n)(length)
            assert len(value) == length
            at = path.replace(f"{{{field}}}", value).replace("{one}", "a").replace("{two}", "b")
            at += f"?{field}={value}" if body is None and field not in path else ""
            status, got = ask(live, method, at, body and {**body, field: value})
            seen[path, field, length - most] = status == 422
            if status == 422 and length == most:
                raise AssertionError((path, field, got))
    fields = {field for _, field, _ in seen}
    assert fields >= {"name", "url", "description", "tool", "voter", "mark", "address", "category"}
    assert {place: refused for place, refused in seen.items() if refused != place[2]} == {}


def test_a_form_takes_as_much_as_the_api(live):
    _, spec = read(live, "/api/openapi.json")
    page = live.visitor().get("/requests").text
    shown = dict(re.findall(r'name="(name|url|description)"[^>]*maxlength="(\d+)"', page))
    properties = spec["components"]["schemas"]["AskBody"]["properties"]
    assert {name: int(most) for name, most in shown.items()} == {
        name: properties[name]["maxLength"] for name in ("name", "url", "description")
    }
    # A browser counts a line's end as one character and sends two.
    most = properties["description"]["maxLength"]
    lines = "\r\n".join(["y" * 99] * (most // 100)).ljust(most + most // 100 - 1, "y")
    answer = live.visitor().post("/request", name="Lines", url="", description=lines)
    assert answer.status == 303


def test_there_is_no_page_of_the_frameworks_own(live):
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert live.visitor().get(path).status == 404


def test_a_manual_of_nothing_is_empty():
    empty = manual({"openapi": "3.1.0", "info": {"version": "1"}, "paths": {}}, address="http://x")
    assert [group.calls for group in empty.groups] == [()] * 4
    assert empty.shapes == ()


# The parts


@pytest.mark.parametrize("text", ["short", "with a blank in it 0123", "ü" * 20, "x\n" * 20])
def test_a_key_that_could_be_guessed_is_refused_unseen(text):
    with pytest.raises(SettingsError, match="at least 16") as caught:
        api_key(text)
    assert text not in caught.value.message
    assert api_key("") is None
    assert api_key(KEY) == SecretStr(KEY)


@pytest.mark.parametrize(
    "text",
    ["panel.example", "ftp://panel.example", "https://", "https://a@b.example", "https://x/?q=1",
     "https://x:0/", "https://ü.example"],
)  # fmt: skip
def test_a_base_url_is_an_address_and_no_more(text):
    with pytest.raises(SettingsError):
        base_url(text)
    assert base_url("https://panel.example/") == "https://panel.example"


@given(st.dictionaries(st.sampled_from("abcd"), st.integers()),
       st.dictionaries(st.sampled_from("abcd"), st.integers()),
       st.lists(st.sampled_from("abcd")), st.booleans())  # fmt: skip
def test_a_page_is_kept_exactly_as_long_as_what_it_looked_up_is_the_same(old, new, keys, whole):
    seen = TrackedLookups(old)
    before = [seen.get(key) for key in keys] + ([*seen.items()] if whole else [])
    after = [new.get(key) for key in keys] + ([*new.items()] if whole else [])
    assert seen.holds(new) == (before == after or (whole and old == new))
