"""What a user sees when a provider turns requests down: nothing lost, the server's own words."""

import asyncio
import json

from tests.faultd import FaultServer, hang, panel_answers, respond

PAGE = "# Quill\n\nQuill turns notes into a page. Run `pip install quill`. It is MIT licensed.\n"


def batch(desk, script, *more):
    """Review three tools against a server with that script; return the end and the requests."""
    desk.write("README.md", PAGE)
    desk.write("list.json", json.dumps([{"name": name, "evidence": ["README.md"]}
                                        for name in ("Quill", "Zuiker", "Fern")]))  # fmt: skip

    async def main():
        async with FaultServer(script) as server:
            table = [f'base_url = "{server.base_url}"', 'model = "m"', *more]
            desk.write("panel.toml", "\n".join(["[providers.lab]", *table]))
            args = ("batch", "list.json", "--provider", "lab", "--format", "json")
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


def test_a_provider_that_hangs_for_a_while_costs_nobody_a_review(desk):
    answers, count = panel_answers(), 0

    def script(request):
        nonlocal count
        count += 1
        return hang() if 4 < count < 27 else answers(request)

    done, _ = batch(desk, script, "deadline = 0.5", "concurrency = 8")
    assert missing(done) == {"Quill": [], "Zuiker": [], "Fern": []}
