"""A loopback server that plays github.com, its API, huggingface.co and a tool's own site.

Each host has a name of its own that ends in `.test` and resolves to this machine, so that the
`Host` of a request says who was asked, and which key came along.
"""

import json
from collections.abc import Mapping
from typing import Any

from panel.evidence.adapters.client import EvidenceClient
from tests.support.faultd import FaultServer, Request, Scenario, respond

HOSTS = ("github.com", "api.github.com", "raw.githubusercontent.com", "huggingface.co",
         "widget.example", "elsewhere.example")  # fmt: skip

HTML = (("Content-Type", "text/html; charset=utf-8"),)
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
JSON = (("Content-Type", "application/json; charset=utf-8"),)

README = """\
# Widget

Widget turns tables into widgets, one process and one file.

## Install

Run `pip install widget` and then `widget init`; there is nothing else to set up.

## License

MIT
"""
REPOSITORY = {
    "full_name": "acme/widget", "description": "Tables into widgets.", "archived": False,
    "license": {"key": "mit", "spdx_id": "MIT", "name": "MIT License"}, "open_issues_count": 96,
    "stargazers_count": 1234, "created_at": "2019-05-06T07:08:09Z",
    "pushed_at": "2026-11-01T10:00:00Z", "homepage": "https://widget.example/",
}  # fmt: skip
RELEASE = {"tag_name": "3.38", "published_at": "2026-10-02T11:12:13Z", "name": "Three"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TAGS = [{"name": name, "commit": {"sha": COMMIT}} for name in ("v9", "v10.0rc1", "v10.0", "v2")]
TAGGED = {"sha": COMMIT, "commit": {"author": {"date": "2020-01-01T00:00:00Z"},
                                    "committer": {"date": "2026-09-08T01:02:03Z"}}}  # fmt: skip
HOME = """\
<html><head><title>Widget: tables into widgets</title>
<meta property="og:site_name" content="Widget"></head><body>
<nav><a href="/docs">Docs</a> <a href="/pricing">Pricing</a>
<a href="https://github.com/acme/widget">GitHub</a> <a href="https://github.com/other/thing">x</a>
</nav><main><h1>Widget</h1><p>Widgets from tables, for teams that have many tables to turn.</p>
</main></body></html>
"""
PRICES = """\
<html><body><h1>Pricing</h1><section><h2>Solo</h2><p>Free plan, for one person.</p></section>
<section><h2>Team</h2><p>$20 per user / month, billed monthly, with every feature there is.</p>
</section></body></html>
"""
CARD = "---\nlicense: apache-2.0\n---\n# Tiny\n\nA tiny model that answers in one word.\n"
MODEL = {
    "id": "acme/tiny", "tags": ["license:apache-2.0", "gguf"], "downloads": 42, "likes": 7,
    "pipeline_tag": "text-generation", "library_name": "transformers", "gated": False,
    "createdAt": "2025-01-01T00:00:00.000Z", "lastModified": "2026-09-09T00:00:00.000Z",
}  # fmt: skip

PAGES: dict[str, Scenario] = {
    "raw.githubusercontent.com/acme/widget/HEAD/README.md": respond(200, README, TEXT),
    "api.github.com/repos/acme/widget": respond(200, REPOSITORY),
    "api.github.com/repos/acme/widget/releases/latest": respond(200, RELEASE),
    "widget.example/": respond(200, HOME, HTML),
    "widget.example/pricing": respond(200, PRICES, HTML),
    "huggingface.co/acme/tiny/raw/main/README.md": respond(200, CARD, TEXT),
    "huggingface.co/api/models/acme/tiny": respond(200, MODEL),
}


class Forge(FaultServer):
    """Serves `PAGES` and what goes over them; a page that is None does not exist."""

    def __init__(self, over: Mapping[str, Scenario | None] | None = None) -> None:
        self.pages = {**PAGES, **(over or {})}
        super().__init__(self._answer)

    def hosts(self, *, named: bool = True) -> dict[str, str]:
        """Return the base address of every host; without names of their own, all on one."""
        return {
            host: f"http://{host + '.test' if named else '127.0.0.1'}:{self.port}/{host}"
            for host in HOSTS
        }

    def internet(self, **environ: str) -> EvidenceClient:
        return EvidenceClient.open(environ, hosts=self.hosts(), resolve=_loopback)

    def asked(self) -> list[str]:
        """Return host and path of every request, in order of arrival."""
        return [request.path.lstrip("/") for request in self.requests]

    def headers(self, host: str) -> list[dict[str, str]]:
        """Return the headers of the requests that a host got, by the name it was asked under."""
        return [r.headers for r in self.requests if r.headers["host"].startswith(f"{host}.test:")]

    def _answer(self, request: Request) -> Scenario:
        page = self.pages.get(request.path.lstrip("/"))
        return page or respond(404, json.dumps({"message": "Not Found"}))


async def _loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def repository(**changes: Any) -> Scenario:
    return respond(200, {**REPOSITORY, **changes})
