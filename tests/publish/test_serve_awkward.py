"""Awkward values in every parameter, field and form: told what is wrong, never a fault of ours."""

import json
from urllib.parse import quote

import pytest

from tests.support.live import KEY, serving

AWKWARD = {
    "63 bits and one": 2**63,
    "below 63 bits": -(2**63) - 1,
    "200 digits": int("9" * 200),
    "a fraction": 1e308,
    "NUL": "a\0b",
    "half a letter": "\ud800",
    "the other half": "x\udfff",
    "a number in words": "9223372036854775808",
    "no number": "NaN",
    "other digits": "٣٣",
    "a far year": "9999-12-31T23:59:59-23:59",
    "an early year": "0001-01-01T00:00:00+23:59",
    "a percent sign": "%",
    "a path": "../../etc/passwd",
    "long": "a" * 1500,
    "empty": "",
    "nothing": None,
    "yes": True,
    "a list": [],
    "an object": {"a": {"b": []}},
}
PAGES = (
    "/tools/{}.html", "/compare/{}.html", "/categories/{}.html", "/reviewers/{}.html",
    "/pictures/tools/{}.png", "/requests/{}", "/requests/{}/events", "/sign-in/{}", "/confirm/{}",
    "/unsubscribe/{}", "/{}", "/api/{}", "/requests?page={}", "/?page={}", "/tools.html?page={}",
)  # fmt: skip
FORMS = {
    "/vote": ("tool", "choice"),
    "/subscribe": ("address",),
    "/sign-in": ("address",),
    "/request": ("name", "url", "description"),
}
GOOD = {
    "tool": "parley", "choice": "ship", "voter": "ada", "name": "Widget", "mark": "m", "url": "",
    "address": "ada@reader.example", "description": "Turns tables into widgets, in one process.",
}  # fmt: skip


@pytest.fixture
def live(tmp_path, database_url):
    review = {"provider": "http://127.0.0.1:9/v1"}
    with serving(tmp_path, database_url=database_url, review=review) as running:
        yield running
        assert [line for line in running.log if "fault" in line] == []


def written(value):
    """Return a value as it stands in an address, also one that no program would write."""
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def calls(spec):
    """Yield method, path and body of every call with key awkward value in key place."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            places = operation.get("parameters", ())
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            for value in AWKWARD.values():
                for one in places:
                    filled = path
                    for other in (p for p in places if p["in"] == "path"):
                        filled = filled.replace(
                            f"{{{other['name']}}}", written(value if other is one else "parley")
                        )
                    query = f"?{one['name']}={written(value)}" if one["in"] == "query" else ""
                    yield method.upper(), filled + query, None
                if body:
                    name = body["schema"]["$ref"].rpartition("/")[2]
                    shape = spec["components"]["schemas"][name]["properties"]
                    for field in (*shape, "\ud800", "a\0"):
                        good = {key: GOOD[key] for key in shape if key in GOOD}
                        yield method.upper(), path, json.dumps({**good, field: value})


RAW = ("[" * 60_000, '{"name": 1e999}', "{", '"\\ud800"', "\ufeff{}", '{"a": ' + "9" * 5000 + "}")


def test_no_value_in_any_place_of_the_api_is_a_fault(live):
    visitor = live.visitor()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    spec = json.loads(visitor.get("/api/openapi.json").body)
    faults = {}
    for method, path, body in calls(spec):
        answer = visitor.ask(method, path, headers=headers, body=body and body.encode())
        faults[method, path, body] = answer.status
        if answer.status >= 400:
            assert json.loads(answer.body).keys() == {"error", "message"}
    assert {call: status for call, status in faults.items() if status >= 500} == {}
    assert len(faults) > 400
    for body in RAW:
        answer = visitor.ask("POST", "/api/votes", headers=headers, body=body.encode())
        assert 400 <= answer.status < 500


def test_no_value_in_any_page_form_or_cookie_is_a_fault(live):
    faults = {}
    for name, value in AWKWARD.items():
        for page in PAGES:
            path = page.format(written(value))
            faults[page, name] = live.visitor().get(path).status
        for path, fields in FORMS.items():
            for field in fields:
                form = {key: quote(GOOD[key]) for key in fields} | {field: written(value)}
                body = "&".join(f"{key}={text}" for key, text in form.items()).encode()
                headers = {
                    "Origin": live.url, "Content-Type": "application/x-www-form-urlencoded",
                }  # fmt: skip
                answer = live.visitor().ask("POST", path, headers=headers, body=body)
                # Without a mail server these two say that they cannot.
                expected = (503,) if path in ("/subscribe", "/sign-in") else ()
                if answer.status not in expected:
                    faults[path, field, name] = answer.status
        visitor = live.visitor()
        visitor.cookies = {"panel-voter": written(value), "panel-session": written(value)}
        faults["cookies", name] = visitor.get("/tools/parley.html").status
    assert {place: status for place, status in faults.items() if status >= 500} == {}


@pytest.mark.parametrize(
    "number", [2**63, 2**64, int("9" * 300)], ids=["63 bits", "64", "300 digits"]
)
def test_a_number_that_no_database_keeps_is_400(live, number):
    for path in (f"/requests/{number}", f"/requests/{number}/events", f"/api/requests/{number}"):
        assert live.visitor().get(path).status == 400


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["NUL", "half a letter"])
def test_text_that_no_database_keeps_is_400(live, text):
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for path, body in (
        ("/api/votes", {"tool": "parley", "choice": "ship", "voter": text}),
        ("/api/moderation/remove", {"mark": text}),
        ("/api/requests", {"name": text, "description": GOOD["description"]}),
    ):
        answer = live.visitor().ask("POST", path, headers=headers, body=json.dumps(body).encode())
        assert (answer.status, json.loads(answer.body)["error"]) == (400, "invalid")
        assert text not in answer.text
