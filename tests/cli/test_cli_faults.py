"""What a user sees when a provider turns requests down: nothing lost, the server's own words."""

import asyncio
import json

from tests.support.faultd import FaultServer, panel_answers, respond

PAGE = "# Quill\n\nQuill turns notes into a page. Run `pip install quill`. It is MIT licensed.\n"


def batch(desk, script):
    """Review three tools against a server with that script; return the end and the requests."""
    desk.write("README.md", PAGE)
    desk.write("list.json", json.dumps([{"name": name, "evidence": ["README.md"]}
                                        for name in ("Quill", "Zuiker", "Fern")]))  # fmt: skip

    async def main():
        async with FaultServer(script) as server:
            args = ("batch", "list.json", "--provider", server.base_url, "--model", "m",
                    "--format", "json")  # fmt: skip
            return await asyncio.to_thread(desk.run, *args), server.requests

    return asyncio.run(main())


def missing(done):
    cards = [json.loads(line) for line in done.stdout.splitlines()]
    return {card["tool"]["name"]: [row["reason"] for row in card["missing"]] for card in cards}


def test_a_flagged_tool_loses_its_own_reviews_and_no_other(desk):
    answers = panel_answers()

    def script(request):
        if b"Zuiker" in request.body:
            return respond(403, {"error": {"message": "your input was flagged", "code": 403}})
        return answers(request)

    done, _ = batch(desk, script)
    assert done.returncode == 1
    assert missing(done) == {"Quill": [], "Zuiker": ["filtered"] * 4, "Fern": []}
    assert "your input was flagged" in done.stdout


def test_spent_credit_stops_the_list_with_the_servers_words(desk):
    body = {"error": {"message": "Insufficient balance", "code": "insufficient_quota"}}
    done, log = batch(desk, [respond(429, body)])
    assert done.returncode == 3
    assert "no credit left (429): Insufficient balance" in done.stderr
    assert "--provider local" in done.stderr
    assert "panel resume" in done.stderr
    assert len(log) <= 8
